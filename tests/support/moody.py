"""A real HTTP service on loopback with moods: it works, fails, dawdles, or answers only so many a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Call:
    """One call: what was asked, when (monotonic seconds), and the status that it got."""

    path: str
    at: float
    status: int


@dataclass
class MoodyService:
    """Answers by its mood, and keeps every call.

    ``mood`` is "works", "fails" (503), "dawdles" (answers when ``hurry`` is set) or "limits" (429 with Retry-After
    above ``per_second`` calls in a second).
    """

    port: int = 0
    mood: str = "works"
    per_second: int = 5
    calls: list[Call] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"http://{self.place}{path}"

    def answered(self, status: int) -> int:
        """How many calls got a status."""
        return sum(call.status == status for call in self.calls)

    def kept(self, count: int, begun: float) -> bool:
        """Whether the calls since ``begun`` came as a rate of ``count`` a second lets them. A busy machine may bring
        calls late, and so close together, but none comes before its time.
        """
        times = sorted(call.at for call in self.calls)
        return all(at >= begun + number // count - 0.01 for number, at in enumerate(times))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split()[1].decode()
                writer.write(await self._answer(path))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _answer(self, path: str) -> bytes:
        now = time.monotonic()
        recent = sum(call.at > now - 1 and call.status == 200 for call in self.calls)
        limited = self.mood == "limits" and recent >= self.per_second
        status = 503 if self.mood == "fails" else 429 if limited else 200
        self.calls.append(Call(path, now, status))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            if self.mood == "dawdles":
                await self.hurry.wait()
            await asyncio.sleep(0)
        finally:
            self.inside -= 1
        more = "\r\nRetry-After: 1" if status == 429 else ""
        return f"HTTP/1.1 {status} X\r\nContent-Length: 2{more}\r\n\r\nok".encode()


@asynccontextmanager
async def moody_service(port: int = 0) -> AsyncIterator[MoodyService]:
    """The service on a free port, or on one that it had before."""
    service = MoodyService()
    server = await asyncio.start_server(service._serve, "127.0.0.1", port)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
