"""Nothing lost, nothing twice: real servers that are killed, frozen and stopped at random moments.

``make test`` runs a short form; ``make chaos`` the long one: thirty kills in a workflow of 2,000 subtasks. Every run
prints its seed; CHAOS_SEED repeats it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.ports import Graph
from graph.ladybug.store import LadybugGraph
from graph.neo4j.store import Neo4jGraph
from tests.support.graphs import BUFFER_MB, KINDS, breaches, execute
from tests.support.plans import Body, plan, step
from tests.support.services import LocalNeo4j, Neo4jService, RedisProcess, eventually
from tests.support.serving import MARK, Serving, processes

KILLS = int(os.environ.get("CHAOS_KILLS", "2"))
SUBTASKS = int(os.environ.get("CHAOS_SUBTASKS", "160"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
SLOTS = 10
PACE = 0.6
"""Seconds that a life of the engine lasts on average, from the moment it is ready."""
AGAIN_SECONDS = float(os.environ.get("CHAOS_AGAIN_SECONDS", "20"))
"""Within so many seconds after the start of a process, the work has begun again: five in the long form, which has the
machine for itself."""
END_SECONDS = 300.0
pytestmark = pytest.mark.timeout(60 + 20 * KILLS + END_SECONDS * ROUNDS)


@dataclass
class Site:
    """Where a chaos test takes place: one namespace, the file that the subtasks write, a seeded chance."""

    folder: Path
    namespace: str
    chance: random.Random
    settings: dict[str, str]
    servers: list[Serving]

    @property
    def lines(self) -> list[str]:
        """Each attempt that began, as "KEY ATTEMPT"."""
        path = self.folder / "lines"
        return path.read_text().splitlines() if path.exists() else []

    def server(self, name: str = "data", **settings: str) -> Serving:
        """A server of this site, not started yet."""
        place = self.settings | {
            "NAMESPACE": self.namespace,
            "MAX_PARALLEL_TASKS": str(SLOTS),
            "BLOB_PATH": str(self.folder / "blobs"),
        }
        made = Serving(self.folder / name, place | settings)
        self.servers.append(made)
        return made

    def graph(self) -> Graph:
        """The graph beside the servers, not opened; the embedded one only while none of them runs."""
        if url := self.settings.get("NEO4J_URL"):
            user, _, password = self.settings["NEO4J_AUTH"].partition("/")
            return Neo4jGraph(url, (user, password), self.namespace)
        return LadybugGraph(self.folder / "data", self.namespace, BUFFER_MB)

    def workflow(self, size: int, seconds: float, name: str = "k") -> Body:
        """Layers of subtasks with random dependencies; most leave a line, some are processes.

        Args:
            size: subtasks.
            seconds: how long one takes, on average.
            name: what their keys begin with.
        """
        path = str(self.folder / "lines")
        steps: list[Body] = []
        for n in range(size):
            near = range(max(0, n - 60), max(0, n - 10))
            needs = [f"{name}{m}" for m in sorted(self.chance.sample(near, min(len(near), self.chance.randint(0, 3))))]
            if n % 10 == 9:
                value = {"argv": ["sh", "-c", f"sleep {seconds} & wait"], "env": {MARK: self.namespace}}
                steps.append(step(f"{name}{n}", *needs, type="shell", input=value, on_interrupt="retry"))
            else:
                value = {"path": path, "seconds": round(self.chance.uniform(0, 2 * seconds), 3)}
                steps.append(step(f"{name}{n}", *needs, type="append", input=value))
        return plan(*steps)

    async def check(self, task_id: str) -> Counter[str]:
        """What must hold at the end, read from the graph with no server running; returns the attempts by outcome."""
        graph = self.graph()
        await graph.open()
        try:
            assert await breaches(graph) == {}
            rows = await execute(
                graph,
                "MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt) WHERE s.task_id = $task "
                "RETURN s.key AS key, s.type AS type, a.token AS token, a.outcome AS outcome",
                task=task_id,
            )
            keys = await execute(graph, "MATCH (s:Subtask) WHERE s.task_id = $task RETURN s.key AS key", task=task_id)
            own = {row["key"] for row in keys}
            lines = Counter(line for line in self.lines if line.partition(" ")[0] in own)
            outcome = {f"{row['key']} {row['token']}": row["outcome"] for row in rows}
            settled = {f"{row['key']} {row['token']}" for row in rows if row["outcome"] == "completed"}
            appended = {f"{row['key']} {row['token']}" for row in rows if row["type"] == "append"}
            assert len(outcome) == len(rows), "an attempt is recorded once"
            assert len({line.partition(" ")[0] for line in settled}) == len(settled), "a subtask completes once"
            assert {line: count for line, count in lines.items() if count > 1} == {}
            assert (settled & appended) - set(lines) == set(), "every settled attempt has its line"
            others = set(lines) - settled
            assert {line for line in others if outcome.get(line) != "interrupted"} == set()
            return Counter(outcome.values())
        finally:
            await graph.close()


@pytest.fixture(params=KINDS)
async def site(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> AsyncIterator[Site]:
    """A site on either graph."""
    settings: dict[str, str] = {}
    if request.param == "neo4j":
        server: Neo4jService = request.getfixturevalue("neo4j_server")
        settings = {"NEO4J_URL": server.url, "NEO4J_AUTH": server.auth}
    async with _site(tmp_path, namespace, settings) as made:
        yield made


@pytest.fixture
async def neo4j_site(neo4j_server: Neo4jService, tmp_path: Path, namespace: str) -> AsyncIterator[Site]:
    """A site on the run's Neo4j."""
    settings = {"NEO4J_URL": neo4j_server.url, "NEO4J_AUTH": neo4j_server.auth}
    quick = {"ENGINE_TIMEOUT_SECONDS": "2", "HEARTBEAT_SECONDS": "0.4"}
    async with _site(tmp_path, namespace, settings | quick) as made:
        yield made


@asynccontextmanager
async def _site(folder: Path, namespace: str, settings: dict[str, str]) -> AsyncIterator[Site]:
    seed = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))
    print(f"CHAOS_SEED={seed}")
    made = Site(folder, namespace, random.Random(seed), settings, [])
    try:
        yield made
    finally:
        for server in made.servers:
            server.discard()


async def _release(server: Serving, task_id: str) -> None:
    """As a person would: what was interrupted too often runs once more."""
    page = (await server.call("GET", f"/tasks/{task_id}/subtasks?status=quarantined&limit=100")).json()
    for subtask in page["subtask_results"]:
        key = subtask["key"]
        await server.call("POST", f"/tasks/{task_id}/subtasks/{key}/retry", {})


async def _final(server: Serving, task_id: str) -> dict[str, Any]:
    async def seen() -> dict[str, Any] | None:
        task = await server.task(task_id)
        if task["status"] in ("completed", "failed", "cancelled"):
            return task
        await _release(server, task_id)
        return None

    return await eventually(seen, END_SECONDS, poll=0.1)  # type: ignore[return-value]


@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_a_killed_engine_goes_on_and_settles_nothing_twice(site: Site, round_: int) -> None:
    server = site.server()
    await server.start()
    task_id = await server.submit(site.workflow(SUBTASKS, PACE * KILLS * SLOTS / SUBTASKS))
    slowest = 0.0
    for number in range(KILLS):
        await asyncio.sleep(site.chance.uniform(0.05, 2 * PACE))
        server.kill()
        await eventually(lambda: processes(site.namespace) == [], 2)
        if number % 5 == 4:  # and once while it starts
            server.spawn()
            await asyncio.sleep(site.chance.uniform(0.1, 2))
            server.kill()
        before = len(site.lines)
        await server.start()
        await eventually(lambda before=before: len(site.lines) > before or _over(site), 30)
        slowest = max(slowest, time.monotonic() - server.spawned)
    task = await _final(server, task_id)

    assert task["status"] == "completed", task["error"]
    assert await server.stop() == 0
    outcomes = await site.check(task_id)
    assert outcomes["completed"] == SUBTASKS
    print(f"{KILLS} kills: {dict(outcomes)}; the work went on {slowest:.1f} s after the slowest start")
    assert slowest < AGAIN_SECONDS


def _over(site: Site) -> bool:
    """Whether nothing may be left to begin."""
    return len({line.partition(" ")[0] for line in site.lines}) >= 0.9 * SUBTASKS - SLOTS


@pytest.mark.long
async def test_one_of_two_engines_is_frozen_and_one_is_killed(neo4j_site: Site) -> None:
    first, second = neo4j_site.server("first"), neo4j_site.server("second")
    await asyncio.gather(first.start(), second.start())
    size = SUBTASKS // 2
    pace = 8 * SLOTS / size
    tasks = [
        await server.submit(neo4j_site.workflow(size, pace, name)) for server, name in ((first, "a"), (second, "b"))
    ]
    await asyncio.sleep(neo4j_site.chance.uniform(0.5, 1.5))

    first.signal(signal.SIGSTOP)
    await eventually(lambda: "took over the tasks" in second.log.read_text(), 20)
    await asyncio.sleep(neo4j_site.chance.uniform(0.1, 1))
    first.signal(signal.SIGCONT)
    await eventually(lambda: "the engine has entered again" in first.log.read_text(), 20)
    second.kill()
    ended = [await _final(first, task_id) for task_id in tasks]

    assert [task["status"] for task in ended] == ["completed", "completed"], ended
    assert await first.stop() == 0
    outcomes = [await neo4j_site.check(task_id) for task_id in tasks]
    assert [counted["completed"] for counted in outcomes] == [size, size]
    assert outcomes[0]["interrupted"] > 0


async def test_neo4j_and_redis_are_killed_and_come_back(
    own_neo4j: LocalNeo4j, own_redis: RedisProcess, tmp_path: Path, namespace: str
) -> None:
    state = own_neo4j.start()
    settings = {"NEO4J_URL": state.url, "NEO4J_AUTH": f"neo4j/{state.password}", "REDIS_URL": own_redis.url}
    async with _site(tmp_path, namespace, settings) as site:
        server = site.server()
        await server.start()
        task_id = await server.submit(site.workflow(SUBTASKS, 6 * SLOTS / SUBTASKS))
        await asyncio.sleep(site.chance.uniform(0.5, 1.5))

        own_redis.stop()
        await eventually(lambda: _is(server, "/health", "status", "degraded"), 20)
        assert (await server.call("GET", "/health/ready")).status_code == 200, "work goes on without Redis"
        await asyncio.to_thread(own_neo4j.kill)
        await eventually(lambda: _is(server, "/health", "status", "unhealthy"), 20)
        told = await server.call("GET", "/health/ready", check=False)
        assert told.status_code == 503
        assert "Neo4j" in told.text
        await asyncio.to_thread(own_neo4j.start)
        own_redis.start()
        task = await _final(server, task_id)

        assert task["status"] == "completed", task
        await eventually(lambda: _is(server, "/health", "status", "healthy"), 20)
        assert "the graph does not answer; waiting for it" in server.log.read_text()
        assert "the graph answers again" in server.log.read_text()
        assert await server.stop() == 0
        assert await site.check(task_id) == {"completed": SUBTASKS}


async def _is(server: Serving, path: str, field: str, value: str) -> bool:
    return bool((await server.call("GET", path, check=False)).json()[field] == value)


@pytest.mark.long
async def test_a_pause_outlives_the_engine_and_spends_no_attempt(site: Site) -> None:
    server = site.server()
    await server.start()
    task_id = await server.submit(site.workflow(SUBTASKS, 3 * SLOTS / SUBTASKS))
    await asyncio.sleep(site.chance.uniform(0.2, 1))
    await server.call("POST", f"/tasks/{task_id}/pause", {})
    await eventually(lambda: _stands_still(server, task_id), 20)
    lines = site.lines

    assert await server.stop() == 0
    await server.start()

    assert (await server.task(task_id))["status"] == "paused"
    assert site.lines == lines
    await server.call("POST", f"/tasks/{task_id}/resume", {})
    task = await _final(server, task_id)
    assert task["status"] == "completed", task
    assert await server.stop() == 0
    assert await site.check(task_id) == {"completed": SUBTASKS}


@pytest.mark.long
@pytest.mark.parametrize(("then", "end"), [("resume", "completed"), ("cancel", "cancelled")])
async def test_a_pause_ends_by_its_own_time_also_after_a_kill(site: Site, then: str, end: str) -> None:
    server = site.server()
    await server.start()
    task_id = await server.submit(site.workflow(SUBTASKS, 2 * SLOTS / SUBTASKS))
    await asyncio.sleep(site.chance.uniform(0.2, 0.8))
    await server.call("POST", f"/tasks/{task_id}/pause", {"timeout_seconds": 3, "on_timeout": then})
    server.kill()
    await server.start()

    task = await _final(server, task_id)

    assert task["status"] == end, task
    assert await server.stop() == 0
    await site.check(task_id)


async def _stands_still(server: Serving, task_id: str) -> bool:
    task = await server.task(task_id)
    return task["status"] == "paused" and not task["subtasks"].get("processing")
