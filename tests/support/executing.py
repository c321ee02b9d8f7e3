"""Engines whose calls are carried out by one kind of executor, for the suite that each of them has to pass."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec

from engine.clock import SystemClock
from engine.host import Asked, Host
from engine.model import Attempt, Json, Subtask
from engine.remoteport import Answer, Registration, Reply, Result, Running
from engine.remotestore import Vitals
from engine.service import Engine
from tests.support.engines import Lab, finished
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

MODULE = "tests.support.executor_tools"
CAPABILITY = "ELSEWHERE"
WITHOUT_RAY = "Ray is not installed: make test-ray installs the extra and runs these"
HAS_RAY = find_spec("ray") is not None


class HostedAgent:
    """An agent in this process: the host of ``agent03 agent``, handed its calls without HTTP."""

    def __init__(self, engine: Engine, slots: int) -> None:
        self._engine = engine
        self.host = Host(engine._tools.get, self._returns, SystemClock(), slots, 60.0)
        self._slots = slots

    async def begin(self) -> None:
        self._engine._remote.calls = self
        await self._engine.agents.register(Registration("hosted", "http://127.0.0.1:1", (CAPABILITY,), self._slots))
        self.beat()
        self.host.freed = self.beat

    def beat(self) -> None:
        works = [Running(*one) for one in self.host.running]
        self._engine.agents.beat("hosted", Vitals(is_available=True), works)

    async def _returns(self, body: dict[str, Json]) -> str:
        await self._engine.agents.returned("hosted", msgspec.convert(body, Result, strict=False))
        return "taken"

    async def execute(self, url: str, body: Json) -> Reply:
        asked = body["subtask"]
        accepted = self.host.accept(
            Asked(
                body["task_id"],
                asked["subtask_id"],
                asked["key"],
                asked["type"],
                asked["input"],
                asked["token"],
                asked["timeout_seconds"],
                asked["idle_seconds"],
                asked["reduction"],
                asked["approved"],
            )
        )
        return Reply(Answer.ACCEPTED if accepted else Answer.BUSY)

    async def cancel(self, url: str, body: Json) -> None:
        self.host.cancel(body["subtask_id"], body["token"])

    async def close(self) -> None:
        await self.host.drain(0.1, 0.1)


@dataclass
class Carried:
    """An engine with one kind of executor."""

    kind: str
    engine: Engine
    folder: Path

    @property
    def apart(self) -> bool:
        """Whether calls run in other processes than the engine's."""
        return self.kind in ("processes", "ray")

    @property
    def slow(self) -> float:
        """By how much a call begins later at worst, in seconds: Ray starts a worker for it, within its time."""
        return 6.0 if self.kind == "ray" else 0.0

    def step(self, key: str, *needs: str, type: str, **fields: Json) -> Body:
        """A subtask for this executor."""
        where = {"required_capabilities": [CAPABILITY]} if self.kind == "agents" else {}
        return step(key, *needs, type=type, **{"cache": False, **where, **fields})

    async def submit(self, *steps: Body, **common: Json) -> str:
        return (await self.engine.submit(plan(*steps, **common))).task_id

    async def call(self, type: str, value: Json = None, **fields: Json) -> tuple[Subtask, list[Attempt]]:
        """Runs one subtask to the end of its task."""
        task_id = await self.submit(self.step("a", type=type, input=value or {}, **fields))
        await finished(self.engine, task_id)
        return await self.one(task_id)

    async def one(self, task_id: str, key: str = "a") -> tuple[Subtask, list[Attempt]]:
        """A subtask and its attempts."""
        subtask, attempts, *_ = await self.engine.subtask(task_id, key)
        return subtask, attempts

    async def output(self, type: str, value: Json = None, **fields: Json) -> Json:
        subtask, _ = await self.call(type, value, **fields)
        return await self.engine.output(subtask)

    async def error(self, type: str, value: Json = None, **fields: Json) -> dict[str, Json]:
        """The error of one that fails at once."""
        subtask, _ = await self.call(type, value, **{"retry": {"max_attempts": 1}, **fields})
        assert subtask.error is not None, subtask
        found: dict[str, Json] = msgspec.json.decode(subtask.error)
        return found

    async def staying(self, path: Path) -> tuple[int, int]:
        """Waits until ``x_stay`` is there; the ids of its processes."""
        await eventually(path.exists, 30)
        first, second = map(int, path.read_text().split())
        path.unlink()
        return first, second


async def gone(*pids: int, seconds: float = 10.0) -> None:
    """Waits until no such process is there."""
    await eventually(lambda: not [pid for pid in pids if pid and alive(pid)], seconds)


def alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def settings_of(kind: str) -> dict[str, Json]:
    """The settings that have every type that can carried out by a kind of executor."""
    return {"executor": "asyncio" if kind == "agents" else kind}


@asynccontextmanager
async def carried(lab: Lab, kind: str, folder: Path, **fields: Json) -> AsyncIterator[Carried]:
    """An engine on ``lab`` whose own tools are carried out by a kind of executor."""
    engine = await lab.start(agent03_tools=[MODULE], **{"executor_processes": 2, **settings_of(kind), **fields})
    if kind == "ray":
        await eventually(lambda: engine._carriers.ray.cluster.up, 60)
    if kind == "agents":
        await HostedAgent(engine, 2).begin()
    yield Carried(kind, engine, folder)
    await asyncio.sleep(0)


def own_pid() -> int:
    """The id of the engine's process in these tests."""
    return os.getpid()
