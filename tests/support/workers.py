"""What tests of workers need: pools in this process and as processes, events written by hand, and a model that plays
many talks at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from api.wiring import build_pool, build_redis
from engine.adapters.redis import RedisConnection
from engine.settings import Settings
from engine.workers.pool import WorkerPool
from tests.support.agents import tally, wrapper
from tests.support.claude import FakeClaude
from tests.support.services import eventually
from tests.support.serving import PROGRAM, ROOT, plain_client

ROLES = """
roles:
  - {name: counter, cluster: development, system_prompt: You count., tools: [tally, garbage, hang, broken, write_file]}
  - {name: other, cluster: design, system_prompt: You count too., tools: [tally]}
"""
_SCHEMA = """
import sys, time
if sys.argv[1:] == ["--schema"]:
    print('{"description": "A wrapper.", "input_schema": {"type": "object"}, "timeout_seconds": 4}'); sys.exit()
"""
LEASE = 1.0
"""Seconds; a dead worker's work is taken over after that."""


def prepare(folder: Path) -> dict[str, Any]:
    """Roles, wrappers and files in a folder, as settings."""
    (folder / "roles.yaml").write_text(ROLES)
    tally(folder / "wrappers", folder / "log", idempotent=False)
    for name, text in (("garbage", "print('no JSON')"), ("hang", "time.sleep(60)"), ("broken", "sys.exit(1)")):
        wrapper(folder / "wrappers", name, _SCHEMA + text)
    return {
        "roles_path": str(folder / "roles.yaml"),
        "wrappers_path": str(folder / "wrappers"),
        "file_roots": str(folder / "files"),
        "worker_lease_seconds": LEASE,
        "shutdown_grace_seconds": 10.0,
        "cancel_grace_seconds": 0.2,
    }


def plays(fake: FakeClaude) -> None:
    """Has the fake play what each prompt holds: a list of turns, each a list of [tool, input]; then it says "done"."""

    def decide(body: dict[str, Any]) -> None:
        messages = body["messages"]
        first = messages[0]["content"]
        text = first if isinstance(first, str) else first[-1]["text"]
        turns = json.loads(text[text.index("[") :])
        number = sum(message["role"] == "assistant" for message in messages)
        if number < len(turns):
            calls = [(f"c{number}-{place}", *call) for place, call in enumerate(turns[number])]
            fake.calls(*calls)
        else:
            fake.says("done")

    fake.decide = decide


def counting(*names: str, **more: Any) -> str:
    """A prompt by which each name is tallied in a turn of its own."""
    return json.dumps([[["tally", {"name": name} | more]] for name in names])


def started(number: object, prompt: str, **fields: Any) -> dict[str, Any]:
    """An event as one would write it by hand."""
    about = {"event_id": f"e{number}", "task_id": f"t{number}", "subtask_id": f"s{number}", "role": "counter"}
    return {"type": "AGENT_STARTED", "prompt": prompt, "token": 1} | about | fields


@dataclass
class Streams:
    """The streams as somebody sees them who has only Redis."""

    connection: RedisConnection
    pools: list[WorkerPool] = field(default_factory=list)

    async def add(self, event: object) -> str:
        """Puts an event there; text is put as it is."""
        text = event if isinstance(event, str | bytes) else json.dumps(event)
        id_: bytes = await self.connection.client.xadd("agent:events", {"event": text})
        return id_.decode()

    async def results(self) -> list[dict[str, Any]]:
        """Every result that was told."""
        return [json.loads(fields[b"event"]) for _, fields in await self.connection.client.xrange("agent:results")]

    async def told(self, count: int = 1, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The results, once there are so many."""

        async def enough() -> list[dict[str, Any]]:
            found = await self.results()
            return found if len(found) >= count else []

        return await eventually(enough, seconds)

    async def left(self) -> int:
        """Entries in all streams of events."""
        names = await self.connection.client.keys("agent:events*")
        return sum([await self.connection.client.xlen(name) for name in names])


@contextlib.asynccontextmanager
async def fresh_streams(url: str) -> AsyncIterator[Streams]:
    """An empty Redis."""
    connection = RedisConnection(url)
    await connection.open()
    await connection.client.flushdb()
    try:
        yield Streams(connection)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def pool_here(settings: Settings) -> AsyncIterator[WorkerPool]:
    """A pool in this process."""
    redis = build_redis(settings)
    pool, agent = build_pool(settings, redis)
    await redis.open()
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()
        await agent.close()
        await redis.close()


@dataclass
class Process:
    """``agent03 worker`` as a process."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    async def up(self) -> dict[str, Any]:
        """How it is, once it answers."""

        def port() -> int:
            found = [line for line in self.log.read_text().splitlines() if "listens on" in line]
            return int(found[0].rpartition(":")[2]) if found else 0

        self.port = await eventually(port, 60)
        return await self.health()

    async def health(self) -> dict[str, Any]:
        """What its health says."""
        async with plain_client(self.port) as client:
            answer: httpx2.Response = await client.get("/health")
            found: dict[str, Any] = answer.json()
            return found

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to it."""
        self.process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), seconds)


@contextlib.contextmanager
def worker_process(folder: Path, name: str, settings: dict[str, Any], *arguments: str) -> Iterator[Process]:
    """The command; killed at the end, if it is there still."""
    environment = {name.upper(): str(value) for name, value in settings.items()}
    log = folder / f"{name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "worker", *arguments],
            stdout=stream,
            stderr=stream,
            cwd=ROOT,
            env=os.environ | environment | {"LOG_FORMAT": "json"},
            start_new_session=True,
        )
    try:
        yield Process(process, log)
    finally:
        process.kill()
        process.wait()
