"""``python -m tests.bench.reorder``: what it costs to rank a running task anew, and how long a turn may wait for it.

Tasks of chains of four, short kinds before one long: all that waits gets another place, which is the most there can be.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.estimates.estimate import Estimate
from engine.estimates.ranking import ranked_again
from engine.ports import Graph
from engine.reranking import BATCH
from tests.bench.table import machine
from tests.support.graphs import embedded_graph, in_hand, make_template, neo4j_graph
from tests.support.plans import Body, plan, step
from tests.support.services import Unavailable, neo4j_service

SIZES = (60, 1_000, 20_000)
LENGTH = 4
LONG = 30.0


def body(count: int) -> Body:
    """Chains of four; each second one ends in a long subtask."""
    steps: list[Body] = []
    for number in range(count // LENGTH):
        for place in range(LENGTH):
            key, before = f"c{number}x{place}", [f"c{number}x{place - 1}"] if place else []
            last = place == LENGTH - 1 and number % 2
            steps.append(step(key, *before, type="sleep", input={"seconds": 0}) if last else step(key, *before))
    return plan(*steps)


def expect(_: str, type_: str) -> Estimate:
    """What a run has taught."""
    return Estimate(LONG if type_ == "sleep" else 0.1, 0.0, 0.0, 9, "kind")


async def measured(graph: Graph, namespace: str, table: Table) -> None:
    """One line for each size."""
    async with in_hand(graph, namespace) as hand:
        for count in SIZES:
            task = await hand.store(body(count))
            begun = time.perf_counter()
            rows, edges = await graph.standings(task.id), await graph.edges(task.id)
            read = time.perf_counter()
            ranks = ranked_again(rows, edges, expect, 10, has_run=False)
            ranked = time.perf_counter()
            batches = []
            for start in range(0, len(ranks), BATCH):
                since = time.perf_counter()
                await graph.reorder(ranks[start : start + BATCH])
                batches.append(time.perf_counter() - since)
            seconds = (read - begun, ranked - read, sum(batches), max(batches))
            table.add_row(graph.kind, f"{count:,}", f"{len(ranks):,}", *(f"{1000 * one:.0f}" for one in seconds))


def main() -> None:
    """Measures both graphs and prints a table."""
    table = Table("graph", "subtasks", "moved", "read, ms", "ranked, ms", "written, ms", "longest batch, ms")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        template = make_template(folder / "template")
        asyncio.run(measured(embedded_graph(folder / "graph", "bench", template), "bench", table))
        try:
            server = stack.enter_context(neo4j_service(folder / "neo4j", os.environ))
            asyncio.run(measured(neo4j_graph(server, "bench-reorder"), "bench-reorder", table))
        except Unavailable as missing:
            print(f"no Neo4j: {missing}")
    Console().print(table)
    print(machine())


if __name__ == "__main__":
    main()
