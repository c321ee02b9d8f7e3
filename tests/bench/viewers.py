"""What a crowd costs: 1,000 viewers of one task, by Server-Sent Events, while its engine runs 200 subtasks a second.

The engine and its API are one process, the viewers another: this one. The rate is taken without viewers, with them, and
without them again. How late an event is, is told from the oldest one in each piece that a viewer receives, against the
moment that the event itself bears: the start of the turn that committed it.

``python -m tests.bench.viewers [--viewers 1000] [--seconds 20]``, on the Neo4j of ``NEO4J_URL``, else embedded.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import time
from datetime import datetime
from typing import cast

import psutil
import uvloop

from tests.bench.figures import Figure
from tests.bench.served import completed, served
from tests.bench.table import machine, show
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import Serving

SLOTS, SUBTASK_SECONDS = 20, 0.1
"""Two hundred subtasks a second, if nothing but their own duration takes time."""
RATE = SLOTS / SUBTASK_SECONDS
SETTLE_SECONDS = 3.0
"""How long what begins or ends is left alone before it is measured."""
JOIN_SECONDS = 10.0
"""The same for a thousand connections that were opened in one go: an opening costs as much as many messages."""
FILES = 8192
AIMS = {"late, p99": "<= 1000", "late, max": "<= 1000", "rate with viewers / without": ">= 0.8"}
_AT = re.compile(rb'"at":"([0-9T:.-]+)Z"')
EVENT = b'\ndata: {"seq":'


class Viewer(asyncio.Protocol):
    """Counts the events that it gets, and notes how late the oldest one in each piece is."""

    def __init__(self, path: str, after: int, late: list[float]) -> None:
        self.events = 0
        self._after = after
        self._path = path
        self._late = late
        self._tail = b""

    @property
    def last(self) -> int:
        """Number of the last event, if none is missing."""
        return self._after + self.events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the stream."""
        cast(asyncio.Transport, transport).write(
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Takes a piece in."""
        self.events += (self._tail + data).count(EVENT)
        self._tail = data[1 - len(EVENT) :]
        if found := _AT.search(data):
            happened = datetime.fromisoformat(f"{found[1].decode()}+00:00").timestamp()
            self._late.append(1000 * (time.time() - happened))


async def watched(serving: Serving, viewers: int, seconds: float) -> list[Figure]:
    """The rates and how late events were; fails when a viewer has not got what the others got."""
    number = round(RATE * (3 * seconds + 8 * SETTLE_SECONDS + JOIN_SECONDS))
    task_id = await serving.submit(plan(*(step(f"k{place}", type="sleep", input=_SLEEP) for place in range(number))))
    await asyncio.sleep(SETTLE_SECONDS)
    before = await _rate(serving, task_id, seconds)
    last = (await serving.call("GET", f"/tasks/{task_id}")).json()["seq"]
    late: list[float] = []
    pairs = [await _join(serving, task_id, last, late)]
    while len(pairs) < viewers:  # each from where the first one is: what happened while they came is not measured
        pairs.append(await _join(serving, task_id, last + pairs[0][1].events, late))
    await asyncio.sleep(JOIN_SECONDS)
    late.clear()
    assert serving.process is not None
    both = [psutil.Process(serving.process.pid), psutil.Process()]
    used = [sum(process.cpu_times()[:2]) for process in both]
    during = await _rate(serving, task_id, seconds)
    shares = [(sum(process.cpu_times()[:2]) - start) / seconds for process, start in zip(both, used, strict=True)]
    measured = sorted(late)
    await serving.call("POST", f"/tasks/{task_id}/pause", {"mode": "drain"})
    await eventually(lambda: len({viewer.last for _, viewer in pairs}) == 1, 30)
    for transport, _ in pairs:
        transport.close()
    await serving.call("POST", f"/tasks/{task_id}/resume")
    await asyncio.sleep(SETTLE_SECONDS)
    after = await _rate(serving, task_id, seconds)
    await serving.call("POST", f"/tasks/{task_id}/cancel")
    return _figures(viewers, pairs[0][1].events, (before, during, after), measured, shares)


async def _join(serving: Serving, task_id: str, after: int, late: list[float]) -> tuple[asyncio.BaseTransport, Viewer]:
    viewer = Viewer(f"/tasks/{task_id}/events?after={after}", after, late)
    return await asyncio.get_running_loop().create_connection(lambda: viewer, "127.0.0.1", serving.port)


_SLEEP = {"seconds": SUBTASK_SECONDS}


async def _rate(serving: Serving, task_id: str, seconds: float) -> float:
    """Subtasks completed per second."""
    marks = []
    for wait in (0, seconds):
        await asyncio.sleep(wait)
        number = await completed(serving, [task_id])
        marks.append((time.monotonic(), number))
    (begun, first), (ended, last) = marks
    return float((last - first) / (ended - begun))


def _figures(
    viewers: int, events: int, rates: tuple[float, float, float], late: list[float], shares: list[float]
) -> list[Figure]:
    before, during, after = rates

    def figure(what: str, unit: str, *values: float, note: str = "") -> Figure:
        return Figure("viewers", "", what, unit, values, AIMS.get(what, ""), note)

    return [
        figure("rate without viewers", "subtasks/s", before, after),
        figure(f"rate with {viewers:,} viewers", "subtasks/s", during),
        figure("rate with viewers / without", "x", 2 * during / (before + after)),
        figure("processor of the engine and its API", "cores", shares[0]),
        figure("processor of the viewers", "cores", shares[1]),
        figure("late, p50", "ms", late[len(late) // 2], note=f"each of them got {events:,} events"),
        figure("late, p99", "ms", late[len(late) * 99 // 100]),
        figure("late, max", "ms", late[-1]),
    ]


async def run(viewers: int, seconds: float) -> list[Figure]:
    """All figures, on a server of their own."""
    async with served(SLOTS) as serving:
        return await watched(serving, viewers, seconds)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        show(runner.run(run(given.viewers, given.seconds)), machine())


if __name__ == "__main__":
    main()
