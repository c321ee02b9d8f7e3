"""One huge task never starves a small one."""

from __future__ import annotations

import asyncio

from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import Lab, finished, moves, story
from tests.support.plans import Body, independent, plan, step
from tests.support.services import eventually

HUGE = 5_000


def _slow(number: int, **common: object) -> Body:
    """Subtasks that take a moment each, so that the slots are always full."""
    return plan(*(step(f"s{n}", type="sleep", input={"seconds": 0.002}) for n in range(number)), **common)


async def test_a_small_task_that_comes_later_ends_long_before_a_huge_one(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=10)
    huge = (await engine.submit(_slow(HUGE))).id
    await eventually(lambda: _completed(engine, huge, 200))

    small = (await engine.submit(independent(20))).id
    before = (await engine.task(huge)).counts["completed"]
    await finished(engine, small)
    after = (await engine.task(huge)).counts["completed"]

    assert (await engine.task(huge)).status is TaskStatus.PROCESSING
    assert after - before < 400
    assert (await finished(engine, huge)).counts == {"completed": HUGE}


async def test_tasks_share_the_slots_by_priority(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=6)
    ids = [(await engine.submit(_slow(400, priority=priority))).id for priority in (0, 10)]

    await asyncio.gather(*(finished(engine, id_) for id_ in ids))

    light, heavy = [await engine.task(id_) for id_ in ids]
    begun = min(await _starts(engine, ids[1]))
    assert heavy.completed_at is not None
    beside = [at for at in await _starts(engine, ids[0]) if begun <= at <= heavy.completed_at]
    assert 0 < len(beside) < 150, "an eleventh of the starts is its share: forty"
    assert light.counts == heavy.counts == {"completed": 400}


async def _starts(engine: Engine, task_id: str) -> list[int]:
    """When the subtasks of a task were started."""
    events = await story(engine, task_id)
    started = set(moves(events, "processing").values())
    return [event.at for event in events if event.seq in started]


async def _completed(engine: Engine, task_id: str, number: int) -> bool:
    return (await engine.task(task_id)).counts.get("completed", 0) >= number
