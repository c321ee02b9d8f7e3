"""Engines for tests: real ones on either graph, with tools that a test can watch and hold.

This module is also what AGENT03_TOOLS names in these tests: the functions below are subtask types.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from api.wiring import build_engine
from engine.errors import Category, Fatal, Retryable, ToolError
from engine.model import Event, Expand, Json, Subtask, Task
from engine.ports import Graph
from engine.service import Engine
from engine.settings import Settings
from engine.toolport import RunContext
from engine.tools.decorator import tool
from graph.ladybug.store import LadybugGraph
from tests.support.graphs import BUFFER_MB, breaches, embedded_graph, neo4j_graph
from tests.support.plans import Body
from tests.support.services import Neo4jService

MODULE = "tests.support.engines"
EVERYTHING = 1_000_000
SECONDS = 60.0
"""Longest wait for a task, generous: a test that fails by it fails for good."""

STARTED: Counter[str] = Counter()
"""How often ``gate`` was started, by name."""
GATES: dict[str, asyncio.Event] = {}
"""What ``gate`` waits for, by name."""
HELD: dict[str, asyncio.Future[Json]] = {}
"""What ``hold`` waits for, by subtask."""


@tool("gate", idempotent=True)
async def gate(name: str) -> str:
    """Waits until the test opens the gate of that name."""
    STARTED[name] += 1
    await GATES.setdefault(name, asyncio.Event()).wait()
    return name


@tool("mark", idempotent=True)
async def mark(path: str, context: RunContext, text: str = "") -> str:
    """Appends a line to a file: its key and attempt. A repeat can be seen."""
    line = f"{text or context.key} {context.token}\n".encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
    return context.key


@tool("mend", idempotent=True)
async def mend(path: str, broken: str, context: RunContext, on: bool = True) -> str:
    """Like ``mark``, but fails while the file ``broken`` is there (and ``on`` holds): what a rerun finds mended."""
    if on and os.path.exists(broken):
        raise ToolError(f"{context.key} is broken", category=Category.LOGIC, suggestion="Mend it.")
    return await mark(path, context)


@tool("text", idempotent=True)
async def text(size: int, letter: str = "x") -> str:
    """A text whose JSON has that many bytes."""
    return letter * (size - 2)


@tool("boom")
async def boom(how: str) -> None:
    """Fails in the way that is asked for."""
    match how:
        case "tool":
            raise ToolError("the oven is off", category=Category.RESOURCE, suggestion="Switch it on.")
        case "fatal":
            raise Fatal("no such recipe")
        case _:
            raise ZeroDivisionError("a bug in the tool")


@tool("fail", idempotent=True)
async def fail(
    context: RunContext,
    category: str = "logic",
    times: int = EVERYTHING,
    partial: str = "",
    delay: float | None = None,
    crashed: bool = False,
) -> int:
    """Fails the first so many attempts with an error of that category; gives the number of the one that does not."""
    STARTED[context.subtask_id] += 1
    if context.token <= times:
        raise ToolError(
            f"{context.key} fails",
            category=Category(category),
            suggestion="Ask the test.",
            output=partial or None,
            delay=delay,
            crashed=crashed,
        )
    return context.token


@tool("hold", idempotent=True)
async def hold(context: RunContext) -> Json:
    """Runs until the test gives it a result or an error."""
    HELD[context.subtask_id] = asyncio.get_running_loop().create_future()
    return await HELD[context.subtask_id]


@tool("sulk", idempotent=True)
async def sulk(name: str) -> None:
    """Waits to be stopped, and then says that it would rather be repeated."""
    STARTED[name] += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise Retryable("not now", delay=0.0) from None


@tool("alive", idempotent=True)
async def alive(name: str, context: RunContext) -> str:
    """Gives signs of life until the gate of that name is opened."""
    opened = GATES.setdefault(name, asyncio.Event())
    while not opened.is_set():
        STARTED[name] += 1
        context.progress()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(opened.wait(), 0.02)
    return name


@tool("tell", idempotent=True)
async def tell(path: str, context: RunContext) -> str:
    """What a file holds now; counts its runs by task and key."""
    STARTED[f"{context.task_id}/{context.key}"] += 1
    return await asyncio.to_thread(Path(path).read_text, "utf-8")


@tool("weigh", idempotent=True)
async def weigh(value: Json, context: RunContext) -> dict[str, int]:
    """The size of a value, which several values share; counts its runs by task and key."""
    STARTED[f"{context.task_id}/{context.key}"] += 1
    return {"size": len(json.dumps(value))}


@tool("say", idempotent=True)
async def say(lines: list[str], context: RunContext, level: str = "info") -> int:
    """Logs some lines."""
    for number, line in enumerate(lines):
        context.log(level, line, number=number)
    return len(lines)


@tool("grow", idempotent=True)
async def grow(subtasks: list[dict[str, Json]], context: RunContext, output: Json = None, seen: Json = None) -> Expand:
    """Adds subtasks to its task; what they may refer to is what ``seen`` refers to."""
    STARTED[context.subtask_id] += 1
    return Expand(subtasks) if output is None else Expand(subtasks, output)


def marks(path: Path) -> list[str]:
    """The lines that ``mark`` has written."""
    return path.read_text("utf-8").splitlines() if path.exists() else []


@dataclass
class Lab:
    """Starts engines of one kind of graph on one data folder and namespace, and stops them again."""

    kind: str
    folder: Path
    namespace: str
    template: Path
    server: Neo4jService | None = None
    engines: list[Engine] = field(default_factory=list)
    url: str = ""
    """Goes to Neo4j through something in between, where given."""

    def settings(self, **fields: Json) -> Settings:
        """Settings of an engine here: quick to stop, with the tools of this module."""
        values: dict[str, Json] = {
            "data_path": self.folder,
            "namespace": self.namespace,
            "embedded_buffer_mb": BUFFER_MB,
            "shutdown_grace_seconds": 0.2,
            "cancel_grace_seconds": 0.2,
            "heartbeat_seconds": 0.5,
            "retry_backoff_seconds": 0.01,
            "agent03_tools": [MODULE],
            "file_roots": [str(self.folder / "files")],
            "pressure_look_seconds": 0,
        }
        if self.server is not None:
            values |= {"neo4j_url": self.url or self.server.url, "neo4j_auth": self.server.auth}
        return Settings.model_validate(values | fields)

    async def start(self, **fields: Json) -> Engine:
        """A started engine; ``fields`` are settings."""
        if self.server is None:
            embedded_graph(self.folder, self.namespace, self.template)
        engine = build_engine(self.settings(**fields))
        await engine.start()
        self.engines.append(engine)
        return engine

    async def stop(self, engine: Engine) -> None:
        """Stops one that was started here."""
        self.engines.remove(engine)
        await engine.stop()

    def graph(self) -> Graph:
        """The graph beside the engine, not opened; the embedded one only while no engine has it."""
        if self.server is not None:
            return neo4j_graph(self.server, self.namespace)
        return LadybugGraph(self.folder, self.namespace, BUFFER_MB)

    async def close(self) -> None:
        """Stops every engine and checks that what they leave breaks no rule."""
        for engine in self.engines[::-1]:
            await self.stop(engine)
        graph = self.graph()
        await graph.open()
        try:
            assert await breaches(graph) == {}
        finally:
            await graph.close()


async def run(engine: Engine, body: Body, seconds: float = SECONDS) -> Task:
    """Submits a task and waits for its end."""
    submitted = await engine.submit(body)
    return await finished(engine, submitted.task_id, seconds)


async def finished(engine: Engine, task_id: str, seconds: float = SECONDS) -> Task:
    """Waits for the end of a task; what it looks like if there is none in time is part of the failure."""
    try:
        return await asyncio.wait_for(engine.wait(task_id), seconds)
    except TimeoutError:
        seen = await engine.task(task_id)
        raise AssertionError(
            f"not final within {seconds:g} s: {seen.status} {seen.counts} {engine.snapshot()}"
        ) from None


async def subtasks(engine: Engine, task_id: str) -> dict[str, Subtask]:
    """Every subtask by key."""
    rows = await engine.subtasks(task_id, status=None, after="", limit=EVERYTHING)
    return {row.key: row for row in rows}


async def outputs(engine: Engine, task_id: str) -> dict[str, Json]:
    """Every subtask's output by key."""
    return {key: await engine.output(row) for key, row in (await subtasks(engine, task_id)).items()}


async def story(engine: Engine, task_id: str) -> list[Event]:
    """All events of a task."""
    return await engine.events_page(task_id, 0, EVERYTHING)


def moves(events: list[Event], status: str) -> dict[str, int]:
    """The number of the first event in which each subtask took a status, by key."""
    found: dict[str, int] = {}
    for event in events:
        if event.key and event.status == status:
            found.setdefault(event.key, event.seq)
    return found


def check_story(events: list[Event], rows: dict[str, Subtask], edges: list[tuple[str, str]]) -> None:
    """The events are numbered without gaps, start nothing before its dependencies, and end where the subtasks are.

    Args:
        events: all events of a task that has ended.
        rows: its subtasks by key.
        edges: its dependencies as (dependant key, dependency key).
    """
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[0].event, events[0].key, events[-1].key) == ("created", "", "")
    last = {event.key: event.status for event in events if event.key}
    assert {key: row.status for key, row in rows.items() if last.get(key) != row.status} == {}
    started, settled = moves(events, "processing"), {event.key: event.seq for event in events if event.key}
    early = [(one, other) for one, other in edges if one in started and started[one] < settled[other]]
    assert early == []


async def kill(engine: Engine) -> None:
    """The engine is gone from one moment to the next: nothing of what runs is recorded."""
    for loop in engine._loops:
        loop.cancel()
    await asyncio.gather(*engine._loops, return_exceptions=True)
    runners = [runner for task in engine._ledger.tasks.values() for runner in task.running.values()]
    for runner in runners:
        runner.cancel()
    await asyncio.gather(*runners, return_exceptions=True)
    engine._loops = []
    await engine._graph.close()
    engine._identity.release()
