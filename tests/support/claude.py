"""A fake Claude on a port of this machine: the real SDK talks to it over HTTP, and a test writes its answers.

It answers ``POST /v1/messages`` as JSON, or as server-sent events where the request asks for a stream. What was asked
is kept, and a client that gives up while it waits is noticed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.settings import Settings

KEY = "sk-test-0123456789"
PRICES = {"claude-sonnet-5-5": (3.0, 15.0), "claude-haiku-5-5": (1.0, 5.0)}


@dataclass(frozen=True)
class Step:
    """One answer. Without ``status`` it is never given: the client waits."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    events: tuple[bytes, ...] = ()
    """The same answer as a stream; a stream that is cut off ends with ``CUT``."""


CUT = b"cut"


@dataclass
class FakeClaude:
    """The scripted answers, given in order, and what came in."""

    port: int = 0
    script: list[Step] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    decide: Callable[[dict[str, Any]], None] | None = None
    """Writes the answer to a request, where several talks go on at once."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    def settings(self, **more: Any) -> Settings:
        """Settings that lead here."""
        address = f"http://127.0.0.1:{self.port}"
        known: dict[str, Any] = {"anthropic_api_key": KEY, "anthropic_base_url": address, "claude_prices": PRICES}
        return Settings(**(known | {"claude_timeout_seconds": 20.0} | more))

    def says(self, value: Any, *, stop: str = "end_turn", **usage: int) -> None:
        """The next answer: a text, or any other value as JSON text."""
        text = value if isinstance(value, str) else json.dumps(value)
        message = _message(text, stop, {"input_tokens": 1000, "output_tokens": 200} | usage)
        self.script.append(Step(200, json.dumps(message).encode(), _JSON, tuple(_events(message))))

    def calls(self, *uses: tuple[str, str, Any], text: str = "", **usage: int) -> None:
        """The next answer: tool calls as (id, name, input), and perhaps some words before them."""
        message = _message(text, "tool_use", {"input_tokens": 1000, "output_tokens": 200} | usage)
        blocks = [{"type": "tool_use", "id": id_, "name": name, "input": value} for id_, name, value in uses]
        message["content"] = [*(message["content"] if text else []), *blocks]
        events = tuple(_events_of_calls(message, blocks))
        self.script.append(Step(200, json.dumps(message).encode(), _JSON, events))

    def results(self, request: int = -1) -> dict[str, tuple[str, bool]]:
        """What a request told of tool calls, by id: the text, and whether it is an error."""
        last = self.requests[request]["messages"][-1]["content"]
        return {block["tool_use_id"]: (block["content"], bool(block.get("is_error"))) for block in last}

    def fails(self, status: int, kind: str, message: str = "no", code: str = "", **headers: str) -> None:
        """The next answer: an error as the API words it."""
        details = {"details": {"error_code": code}} if code else {}
        error = {"type": kind, "message": message, **details}
        body = json.dumps({"type": "error", "error": error, "request_id": "req_bad"}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append(Step(status, body, _JSON | named))

    def sends(self, body: bytes, *, status: int = 200, kind: str = "application/json") -> None:
        """The next answer: any bytes."""
        self.script.append(Step(status, body, {"content-type": kind}))

    def breaks_off(self, ending: bytes = CUT) -> None:
        """The next answer: a stream that does not reach its end."""
        message = _message("half of it", "end_turn", {"input_tokens": 10, "output_tokens": 5})
        self.script.append(Step(200, b"", _JSON, (*_events(message)[:3], ending)))

    def waits(self) -> None:
        """The next request gets no answer."""
        self.script.append(Step(None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Takes one request; whether the connection stays open."""
        line, headers, body = await _request(reader)
        self.headers.append(headers)
        self.requests.append(body)
        self.asked.set()
        if self.decide is not None:
            self.decide(body)
        if line.partition("?")[0].split()[:2] != ["POST", "/v1/messages"]:
            step = Step(404, b'{"detail": "no such path"}', _JSON)
        else:
            step = (
                self.script.pop(0) if self.script else Step(400, b'{"error": {"message": "not in the script"}}', _JSON)
            )
        if step.status is None:
            await reader.read()
            self.hung_up.set()
            return False
        if step.events and body.get("stream"):
            return await _stream(step, writer)
        writer.write(_head(step.status, step.headers | {"content-length": str(len(step.body))}) + step.body)
        await writer.drain()
        return True


_JSON = {"content-type": "application/json", "request-id": "req_123"}


def overloaded_event() -> bytes:
    """What the API sends in the middle of a stream when it is overloaded."""
    return _event("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def _message(text: str, stop: str, usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _events(message: dict[str, Any]) -> list[bytes]:
    """The message as the API streams it."""
    text, usage = message["content"][0]["text"], message["usage"]
    start = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 0}}
    half = len(text) // 2
    return [
        _event("message_start", {"message": start}),
        _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text[:half]}}),
        _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text[half:]}}),
        _event("content_block_stop", {"index": 0}),
        _event("message_delta", {"delta": {"stop_reason": message["stop_reason"]}, "usage": usage}),
        _event("message_stop", {}),
    ]


def _events_of_calls(message: dict[str, Any], blocks: list[dict[str, Any]]) -> list[bytes]:
    """Tool calls as the API streams them."""
    start = message | {"content": [], "stop_reason": None}
    events = [_event("message_start", {"message": start})]
    for index, block in enumerate(blocks):
        part = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            _event("content_block_start", {"index": index, "content_block": block | {"input": {}}}),
            _event("content_block_delta", {"index": index, "delta": part}),
            _event("content_block_stop", {"index": index}),
        ]
    end = {"delta": {"stop_reason": message["stop_reason"]}, "usage": message["usage"]}
    return [*events, _event("message_delta", end), _event("message_stop", {})]


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode()


async def _stream(step: Step, writer: asyncio.StreamWriter) -> bool:
    headers = {"content-type": "text/event-stream", "request-id": "req_123", "transfer-encoding": "chunked"}
    writer.write(_head(200, headers))
    for event in step.events:
        if event == CUT:
            return False
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], dict[str, Any]]:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return line, headers, json.loads(body or b"{}")


@asynccontextmanager
async def fake_claude() -> AsyncIterator[FakeClaude]:
    """A fake Claude on a free port of 127.0.0.1."""
    fake = FakeClaude()
    server = await asyncio.start_server(fake._serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
