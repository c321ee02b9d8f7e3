"""What 1, 2 and 4 engines run together on one Neo4j, in one run, in turns: a round of each, then the next round.

Engines, server, Neo4j and this process share the machine, so the ratios say how much of it is left for more engines,
not how many engines a larger machine would feed: read the processor time of each beside them.

``python -m tests.bench.engines [--engines 1 2 4] [--tasks 8] [--subtasks 1000] [--rounds 3] [--json FILE]``, on the
Neo4j of ``NEO4J_URL``, else a local one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.bench.crowd import Crowd, crowd, database
from tests.bench.figures import Figure, ratios
from tests.bench.plans import lanes
from tests.bench.table import machine, show
from tests.support.services import Neo4jService, eventually

SLOTS = 50
"""Of each engine: as many subtasks are in flight there."""
WIDTH = 25
"""Chains side by side in each task."""
END_SECONDS = 300.0


async def measured(made: Crowd, tasks: int, subtasks: int) -> tuple[float, float]:
    """Subtasks a second, from the first start to the last end, and how many seconds of processor the engines took for
    1,000 of them.
    """
    before = _processor_seconds(made)
    ids = [await made.server.submit(lanes(WIDTH, subtasks // WIDTH)) for _ in range(tasks)]

    async def ended() -> list[dict[str, Any]]:
        found = [await made.server.task(id_) for id_ in ids]
        return found if {task["status"] for task in found} == {"completed"} else []

    found = await eventually(ended, END_SECONDS, 0.2)
    seconds = (max(map(_end, found)) - min(map(_start, found))).total_seconds()
    number = tasks * (subtasks // WIDTH) * WIDTH
    return number / seconds, 1000 * (_processor_seconds(made) - before) / number


def _start(task: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(task["started_at"])


def _end(task: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(task["completed_at"])


def _processor_seconds(made: Crowd) -> float:
    times = [psutil.Process(engine.process.pid).cpu_times() for engine in made.engines if engine.process is not None]
    return sum(one.user + one.system for one in times)


async def run(neo4j: Neo4jService, engines: Sequence[int], tasks: int, subtasks: int, rounds: int) -> list[Figure]:
    """All figures: a round of each number of engines after the other, as often as there are rounds."""
    rates: dict[int, list[float]] = {number: [] for number in engines}
    costs: dict[int, list[float]] = {number: [] for number in engines}
    for _ in range(rounds):
        for number in engines:
            async with crowd(neo4j, number, SLOTS) as made:
                await measured(made, 2 * number, subtasks)  # what is hot is compiled, on both sides
                rate, cost = await measured(made, tasks, subtasks)
            rates[number].append(rate)
            costs[number].append(cost)
    figures = [Figure("engines", "neo4j", f"{number} engines", "subtasks/s", rates[number]) for number in engines]
    more = [ratios(figure, figures[0], f"{figure.what} / {figures[0].what}") for figure in figures[1:]]
    spent = [
        Figure("engines", "neo4j", f"processor of {number} engines", "s/1,000 subtasks", costs[number])
        for number in engines
    ]
    return [*figures, *more, *spent]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--subtasks", type=int, default=1_000, help="of each task")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="writes the figures there too")
    given = parser.parse_args()
    with database() as neo4j:
        figures = asyncio.run(run(neo4j, given.engines, given.tasks, given.subtasks, given.rounds))
    show(figures, machine())
    if given.json:
        given.json.write_text(json.dumps([figure.as_json() for figure in figures], indent=1))


if __name__ == "__main__":
    main()
