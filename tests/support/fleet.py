"""A server without an engine, several engines, and a seeded hand that kills, freezes, stops and adds them while tasks
come in: what the chaos test of several engines does, and what it finds out afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from engine.ports import Graph
from graph.neo4j.store import Neo4jGraph
from tests.support.graphs import breaches, execute
from tests.support.plans import Body, plan, step
from tests.support.serving import Serving, plain_client

TIMEOUT = 2.0
"""Seconds without a sign of life after which an engine is taken for dead."""
FINAL = ("completed", "failed", "cancelled")
POLICIES = (None, None, "retry", "fail")
"""What follows when a charge is interrupted; None: a person is asked."""
SUBMITTERS = "abc"
"""Callers that hand in tasks side by side."""


@dataclass
class Fleet:
    """All processes of one test.

    Args:
        folder: their data folders, one blob store, and the file of calls.
        settings: environment variables that all have.
        chance: seeded; each engine's fate has a chance of its own, so that one does not depend on another's pace.
    """

    folder: Path
    settings: dict[str, str]
    chance: random.Random
    server: Serving = field(init=False)
    engines: list[Serving] = field(default_factory=list)
    everything: list[Serving] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    """How often each thing was done to them."""
    tasks: list[str] = field(default_factory=list)
    approved: Counter[str] = field(default_factory=Counter)
    """How often a person has let a subtask run again, by key."""

    def __post_init__(self) -> None:
        self.settings = self.settings | {
            "ENGINE_TIMEOUT_SECONDS": str(TIMEOUT),
            "HEARTBEAT_SECONDS": "0.4",
            "MAX_PARALLEL_TASKS": "8",
            "BLOB_PATH": str(self.folder / "blobs"),
        }
        self.server = self._process("server", "serve", "--no-engine")

    def _process(self, name: str, *command: str) -> Serving:
        made = Serving(self.folder / name, self.settings, command=command)
        self.everything.append(made)
        return made

    def join(self) -> Serving:
        """One more engine, not started yet, with an id of its own."""
        return self._process(f"engine-{len(self.everything)}", "engine")

    async def start(self, engines: int) -> None:
        """The server and so many engines."""
        self.engines = [self.join() for _ in range(engines)]
        for process in (*self.engines, self.server):
            process.spawn()
        for process in (*self.engines, self.server):
            await process.ready()

    def discard(self) -> None:
        """Ends all of them, however they stand."""
        for process in self.everything:
            process.discard()

    # --- what happens to them -----------------------------------------------------------------------------------

    async def suffer(self, seconds: float, pause: tuple[float, float] = (1.0, 6.0)) -> None:
        """Lets everything happen for so long, tasks coming in all along; then all engines run again."""
        until = time.monotonic() + seconds
        fates = [self._fate(n, random.Random(self.chance.random()), until, pause) for n in range(len(self.engines))]
        others = [self._server_fate(random.Random(self.chance.random()), until)]
        others += [self._submit(name, until) for name in SUBMITTERS]
        person = asyncio.create_task(self.person(random.Random(self.chance.random())))
        try:
            async with asyncio.TaskGroup() as group:
                for work in (*fates, *others):
                    group.create_task(work)
        finally:
            person.cancel()

    async def _fate(self, n: int, chance: random.Random, until: float, pause: tuple[float, float]) -> None:
        ways = (self._kill, self._kill_twice, self._freeze, self._drain, self._replace)
        while True:
            wait = chance.uniform(*pause)
            if time.monotonic() + wait > until:
                return
            await asyncio.sleep(wait)
            way = chance.choices(ways, (4, 1, 4, 3, 1))[0]
            self.done[way.__name__.strip("_")] += 1
            await way(n, chance)

    async def _kill(self, n: int, chance: random.Random) -> None:
        self.engines[n].kill()
        await asyncio.sleep(chance.uniform(0, 2 * TIMEOUT))
        await self.engines[n].start()

    async def _kill_twice(self, n: int, chance: random.Random) -> None:
        """Also while it starts."""
        self.engines[n].kill()
        self.engines[n].spawn()
        await asyncio.sleep(chance.uniform(0.3, 3))
        await self._kill(n, chance)

    async def _freeze(self, n: int, chance: random.Random) -> None:
        """Below and beyond the time after which it is taken for dead; sometimes it dies frozen."""
        self.engines[n].signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(0.2, 3) * TIMEOUT)
        if chance.random() < 0.1:
            await self._kill(n, chance)
        self.engines[n].signal(signal.SIGCONT)

    async def _drain(self, n: int, chance: random.Random) -> None:
        assert await self.engines[n].stop() == 0, self.engines[n].log.read_text()[-2000:]
        await asyncio.sleep(chance.uniform(0, 2 * TIMEOUT))
        await self.engines[n].start()

    async def _replace(self, n: int, chance: random.Random) -> None:
        """It is gone for good, and another one joins in its place."""
        self.engines[n].kill()
        self.engines[n] = self.join()
        await asyncio.sleep(chance.uniform(0, TIMEOUT))
        await self.engines[n].start()

    async def _server_fate(self, chance: random.Random, until: float) -> None:
        while time.monotonic() + (wait := chance.uniform(8, 40)) < until:
            await asyncio.sleep(wait)
            if chance.random() < 0.5:
                self.done["kill server"] += 1
                self.server.kill()
            else:
                self.done["stop server"] += 1
                assert await self.server.stop() == 0, self.server.log.read_text()[-2000:]
            await asyncio.sleep(chance.uniform(0, 1))
            await self.server.start()

    # --- what is asked of them ----------------------------------------------------------------------------------

    async def _submit(self, name: str, until: float) -> None:
        chance = random.Random(self.chance.random())
        number = 0
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            self.tasks.append(
                await self._handed_in(self.workflow(f"{name}{number}", chance), f"{self.folder}-{name}{number}")
            )
            number += 1
            if chance.random() < 0.08:
                await self._ask("POST", f"/tasks/{chance.choice(self.tasks)}/cancel", {})
            if chance.random() < 0.08:
                await self._ask("POST", f"/tasks/{(paused := chance.choice(self.tasks))}/pause", {"timeout_seconds": 3})
                self.done["pause"] += paused is not None

    def workflow(self, name: str, chance: random.Random) -> Body:
        """Some twenty subtasks: charges, lines that may be repeated, processes."""
        steps: list[Body] = []
        for n in range(chance.randint(6, 26)):
            needs = [f"{name}k{m}" for m in sorted(chance.sample(range(n), min(n, chance.randint(0, 2))))]
            value = {"path": str(self.folder / "calls"), "seconds": round(chance.uniform(0, 0.6), 3)}
            kind = chance.random()
            if kind < 0.4:
                policy = chance.choice(POLICIES)
                more: Body = {} if policy is None else {"on_interrupt": policy}
                steps.append(step(f"{name}k{n}", *needs, type="charge", input=value, **more))
            elif kind < 0.9:
                steps.append(step(f"{name}k{n}", *needs, type="append", input=value))
            else:
                shell = {"argv": ["sh", "-c", "sleep 0.2 & wait"]}
                steps.append(step(f"{name}k{n}", *needs, type="shell", input=shell, on_interrupt="retry"))
        return plan(*steps)

    async def _handed_in(self, body: Body, key: str) -> str:
        """The id of a new task; it is sent until there is an answer, as a careful client does."""
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                async with plain_client(self.server.port) as client:
                    answer = await client.post("/tasks", json=body, headers={"Idempotency-Key": key[-64:]})
                if answer.status_code < 300:
                    return str(answer.json()["task_id"])
                assert answer.status_code in (409, 429, 503), answer.text
            await asyncio.sleep(0.2)

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """An answer, or nothing while there is no server."""
        with contextlib.suppress(httpx2.HTTPError):
            answer = await self.server.call(method, path, body, check=False)
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            if answer.status_code < 300:
                return dict(answer.json())
        return {}

    async def person(self, chance: random.Random) -> None:
        """Decides what waits for a person, for as long as it is let."""
        while True:
            await asyncio.sleep(0.5)
            for task_id in self.tasks[-60:]:
                await self._decide(task_id, chance)

    async def _decide(self, task_id: str, chance: random.Random) -> None:
        path = f"/tasks/{task_id}/subtasks"
        for status in ("awaiting_approval", "quarantined"):
            page = await self._ask("GET", f"{path}?status={status}&limit=100")
            for found in page.get("subtask_results", ()):
                verb = "retry" if status == "quarantined" else chance.choice(("approve", "reject"))
                if verb != "reject":
                    self.approved[found["key"]] += 1  # counted before, for its answer may be lost
                await self._ask("POST", f"{path}/{found['key']}/{verb}", {})

    async def unfinished(self) -> list[str]:
        """What is not final yet, with its state."""
        shown = [(await self._ask("GET", f"/tasks/{task_id}")).get("task", {}) for task_id in self.tasks]
        return [f"{one.get('id')}: {one.get('status')}" for one in shown if one.get("status") not in FINAL]

    async def at_rest(self, seconds: float) -> float:
        """Waits until every task is final; how many seconds that took. Raises with what stands still, and why."""
        begun = time.monotonic()
        person = asyncio.create_task(self._last_person())
        try:
            while left := await self.unfinished():
                if time.monotonic() - begun > seconds:
                    why = [await self._ask("GET", f"/tasks/{one.partition(':')[0]}/why") for one in left[:3]]
                    raise AssertionError(f"{len(left)} tasks stand still: {left[:10]}; why: {why}")
                await asyncio.sleep(0.5)
            return time.monotonic() - begun
        finally:
            person.cancel()

    async def _last_person(self) -> None:
        chance = random.Random(0)
        while True:
            for task_id in list(self.tasks):
                await self._decide(task_id, chance)
            await asyncio.sleep(0.5)

    # --- what has to hold -----------------------------------------------------------------------------------------

    async def check(self, namespace: str) -> Counter[str]:
        """What must hold at the end, read from the graph beside the processes; the attempts by outcome."""
        user, _, password = self.settings["NEO4J_AUTH"].partition("/")
        graph = Neo4jGraph(self.settings["NEO4J_URL"], (user, password), namespace)
        await graph.open()
        try:
            assert await breaches(graph) == {}
            return await self._calls(graph, namespace)
        finally:
            await graph.close()

    async def _calls(self, graph: Graph, namespace: str) -> Counter[str]:
        rows = await execute(
            graph,
            "MATCH (s:Subtask {namespace: $namespace}) OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt) "
            "RETURN s.key AS key, s.type AS type, s.status AS status, s.spec AS spec, a.token AS token, "
            "a.outcome AS outcome",
            namespace=namespace,
        )
        outcome = {(row["key"], row["token"]): row["outcome"] for row in rows if row["token"] is not None}
        lines = Counter((self.folder / "calls").read_text().splitlines())
        assert {line: count for line, count in lines.items() if count > 1} == {}, "an attempt calls once"
        calls: defaultdict[str, list[int]] = defaultdict(list)
        for line in lines:
            key, _, token = line.rpartition(" ")
            calls[key].append(int(token))
        unrecorded = [line for line in lines if (line.rpartition(" ")[0], int(line.rpartition(" ")[2])) not in outcome]
        assert unrecorded == [], "every call has its attempt in the graph"
        completed = Counter(key for (key, _), how in outcome.items() if how == "completed")
        assert {key: count for key, count in completed.items() if count > 1} == {}, "a subtask completes once"
        for row in rows:
            if row["type"] in ("charge", "append") and row["outcome"] == "completed":
                assert row["token"] in calls[row["key"]], f"{row['key']} completed without its call"
        kinds = {row["key"]: (row["type"], row["spec"]) for row in rows}
        for key, tokens in calls.items():
            self._judge(key, sorted(tokens), kinds[key], outcome)
        return Counter(outcome.values())

    def _judge(self, key: str, tokens: list[int], kind: tuple[str, str], outcome: dict[tuple[str, int], str]) -> None:
        """A charge is made again only where the graph says that it was cut off, and somebody said that it may be."""
        for token in tokens[:-1]:
            assert outcome[key, token] in ("interrupted", "cancelled"), (key, token, outcome[key, token])
        if kind[0] == "charge" and len(tokens) > 1 and '"retry"' not in kind[1]:
            assert len(tokens) - 1 <= self.approved[key], (
                f"{key} ran {tokens} and was approved {self.approved[key]} times"
            )
