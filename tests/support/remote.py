"""Agents for tests: one that speaks the protocol and does what the test says, without the project's own code for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.model import Json
from engine.remoteport import Fault, Outcome, Registration, Result, Running, Usage
from engine.remotestore import Vitals
from engine.service import Engine
from tests.support.services import eventually

Body = dict[str, Any]


@dataclass
class StubAgent:
    """An agent whose subtasks stay until the test ends them; ``answer`` is the status of ``POST /execute``."""

    agent_id: str
    capabilities: tuple[str, ...] = ("DATA_ANALYSIS",)
    slots: int = 1
    answer: int = 200
    engine: Engine | None = None
    port: int = 0
    taken: list[Body] = field(default_factory=list)
    """What was handed over, in order."""
    cancelled: list[Body] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """The tokens that it was shown."""
    on_execute: Callable[[Body], Awaitable[None]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def registration(self) -> Registration:
        return Registration(self.agent_id, self.url, self.capabilities, self.slots, "1")

    async def register(self, engine: Engine) -> None:
        self.engine = engine
        await engine.agents.register(self.registration)

    def beat(self, *, running: bool = True, available: bool = True) -> None:
        assert self.engine is not None
        works = (
            [Running(one["subtask"]["subtask_id"], one["subtask"]["token"]) for one in self.taken] if running else []
        )
        self.engine.agents.beat(self.agent_id, Vitals(is_available=available), works)

    async def has(self, number: int = 1) -> Body:
        """Waits until it was handed so many; the last of them."""

        async def there() -> bool:
            return len(self.taken) >= number

        await eventually(there)
        return self.taken[number - 1]

    def result(self, number: int = 1, output: Json = None, *, error: str = "", token: int | None = None) -> Result:
        """What came of the subtask that was handed over as the so-and-so-many-th."""
        body = self.taken[number - 1]
        subtask = body["subtask"]
        return Result(
            body["task_id"],
            subtask["subtask_id"],
            subtask["token"] if token is None else token,
            Outcome.FAILED if error else Outcome.COMPLETED,
            output,
            Fault(error) if error else None,
            Usage(1_000_000, 0.5),
        )

    async def end(self, number: int = 1, output: Json = None, error: str = "") -> None:
        """Returns a result."""
        assert self.engine is not None
        await self.engine.agents.returned(self.agent_id, self.result(number, output, error=error))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readline():
                path = request.split()[1].decode()
                length = 0
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                    if name.lower() == "authorization":
                        self.shown.append(value.strip())
                body = json.loads(await reader.readexactly(length)) if length else {}
                status = await self._take(path, body)
                text = b'{"status":"accepted"}'
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, path: str, body: Body) -> int:
        if path == "/cancel":
            self.cancelled.append(body)
            return 200
        if self.answer == 200:
            self.taken.append(body)
            if self.on_execute is not None:
                await self.on_execute(body)
        return self.answer


@asynccontextmanager
async def stub_agent(agent_id: str, *capabilities: str, slots: int = 1) -> AsyncIterator[StubAgent]:
    """An agent that listens; it is not registered yet."""
    agent = StubAgent(agent_id, capabilities or ("DATA_ANALYSIS",), slots)
    server = await asyncio.start_server(agent._serve, "127.0.0.1", 0)
    agent.port = server.sockets[0].getsockname()[1]
    try:
        yield agent
    finally:
        server.close()
