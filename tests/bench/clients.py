"""What callers feel while the engine works: 50 clients, one request a second each, beside 1,000 subtasks a second.

Of five requests four read and one submits three subtasks. Engine and API are one process (two with ``--apart``), the
clients another: this one. A request's time goes from its first byte out to the last byte of its answer in, on a
connection that is kept.

``python -m tests.bench.clients [--clients 50] [--seconds 30]``, on the Neo4j of ``NEO4J_URL``, else embedded.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from tests.bench.figures import Figure
from tests.bench.served import completed, served
from tests.bench.table import machine, show
from tests.support.plans import plan, step
from tests.support.serving import Serving, plain_client

SLOTS, SUBTASK_SECONDS = 100, 0.1
"""A thousand subtasks a second, if nothing but their own duration takes time."""
RATE = SLOTS / SUBTASK_SECONDS
PART = 2_000
"""Subtasks of each of the tasks that keep the engine at work."""
SETTLE_SECONDS = 3.0
SEED = 7
READS = (
    "/tasks?limit=20",
    "/tasks/{task}",
    "/tasks/{task}/graph",
    "/tasks/{task}/events?limit=100",
    "/tasks/{task}/subtasks/b",
    "/tasks/{task}/why",
    "/tasks/{large}/subtasks?limit=100",
    "/health",
    "/stats",
)
SUBMIT = "POST /tasks"
SMALL = plan(step("a"), step("b", "a"), step("c", "b"))
AIMS = {"all requests, p95": "<= 200", "reads, p95": "<= 50", "requests that failed": "<= 0"}


@dataclass
class Seen:
    """Milliseconds of every answer by what was asked, and what went wrong."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    async def ask(self, client: httpx2.AsyncClient, name: str, path: str) -> httpx2.Response | None:
        """One request, noted."""
        begun = time.perf_counter()
        try:
            answer = await client.post("/tasks", json=SMALL) if name == SUBMIT else await client.get(path)
        except httpx2.HTTPError as error:
            self.wrong.append(f"{name}: {error!r}")
            return None
        self.times[name].append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            self.wrong.append(f"{name}: {answer.status_code}")
            return None
        return answer


async def client(port: int, large: str, seconds: float, number: int, seen: Seen) -> None:
    """Asks once a second, at a moment of its own."""
    chance = random.Random(f"{SEED}/{number}")
    async with plain_client(port) as asking:
        await asyncio.sleep(chance.random())
        own = ""
        begun = time.monotonic()
        for second in itertools.count():
            if second >= seconds:
                return
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
            name = chance.choice(READS) if own and second % 5 else SUBMIT
            answer = await seen.ask(asking, name, name.format(task=own, large=large))
            if name == SUBMIT and answer is not None:
                own = answer.json()["task_id"]


async def measured(serving: Serving, clients: int, seconds: float) -> list[Figure]:
    """Has the clients ask while the engine works."""
    number = round(RATE * (seconds + 4 * SETTLE_SECONDS)) // PART
    work = plan(*(step(f"k{n}", type="sleep", input={"seconds": SUBTASK_SECONDS}) for n in range(PART)))
    tasks = [await serving.submit(work) for _ in range(number)]
    await asyncio.sleep(SETTLE_SECONDS)
    seen = Seen()
    before = await completed(serving, tasks)
    begun = time.monotonic()
    await asyncio.gather(*(client(serving.port, tasks[0], seconds, n, seen) for n in range(clients)))
    lasted = time.monotonic() - begun
    rate = (await completed(serving, tasks) - before) / lasted
    return _figures(seen, rate)


def _figures(seen: Seen, rate: float) -> list[Figure]:
    def figure(what: str, unit: str, value: float, note: str = "") -> Figure:
        return Figure("clients", "", what, unit, [value], AIMS.get(what, ""), note)

    everything = sorted(itertools.chain(*seen.times.values()))
    reads = sorted(itertools.chain(*(times for name, times in seen.times.items() if name != SUBMIT)))
    return [
        figure("subtasks a second meanwhile", "subtasks/s", rate),
        figure("all requests, p50", "ms", _at(everything, 50)),
        figure("all requests, p95", "ms", _at(everything, 95), f"{len(everything):,} requests"),
        figure("reads, p95", "ms", _at(reads, 95), f"{len(reads):,} requests"),
        *(figure(f"{name}, p95", "ms", _at(sorted(times), 95)) for name, times in sorted(seen.times.items())),
        figure("requests that failed", "", len(seen.wrong), "; ".join(sorted(set(seen.wrong))[:3])),
    ]


def _at(ordered: Sequence[float], percent: int) -> float:
    return ordered[len(ordered) * percent // 100]


async def run(clients: int, seconds: float, apart: bool) -> list[Figure]:
    """All figures, on a server of their own."""
    async with served(SLOTS, apart=apart) as serving:
        return await measured(serving, clients, seconds)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--apart", action="store_true", help="API and engine in two processes; needs NEO4J_URL")
    given = parser.parse_args()
    show(asyncio.run(run(given.clients, given.seconds, given.apart)), machine())


if __name__ == "__main__":
    main()
