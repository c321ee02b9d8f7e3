"""The parts of the MCP server: how answers are cut, the way within the process, the guards of ``/mcp``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from api.mcp.bounds import CUT, bounded
from api.mcp.inside import Inside
from tests.support.fake_engine import FakeEngine, a_task
from tests.support.http import client_of, problem

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
TAKES = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def test_a_small_answer_is_handed_on_as_it_is() -> None:
    answer = {"a": [1, "x" * 100], "b": {"c": None}}
    assert bounded(answer) is answer


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "x" * 100_000, "id": "T1"},
        {"rows": [{"n": number, "text": "y" * 50} for number in range(5_000)], "id": "T1"},
        {"deep": {f"k{number}": {"texts": ["z" * 900] * 40} for number in range(100)}, "id": "T1"},
    ],
)
def test_a_long_answer_is_cut_and_says_so(answer: dict[str, Any]) -> None:
    cut = bounded(answer)
    assert len(json.dumps(cut, separators=(",", ":"))) <= 24_000
    assert (cut["cut"], cut["id"]) == (CUT, "T1")
    assert "more" in json.dumps(cut)


def test_what_cannot_be_cut_small_enough_is_left_out() -> None:
    assert list(bounded({f"field {number}": "x" for number in range(5_000)})) == ["cut"]


async def test_an_answer_is_read_while_it_is_made_and_its_end_reaches_the_application() -> None:
    left = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"asked"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        try:
            await receive()
        finally:
            left.set()

    async with (
        httpx2.AsyncClient(transport=Inside(app), base_url="http://here") as client,
        client.stream("POST", "/a b", content=b"asked") as answer,
    ):
        assert answer.headers["x-path"] == "/a b"
        assert await anext(answer.aiter_raw()) == b"first"
        assert not left.is_set()
    assert left.is_set()


async def test_an_application_that_breaks_before_it_answers_is_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async with httpx2.AsyncClient(transport=Inside(app), base_url="http://here") as client:
        assert (await client.get("/")).status_code == 500


async def test_the_guards_of_the_other_routes_hold_for_mcp() -> None:
    async with client_of(FakeEngine(held_tasks=[a_task()])) as client:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            problem(await client.post("/mcp", json=PING, headers=TAKES | headers), 403, "cross-site")
        problem(await client.post("/mcp", json={"x": "y" * 5_000}, headers=TAKES), 413, "too-large")
        packed = TAKES | {"content-encoding": "gzip"}
        problem(await client.post("/mcp", json=PING, headers=packed), 415, "unsupported-media-type")
        assert (await client.get("/mcp")).status_code == 405
        same = await client.post("/mcp", json=PING, headers=TAKES | {"origin": "http://test"})
        assert same.status_code == 200
        assert '"result":{}' in same.text


async def test_a_tool_asks_in_the_name_of_its_caller() -> None:
    seen: list[dict[str, str]] = []
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "tasks", "arguments": {"limit": 1}}}
    async with client_of(FakeEngine(held_tasks=[a_task()])) as client:
        app = client._transport.app  # type: ignore[attr-defined]

        @app.middleware("http")
        async def look(request: Any, call_next: Any) -> Any:
            seen.append({"path": request.url.path, "key": request.headers.get("authorization", "")})
            return await call_next(request)

        answer = await client.post("/mcp", json=call, headers=TAKES | {"authorization": "Bearer a3_x"})
    assert "T0001" in answer.text
    assert [(found["path"], found["key"]) for found in seen] == [("/mcp", "Bearer a3_x"), ("/tasks", "Bearer a3_x")]
