"""Cancelled means stopped: a real server, real processes with children of children, the process table as witness.

Every run prints its seed; CANCEL_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.graphs import KINDS
from tests.support.plans import Body, plan, step
from tests.support.services import Neo4jService, eventually
from tests.support.serving import MARK, Serving, plain_client, processes

ROUNDS = 4
MOMENTS = 50
"""A round is cancelled after one of the first so many events of its task."""
GONE_SECONDS = 1.0
pytestmark = pytest.mark.timeout(240)

TREE = """
trap '' TERM HUP
sleep 600 &
(setsid sh -c 'trap "" TERM HUP; (sleep 600 &) ; sleep 600' &)
( ( setsid setsid sleep 600 & ) & )
while :; do sleep 600; done
"""
"""Does not listen to SIGTERM; has children in its group, in sessions of their own, and of parents that are gone."""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
time.sleep(600)
"""
"""Python that makes a daemon the classic way, by forking twice."""


@dataclass
class Site:
    """A server and what its tools' processes are known by."""

    server: Serving
    mark: str
    chance: random.Random
    client: httpx2.AsyncClient

    def alive(self, round_: object = "") -> list[psutil.Process]:
        """The living processes of a round's task."""
        return processes(f"{self.mark}-{round_}")

    def body(self, round_: object = "") -> Body:
        """Trees of processes, short programs one after the other, back-offs without end; more than there are slots."""
        env = {MARK: f"{self.mark}-{round_}"}
        tree = {"argv": ["sh", "-c", TREE], "env": env}
        again = {"max_attempts": 1000, "backoff_seconds": 0.01, "max_backoff_seconds": 0.05}
        return plan(
            *(step(f"tree{n}", type="shell", input=tree) for n in range(3)),
            step("daemon", type="python", input={"code": DAEMON, "env": env}),
            *(step(f"fails{n}", type="shell", input={"argv": ["false"], "env": env}, retry=again) for n in range(3)),
            step("map", type="shell", map={"over": list(range(30))}, input={"argv": ["sleep", "0.05"], "env": env}),
            step("after", "map", "fails0", type="shell", input=tree),
            step("last", "tree0", "daemon"),
        )

    async def events(self, task_id: str) -> list[dict[str, Any]]:
        """All events of a task."""
        found: list[dict[str, Any]] = []
        while page := (await self._page(task_id, found[-1]["seq"] if found else 0)):
            found += page
        return found

    async def _page(self, task_id: str, after: int) -> list[dict[str, Any]]:
        return list((await self.get(f"/tasks/{task_id}/events?after={after}"))["events"])

    async def status(self, task_id: str) -> str:
        """The task's status."""
        return str((await self.get(f"/tasks/{task_id}"))["task"]["status"])

    async def get(self, path: str) -> dict[str, Any]:
        """What the server answers. One client for all: a new one each time takes longer than the answer."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def seed() -> int:
    """The seed of this run, printed where the test fails."""
    found = int(os.environ.get("CANCEL_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"CANCEL_SEED={found}")
    return found


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on each graph, for all tests of this file; it is started when the first begins."""
    folder = tmp_path_factory.mktemp("cancel")
    settings = {"AGENT03_TOOLS": "", "MAX_PARALLEL_TASKS": "8", "CANCEL_GRACE_SECONDS": "0.3"}
    settings |= {"NAMESPACE": f"test-{uuid.uuid4().hex[:20]}", "EMBEDDED_BUFFER_MB": "512"}
    if request.param == "neo4j":
        neo4j: Neo4jService = request.getfixturevalue("neo4j_server")
        settings |= {"NEO4J_URL": neo4j.url, "NEO4J_AUTH": neo4j.auth}
    made = Serving(folder / "data", settings)
    yield made
    made.discard()


@pytest.fixture
async def running(server: Serving, namespace: str, seed: int) -> AsyncIterator[Site]:
    """It runs, and is warm: a fresh database takes seconds to compile what it is asked for the first time."""
    async with plain_client(server.port) as client:
        site = Site(server, f"mark-{namespace}", random.Random(seed), client)
        if server.process is None:
            await server.start()
            await _warm_up(site)
        yield site


async def _warm_up(site: Site) -> None:
    warm = await site.server.submit(site.body("warm"))
    await eventually(lambda: site.alive("warm"), 60)
    await site.server.call("POST", f"/tasks/{warm}/cancel")
    await eventually(lambda: _is(site, warm, "cancelled"), 60)


async def _is(site: Site, task_id: str, status: str) -> bool:
    task = (await site.get(f"/tasks/{task_id}"))["task"]
    story = [(each["event"], each["key"], each["status"]) for each in await site.events(task_id)]
    assert task["status"] == status, f"{task}\n{story[-8:]}\n{site.server.log.read_text()[-2000:]}"
    return True


async def _happened(site: Site, task_id: str, number: int) -> bool:
    return len(await site.events(task_id)) >= number


async def test_cancelled_at_any_moment_everything_of_a_task_is_gone_a_second_later(running: Site) -> None:
    site, ends, slowest = running, {}, 0.0
    for round_ in range(ROUNDS):
        task_id = await site.server.submit(site.body(round_))
        moment = site.chance.randrange(1, MOMENTS)
        await eventually(lambda task_id=task_id, moment=moment: _happened(site, task_id, moment), 30)
        asked = time.monotonic()
        await site.server.call("POST", f"/tasks/{task_id}/cancel")
        await eventually(lambda task_id=task_id: _is(site, task_id, "cancelled"))
        await eventually(lambda round_=round_: site.alive(round_) == [], GONE_SECONDS)
        slowest = max(slowest, time.monotonic() - asked)
        ends[task_id] = await site.events(task_id)

    for round_, (task_id, events) in enumerate(ends.items()):
        assert await site.events(task_id) == events, "nothing happens after the end"
        assert await site.status(task_id) == "cancelled"
        assert site.alive(round_) == []
        await _sound(site, task_id, events)
    print(f"slowest from the request to an empty process table: {slowest:.2f} s")


async def _sound(site: Site, task_id: str, events: list[dict[str, Any]]) -> None:
    """The end is the last event, numbers have no gap, and no attempt begins once the task was closed."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[-1]["status"], events[-1]["key"]) == ("cancelled", None)
    assert sum(event["key"] is None and event["status"] == "cancelled" for event in events) == 1
    rows = (await site.get(f"/tasks/{task_id}/subtasks?limit=1000"))["subtask_results"]
    assert {row["status"] for row in rows} <= {"completed", "failed", "cancelled", "blocked", "skipped"}
    last = {event["key"]: event["status"] for event in events if event["key"]}
    assert {row["key"]: row["status"] for row in rows if last.get(row["key"]) != row["status"]} == {}


async def test_a_killed_engine_leaves_no_process_and_a_cancelled_task_starts_none_again(running: Site) -> None:
    site = running
    task_id = await site.server.submit(site.body())
    await eventually(lambda: len(site.alive()) >= 20, 30)
    engine = psutil.Process(site.server.process.pid if site.server.process else 0)
    helpers = engine.children(recursive=True)
    site.server.kill()

    await eventually(lambda: site.alive() == [], GONE_SECONDS)
    await eventually(lambda: [each for each in helpers if _lives(each)] == [], GONE_SECONDS)

    await site.server.start()
    await site.server.call("POST", f"/tasks/{task_id}/cancel")
    await eventually(lambda: _is(site, task_id, "cancelled"), 20)
    await eventually(lambda: site.alive() == [], GONE_SECONDS)
    await _sound(site, task_id, await site.events(task_id))


async def test_a_second_signal_ends_a_drain_at_once_and_leaves_no_process(running: Site) -> None:
    site = running
    await site.server.stop()
    site.server.settings["SHUTDOWN_GRACE_SECONDS"] = "600"
    await site.server.start()
    await site.server.submit(site.body())
    await eventually(lambda: len(site.alive()) >= 20, 30)
    before = len(site.server.log.read_text())

    site.server.signal(signal.SIGTERM)
    await eventually(lambda: "draining; a second signal" in site.server.log.read_text()[before:])
    assert site.alive(), "the first signal waits for what runs"
    site.server.signal(signal.SIGINT)

    begun = time.monotonic()
    assert site.server.wait() == 130
    assert time.monotonic() - begun < GONE_SECONDS
    await eventually(lambda: site.alive() == [], GONE_SECONDS)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
