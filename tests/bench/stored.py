"""What storing costs, and whether a turn costs more when much is stored."""

from __future__ import annotations

import statistics
import time

from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.plans import lanes
from tests.bench.raw import raw
from tests.bench.stage import Stage
from tests.support.graphs import Hand
from tests.support.plans import Body, independent, new_task, plan, step

IN_FLIGHT = 10
TASK = 50_000
"""Subtasks of one task that is stored to fill the graph."""


async def stored(stage: Stage, effort: Effort) -> list[Figure]:
    """The turn with little and with much stored; nodes and edges written per second."""
    few, many = effort.size((1_000, 300_000), (100, 1_000))
    async with stage.hand() as hand:
        await _fill(hand, few)
        little = [await _turn_ms(hand, effort) for _ in range(effort.rounds)]
        await _fill(hand, many - few)
        much = [await _turn_ms(hand, effort) for _ in range(effort.rounds)]
    small = Figure("stored", stage.kind, f"turn of {IN_FLIGHT}, {few:,} subtasks stored", "ms", little)
    large = Figure("stored", stage.kind, f"turn of {IN_FLIGHT}, {many:,} subtasks stored", "ms", much)
    growth = ratios(large, small, f"turn, {many:,} / {few:,} stored", "<= 1.2")
    return [small, large, growth, *await _load(stage, effort)]


async def _turn_ms(hand: Hand, effort: Effort) -> float:
    sample = await raw(hand, lanes(IN_FLIGHT, effort.size(200, 5)), IN_FLIGHT)
    return 1000 * statistics.median(sample.turns)


async def _fill(hand: Hand, subtasks: int) -> None:
    """Stores ready subtasks of tasks that nobody claims from."""
    while subtasks > 0:
        await hand.store(independent(min(subtasks, TASK)))
        subtasks -= TASK


async def _load(stage: Stage, effort: Effort) -> list[Figure]:
    """A task without edges gives nodes per second; one with twenty edges to a node, edges per second."""
    wide, layer = effort.size((50_000, 1_000), (1_000, 50))
    nodes: list[float] = []
    edges: list[float] = []
    for _ in range(effort.rounds):
        async with stage.hand() as hand:
            nodes.append(wide / await _store_seconds(hand, independent(wide)))
            dense = _dense(layer)
            size = 5 * layer
            edges.append(80 * layer / max(1e-3, await _store_seconds(hand, dense) - size / nodes[-1]))
    many = f"stored: {80 * layer:,} dependencies of {5 * layer:,} subtasks"
    return [
        Figure("stored", stage.kind, f"stored: a task of {wide:,} subtasks", "nodes/s", nodes),
        Figure("stored", stage.kind, many, "edges/s", edges),
    ]


def _dense(layer: int) -> Body:
    """Five layers; each subtask depends on twenty of the layer before."""
    return plan(
        *(
            step(f"a{depth}n{index}", *(f"a{depth - 1}n{(index + way) % layer}" for way in range(20) if depth))
            for depth in range(5)
            for index in range(layer)
        )
    )


async def _store_seconds(hand: Hand, body: Body) -> float:
    task = new_task(body)
    begun = time.perf_counter()
    await hand.graph.store(task)
    return time.perf_counter() - begun
