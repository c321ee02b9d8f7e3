"""Where a scenario runs: one kind of graph, fresh namespaces on it, and engines that are watched.

What a scenario stores is removed when it ends, so that no figure depends on what was measured before it.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from neo4j import AsyncGraphDatabase

from api.wiring import build_engine
from engine.model import Task
from engine.observer import NullObserver
from engine.ports import Graph
from engine.service import Engine
from engine.settings import Settings
from engine.states import TaskStatus
from graph.ladybug.store import LadybugGraph
from graph.neo4j.store import Neo4jGraph
from tests.bench.plans import size
from tests.support.graphs import Hand
from tests.support.plans import Body
from tests.support.services import Neo4jService

BUFFER_MB = Settings().embedded_buffer_mb
LABELS = ("Subtask", "Attempt", "Event", "Task", "Result", "Engine", "RequestKey", "PlanTemplate", "CacheEntry")
ERASE_BATCH = 5_000
TASK_SECONDS = 600.0
"""Longest run of one task: one that takes longer fails the benchmark."""


@dataclass
class Watch(NullObserver):
    """An observer that keeps when each turn ended (monotonic seconds), how long it took, and what it did."""

    turns: list[tuple[float, float, int, int]] = field(default_factory=list)
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first turn that claims something."""

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """One turn was committed."""
        self.turns.append((time.monotonic(), seconds, settled, claimed))
        if claimed:
            self.claimed.set()

    @property
    def settled(self) -> int:
        """Subtasks settled so far."""
        return sum(settled for _, _, settled, _ in self.turns)

    @property
    def seconds(self) -> float:
        """From the start of the first turn to the end of the last one that settled something."""
        begun = self.turns[0][0] - self.turns[0][1]
        return max(ended for ended, _, settled, _ in self.turns if settled) - begun

    @property
    def rate(self) -> float:
        """Settled subtasks per second."""
        return self.settled / self.seconds

    @property
    def longest_stall(self) -> float:
        """Longest time between two turns that settled something, in seconds."""
        times = [ended for ended, _, settled, _ in self.turns if settled]
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


@dataclass
class Stage:
    """One kind of graph. ``folder`` takes data folders; ``server`` is the Neo4j, None for the embedded graph."""

    kind: str
    folder: Path
    server: Neo4jService | None = None

    def place(self) -> tuple[Path, str]:
        """A data folder and a namespace that nothing has used yet."""
        name = f"bench-{uuid.uuid4().hex[:16]}"
        return self.folder / name, name

    def graph(self, folder: Path, namespace: str) -> Graph:
        """The graph of a place, not opened."""
        if self.server is not None:
            return Neo4jGraph(self.server.url, (self.server.user, self.server.password), namespace)
        return LadybugGraph(folder, namespace, BUFFER_MB)

    @asynccontextmanager
    async def hand(self) -> AsyncIterator[Hand]:
        """A registered engine without a scheduler, on an empty place."""
        folder, namespace = self.place()
        graph = self.graph(folder, namespace)
        await graph.open()
        try:
            hand = Hand(graph, namespace)
            await graph.register(hand.engine, hand.now)
            yield hand
        finally:
            await graph.close()
            await self.erase(folder, namespace)

    def settings(self, folder: Path, namespace: str, slots: int, **fields: object) -> Settings:
        """Settings of an engine here: the defaults, but for its place, its slots and ``fields``."""
        values: dict[str, object] = {
            "data_path": folder,
            "namespace": namespace,
            "max_parallel_tasks": slots,
            "log_level": "error",
            "shutdown_grace_seconds": 0.2,
        }
        if self.server is not None:
            values |= {"neo4j_url": self.server.url, "neo4j_auth": self.server.auth}
        return Settings.model_validate(values | fields)

    @asynccontextmanager
    async def engine(self, slots: int, **fields: object) -> AsyncIterator[tuple[Engine, Watch]]:
        """A started engine on an empty place, and what it was seen doing."""
        folder, namespace = self.place()
        watch = Watch()
        engine = build_engine(self.settings(folder, namespace, slots, **fields), watch)
        await engine.start()
        try:
            yield engine, watch
        finally:
            await engine.stop()
            await self.erase(folder, namespace)

    async def run(self, body: Body, slots: int, **fields: object) -> Watch:
        """Runs one task on an engine of its own with ``fields`` of settings; every subtask must complete."""
        async with self.engine(slots, **fields) as (engine, watch):
            submitted = await engine.submit(body)
            completed(await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS), size(body))
            assert watch.settled == size(body)
        return watch

    async def erase(self, folder: Path, namespace: str) -> None:
        """Removes a place and everything in it."""
        shutil.rmtree(folder, ignore_errors=True)
        if self.server is None:
            return
        login = (self.server.user, self.server.password)
        async with AsyncGraphDatabase.driver(self.server.url, auth=login) as driver:
            for label in LABELS:
                text = (
                    f"MATCH (n:{label}) WHERE n.namespace = $namespace "
                    f"WITH n LIMIT {ERASE_BATCH} DETACH DELETE n RETURN count(*) AS gone"
                )
                while (await driver.execute_query(text, namespace=namespace)).records[0]["gone"] == ERASE_BATCH:
                    pass


def completed(task: Task, subtasks: int) -> None:
    """Raises when a task did not complete with all its subtasks."""
    assert task.status is TaskStatus.COMPLETED, f"{task.status}: {task.counts}"
    assert task.counts == {"completed": subtasks}, task.counts
