"""Throughput: the raw limit and the engine on the same plan, round by round, one after the other."""

from __future__ import annotations

from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.plans import lanes
from tests.bench.raw import raw
from tests.bench.stage import Stage

IN_FLIGHT = {1: 300, 10: 4_000, 50: 10_000, 200: 20_000}
"""Subtasks of a run, by how many are in flight."""
QUICK = {1: 3, 10: 20, 50: 100, 200: 200}
WARM_UPS = (10,) * 12 + (50,) * 3
"""How many are in flight in the runs before the first one that counts. Neo4j's virtual machine compiles what is hot
while it runs: on two cores a round trip is at its lasting speed after some five thousand of them.
"""
RAW_AIMS = {("neo4j", 10): ">= 4000", ("neo4j", 50): ">= 7000"}
SHARE_AIMS = {10: ">= 0.5", 50: ">= 0.5"}


async def rates(stage: Stage, effort: Effort) -> list[Figure]:
    """Noops per second at 1, 10, 50 and 200 in flight."""
    sizes = effort.size(IN_FLIGHT, QUICK)
    for width in effort.size(WARM_UPS, ()):
        await _raw_rate(stage, width, sizes[width])
    found: dict[int, tuple[list[float], list[float]]] = {width: ([], []) for width in sizes}
    for _ in range(effort.rounds):
        for width, (raws, engines) in found.items():
            raws.append(await _raw_rate(stage, width, sizes[width]))
            engines.append((await stage.run(lanes(width, sizes[width] // width), width)).rate)
    return [figure for width, pair in found.items() for figure in _figures(stage.kind, width, *pair)]


async def _raw_rate(stage: Stage, width: int, subtasks: int) -> float:
    async with stage.hand() as hand:
        return (await raw(hand, lanes(width, subtasks // width), width)).rate


def _figures(kind: str, width: int, raws: list[float], engines: list[float]) -> list[Figure]:
    limit = Figure("rates", kind, f"raw turn, {width} in flight", "settles/s", raws, RAW_AIMS.get((kind, width), ""))
    whole = Figure("rates", kind, f"engine, {width} in flight", "settles/s", engines)
    return [limit, whole, ratios(whole, limit, f"engine / raw, {width} in flight", SHARE_AIMS.get(width, ""))]
