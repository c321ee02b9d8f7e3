"""``python -m tests.bench.profile``: where the time of an engine goes, and what a turn touches in Neo4j.

A timer asks a thousand times a second what the event loop is at, and what the embedded graph's writing thread is at.
Shares of the same clock as the rates: what waits for the graph is seen as that.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

from graph import catalog
from graph.neo4j.store import Neo4jGraph
from tests.bench.__main__ import quiet, stages
from tests.bench.plans import lanes
from tests.bench.stage import TASK_SECONDS, Stage, completed
from tests.support.graphs import KINDS
from tests.support.transcripts import REPOSITORY

IN_FLIGHT = (10, 50)
LENGTH = 300
SECONDS = 0.001
WRITER = "graph-write"
FEW_HITS = 0.01


@dataclass
class Samples:
    """How often each part of the program was seen, by thread."""

    loop: Counter[str] = field(default_factory=Counter)
    writer: Counter[str] = field(default_factory=Counter)

    def take(self, _signal: int, frame: FrameType | None) -> None:
        """One look at both threads."""
        self.loop[part_of(frame)] += 1
        frames = sys._current_frames()
        for thread in threading.enumerate():
            if thread.name.startswith(WRITER):
                self.writer[part_of(frames.get(thread.ident or 0))] += 1


@contextmanager
def sampled(samples: Samples) -> Iterator[None]:
    """Looks at the program until the end of the block."""
    before = signal.signal(signal.SIGALRM, samples.take)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def part_of(frame: FrameType | None) -> str:
    """Which part of the program a frame belongs to: the innermost of ours, or the driver's, that it is inside of."""
    if frame is not None and frame.f_code.co_name in ("select", "_worker"):
        return "waiting"
    while frame is not None:
        place = frame.f_code.co_filename
        for driver in ("neo4j", "ladybug"):
            if f"site-packages/{driver}/" in place:
                return f"driver: {driver}"
        if place.startswith(f"{REPOSITORY}/") and "site-packages" not in place:
            inside = Path(place).relative_to(REPOSITORY)
            if inside.parts[0] in ("engine", "graph"):
                return inside.as_posix()
        frame = frame.f_back
    return "asyncio"


async def profile(stage: Stage, in_flight: int) -> tuple[Samples, float]:
    """Samples of a run, and microseconds per settled subtask."""
    body, samples = lanes(in_flight, LENGTH), Samples()
    for _ in range(2 if stage.server else 1):
        await stage.run(body, in_flight)
    async with stage.engine(in_flight) as (engine, watch):
        submitted = await engine.submit(body)
        with sampled(samples):
            task = await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS)
        completed(task, in_flight * LENGTH)
    return samples, 1e6 / watch.rate


def shares(counts: Counter[str], microseconds: float) -> Table:
    """The parts, the largest first, down to a hundredth of the whole."""
    made = Table(box=None, pad_edge=False)
    for name in ("part", "share", "us per settle"):
        made.add_column(name, justify="left" if name == "part" else "right")
    whole = counts.total()
    for part, count in counts.most_common():
        if count >= FEW_HITS * whole:
            made.add_row(part, f"{100 * count / whole:.0f} %", f"{microseconds * count / whole:.0f}")
    return made


async def hits(stage: Stage, in_flight: int) -> Counter[str]:
    """Database hits of one turn, by operator, as Neo4j's PROFILE counts them."""
    async with stage.hand() as hand:
        graph = hand.graph
        assert isinstance(graph, Neo4jGraph)
        task = await hand.store(lanes(in_flight, 5))
        result = await hand.turn(claim={task.id: in_flight})
        result = await hand.turn(*map(hand.done, result.claims), claim={task.id: in_flight})
        turn = hand.made(*map(hand.done, result.claims), claim={task.id: in_flight})
        driver = graph._neo4j._driver
        assert driver is not None
        async with driver.session() as session:
            text = f"PROFILE {catalog.load('neo4j')['turn/turn'].text}"
            summary = await (await session.run(text, graph.turn_params(turn))).consume()
    found: Counter[str] = Counter()
    for operator in operators(summary.profile):
        found[operator["operatorType"].partition("@")[0]] += operator["args"].get("DbHits", 0)
    return found


def operators(plan: Any) -> Iterator[dict[str, Any]]:
    """An operator of a plan and everything below it."""
    yield plan
    yield from itertools.chain.from_iterable(operators(child) for child in plan.get("children", ()))


async def main(places: list[Stage], console: Console) -> None:
    """Profiles each graph and prints the tables."""
    for stage, in_flight in itertools.product(places, IN_FLIGHT):
        samples, microseconds = await profile(stage, in_flight)
        name = f"{stage.kind}, {in_flight} in flight, {microseconds:.0f} us per settle"
        console.print(f"\n{name}: the event loop", shares(samples.loop, microseconds), sep="\n")
        if samples.writer and stage.server is None:
            console.print(f"\n{name}: the writing thread", shares(samples.writer, microseconds), sep="\n")
        if stage.server is not None:
            found = await hits(stage, in_flight)
            console.print(f"\nNeo4j, a turn of {in_flight}: {found.total()} database hits")
            console.print(", ".join(f"{operator} {number}" for operator, number in found.most_common(8)))


if __name__ == "__main__":
    with quiet(), stages(KINDS) as places:
        asyncio.run(main([place for place in places if isinstance(place, Stage)], Console(width=120, highlight=False)))
