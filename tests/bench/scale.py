"""How far engines on one Neo4j go: what breaks first on the way to 100 engines and 100 million subtasks.

``python -m tests.bench.scale [--costs FILE] [--svg FOLDER] [--quick]`` simulates; ``--measure FILE`` takes the costs
that it is fed with, on the Neo4j of ``NEO4J_URL``, else a local one. See ``scale_model.py`` for what is real in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.bench.chart import chart
from tests.bench.crowd import database
from tests.bench.plans import lanes
from tests.bench.raw import raw
from tests.bench.scale_model import Costs, Outcome, Simulation, Site, levelled
from tests.bench.stage import Stage
from tests.bench.table import machine
from tests.support.graphs import Hand
from tests.support.plans import fresh_id
from tests.support.services import Neo4jService

ENGINES = (1, 2, 5, 10, 20, 50, 100)
CORES = (2, 8, 32)
MANY = 100_000_000
LEASE_SECONDS = 15.0
WIDE = 200
"""Subtasks of a large turn, when costs are measured; a small one has one."""


async def measure(server: Neo4jService) -> Costs:
    """The costs on a real Neo4j: of turns by their size, of heartbeats by how many engines there are."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage("neo4j", Path(folder), server)
        async with stage.hand() as hand:
            for _ in range(6):  # what is hot is compiled
                await raw(hand, lanes(50, 60), 50)
            small = statistics.median((await raw(hand, lanes(1, 300), 1)).turns)
            large = statistics.median((await raw(hand, lanes(WIDE, 60), WIDE)).turns)
        async with stage.hand() as hand:
            one = await _beats(hand)
            for _ in range(199):
                await hand.graph.register(fresh_id(), hand.now)
            many = await _beats(hand)
    subtask = (large - small) / (WIDE - 1)
    return Costs(small - subtask, subtask, one, max(0.0, (many - one) / 199))


async def _beats(hand: Hand) -> float:
    await hand.graph.register(hand.engine, hand.now)
    times = []
    for _ in range(300):
        begun = time.perf_counter()
        await hand.graph.heartbeat(60_000)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[100:])


def simulated(costs: Costs, quick: bool) -> dict[int, dict[int, Outcome]]:
    """By cores of the database, then by engines."""
    engines = ENGINES[:3] if quick else ENGINES
    seconds, warm = (2.0, 2.0) if quick else (10.0, 4.0)
    return {
        cores: {number: Simulation(Site(number, cores=cores), costs).run(seconds, warm) for number in engines}
        for cores in CORES
    }


def told(costs: Costs, found: dict[int, dict[int, Outcome]]) -> str:
    """The tables, as Markdown."""
    site = Site(1)
    lines = [
        f"Costs: a turn {1000 * costs.turn:.2f} ms and {1000 * costs.subtask:.3f} ms for each subtask, a heartbeat "
        f"{1000 * costs.beat:.2f} ms and {1000 * costs.beat_engine:.4f} ms for each engine.",
        "",
        f"Engines with {site.slots} slots, subtasks of {site.seconds:g} s:",
        "",
        "| cores of the database | engines | subtasks/s | of what the slots could | database busy "
        "| turn p50 | turn p99 | longest gap of heartbeats |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for cores, by_engines in found.items():
        for engines, one in by_engines.items():
            lines.append(
                f"| {cores} | {engines} | {one.rate:,.0f} | {min(1.0, one.used):.0%} | {one.busy:.0%} "
                f"| {1000 * one.p50:,.0f} ms | {1000 * one.p99:,.0f} ms | {one.late_beat:.1f} s |"
            )
    best = {cores: max(one.rate for one in by_engines.values()) for cores, by_engines in found.items()}
    lines += [
        "",
        f"{MANY:,} subtasks at the best rate of each:",
        "",
        "| cores of the database | subtasks/s | hours |",
        "|---:|---:|---:|",
        *(f"| {cores} | {rate:,.0f} | {MANY / rate / 3600:,.1f} |" for cores, rate in best.items()),
        "",
        "All tasks at one engine, the others join:",
        "",
        "| engines | tasks | seconds until they are level | tasks moved |",
        "|---:|---:|---:|---:|",
    ]
    for engines, tasks in ((2, 100), (10, 1_000), (100, 1_000), (100, 10_000)):
        seconds, moved = levelled(engines, tasks, 100, site.slots, site.heartbeat)
        lines.append(f"| {engines} | {tasks:,} | {seconds:,.0f} | {moved:,} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--costs", type=Path, help="of --measure; else those in scale_model.py")
    parser.add_argument("--measure", type=Path, help="takes the costs, writes them there, and ends")
    parser.add_argument("--svg", type=Path, help="writes the plots into this folder")
    parser.add_argument("--quick", action="store_true", help="only to see that it runs")
    given = parser.parse_args()
    if given.measure:
        with database() as neo4j:
            costs = asyncio.run(measure(neo4j))
        given.measure.write_text(json.dumps(asdict(costs) | {"machine": machine()}, indent=1) + "\n")
        print(given.measure.read_text())
        return
    read = json.loads(given.costs.read_text()) if given.costs else asdict(Costs())
    read.pop("machine", None)
    costs = Costs(**read)
    found = simulated(costs, given.quick)
    print(told(costs, found))
    if given.svg:
        rates = {f"{cores} cores": [(n, one.rate) for n, one in by.items()] for cores, by in found.items()}
        turns = {f"{cores} cores": [(n, 1000 * one.p99) for n, one in by.items()] for cores, by in found.items()}
        (given.svg / "scale-rate.svg").write_text(chart("Subtasks a second", "engines", "subtasks/s", rates))
        (given.svg / "scale-turn.svg").write_text(chart("99th percentile of a turn", "engines", "ms", turns))


if __name__ == "__main__":
    main()
