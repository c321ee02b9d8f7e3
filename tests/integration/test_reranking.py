"""The order of a running task follows what its own attempts teach, on both graphs; and it says that it is late."""

from __future__ import annotations

import asyncio

from engine.states import TaskStatus
from tests.support.engines import GATES, Lab, finished, run, story, subtasks
from tests.support.plans import plan, step
from tests.support.services import eventually

SECONDS = 0.08
"""What a long one takes; a short one takes a millisecond at most."""


async def test_the_long_kind_goes_first_once_the_run_has_shown_it(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=1)
    steps = []
    for index in range(30):
        steps += [step(f"s{index}"), step(f"l{index}", type="sleep", input={"seconds": SECONDS})]

    task = await run(engine, plan(*steps))

    assert task.status is TaskStatus.COMPLETED
    started = [event.key for event in await story(engine, task.id) if event.key and event.status == "processing"]
    assert len(started) == 60
    assert started[:4] == ["s0", "l0", "s1", "l1"], "nothing was known"
    last_long = max(place for place, key in enumerate(started) if key[0] == "l")
    assert len(started) - 1 - last_long >= 5, started
    rows = await subtasks(engine, task.id)
    assert rows["l29"].expected > 10 * rows["s29"].expected
    assert rows["l29"].order_key < rows["s29"].order_key


async def test_lateness_is_told_once_while_it_runs_also_after_a_restart(lab: Lab) -> None:
    engine = await lab.start()
    gate = GATES[lab.namespace] = asyncio.Event()
    body = plan(step("gate", type="gate", input={"name": lab.namespace}))
    gate.set()
    for _ in range(3):
        await run(engine, body)
    gate.clear()
    submitted = await engine.submit(body)

    async def told() -> bool:
        return [event.event for event in await story(engine, submitted.task_id)].count("late") == 1

    await eventually(told)
    assert (await engine.task(submitted.task_id)).status is TaskStatus.PROCESSING
    await lab.stop(engine)
    engine = await lab.start()
    gate.set()
    await finished(engine, submitted.task_id)

    events = await story(engine, submitted.task_id)
    late = [event for event in events if event.event == "late"]
    assert [(event.key, event.status) for event in late] == [("", "processing")]
    assert late[0].detail.startswith("expected to take ")
    assert events[-1].detail.startswith("late: ")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
