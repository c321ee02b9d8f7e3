"""A loopback HTTP server whose answers a test writes byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[[bytes, asyncio.StreamWriter], object]


@dataclass
class Request:
    """What came in: the request line, the headers by lower-case name, the body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers by path. A path without an answer is left waiting."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, list[bytes]] = field(default_factory=dict)
    """Answers that are given once each, before the lasting one."""
    requests: list[Request] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"http://{host}:{self.port}{path}"

    def answer(self, path: str, status: str = "200 OK", body: bytes = b"", **headers: str) -> None:
        """Sets an answer; ``content_type`` becomes ``Content-Type``."""
        self.answers[path] = _encoded(status, body, headers)

    def once(self, path: str, status: str, body: bytes = b"", **headers: str) -> None:
        """Adds an answer that is given once, before the lasting one."""
        self.before.setdefault(path, []).append(_encoded(status, body, headers))

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(request.line.split()[1] == path for request in self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                self.requests.append(request)
                path = request.line.split()[1].partition("?")[0]
                if path not in self.answers:
                    await reader.read()
                    self.hung_up.set()
                    break
                writer.write(self.before[path].pop(0) if self.before.get(path) else self.answers[path])
                await writer.drain()
                if path.startswith("/close"):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


def _encoded(status: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(line, headers, body)


@asynccontextmanager
async def scripted_server(port: int = 0) -> AsyncIterator[ScriptedServer]:
    """A server on a port of 127.0.0.1, a free one unless given."""
    scripted = ScriptedServer()
    server = await asyncio.start_server(scripted._serve, "127.0.0.1", port)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
