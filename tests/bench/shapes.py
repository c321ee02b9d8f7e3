"""Plans of different shapes, run by a whole engine."""

from __future__ import annotations

import asyncio

from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.plans import lanes
from tests.bench.stage import TASK_SECONDS, Stage, completed
from tests.support.plans import chain, diamond, independent

CHAIN_AIMS = {"neo4j": "<= 4", "embedded": "<= 3"}
SLOTS = 50


async def shapes(stage: Stage, effort: Effort) -> list[Figure]:
    """A chain, independent subtasks, a fan out and in, and many tasks at once."""
    length, wide, fan = effort.size((200, 10_000, 1_000), (5, 100, 20))
    tasks, each = effort.size((200, 50), (3, 5))
    steps: list[float] = []
    rates: dict[str, list[float]] = {}
    for _ in range(effort.rounds):
        steps.append(1000 * (await stage.run(chain(length), 10)).seconds / length)
        for name, body, slots in (
            (f"{wide:,} independent, 10 in flight", independent(wide), 10),
            (f"{wide:,} independent, 50 in flight", independent(wide), 50),
            (f"fan 1 -> {fan:,} -> 1, {SLOTS} in flight", diamond(fan), SLOTS),
        ):
            rates.setdefault(name, []).append((await stage.run(body, slots)).rate)
        name = f"{tasks} tasks of {each}, {SLOTS} in flight"
        rates.setdefault(name, []).append(await _many(stage, tasks, each))
    return [
        Figure("shapes", stage.kind, f"chain of {length}, per step", "ms", steps, CHAIN_AIMS[stage.kind]),
        *(Figure("shapes", stage.kind, name, "settles/s", values) for name, values in rates.items()),
    ]


async def _many(stage: Stage, tasks: int, each: int) -> float:
    """Settles per second of many tasks that are submitted one after the other while they run."""
    async with stage.engine(SLOTS) as (engine, watch):
        submitted = [await engine.submit(lanes(5, each // 5)) for _ in range(tasks)]
        ended = [asyncio.wait_for(engine.wait(task.task_id), TASK_SECONDS) for task in submitted]
        for task in await asyncio.gather(*ended):
            completed(task, each)
    return watch.rate
