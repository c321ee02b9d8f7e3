"""What is foretold of a task when it comes in and while it runs, and what if; on both graphs."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from engine.errors import Conflict, InvalidInput
from engine.estimates.promise import decode, encode
from engine.forecasts import LEAST_SECONDS, Alternative
from engine.model import Task
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, finished, run, story
from tests.support.plans import Body, plan, step
from tests.support.services import eventually


def gated(name: str) -> Body:
    """``b`` waits for ``a``, ``c`` for both; all of them at one gate."""
    given = {"type": "gate", "input": {"name": name}}
    return plan(step("a", **given), step("b", "a", **given), step("c", "a", "b", **given))


def open_gate(name: str) -> None:
    GATES.setdefault(name, asyncio.Event()).set()


async def taught(engine: Engine) -> None:
    """A first run of the plan, through an open gate."""
    name = uuid.uuid4().hex
    open_gate(name)
    assert (await run(engine, gated(name))).status is TaskStatus.COMPLETED


async def held(engine: Engine) -> tuple[Task, str]:
    """A run that stands at its gate."""
    name = uuid.uuid4().hex
    submitted = await engine.submit(gated(name))
    await eventually(lambda: STARTED[name] == 1)
    return await engine.task(submitted.task_id), name


async def test_nothing_is_foretold_while_nothing_is_known(lab: Lab) -> None:
    engine = await lab.start()
    submitted = await engine.submit(gated(name := uuid.uuid4().hex))
    await eventually(lambda: STARTED[name] == 1)

    assert submitted.estimate is None
    assert await engine.forecast(await engine.task(submitted.task_id)) is None
    open_gate(name)
    await finished(engine, submitted.task_id)


async def test_a_plan_that_ran_before_is_foretold_when_it_comes_in(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    name = uuid.uuid4().hex
    open_gate(name)

    asked = await engine.preview(gated(name))
    submitted = await engine.submit(gated(name), key="k")
    again = await engine.submit(gated(name), key="k")

    foretold = decode(submitted.estimate)
    assert foretold is not None and asked["estimate"] is not None
    assert foretold.evidence == {"subtask": 3}
    assert 0 < foretold.low <= foretold.seconds <= foretold.high < 5
    assert again.repeated and again.estimate == submitted.estimate
    task = await finished(engine, submitted.task_id)
    assert task.estimate == submitted.estimate


async def test_a_task_that_is_looked_at_is_read_once_and_follows_its_events(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    task, name = await held(engine)
    reads = 0
    standings = engine._graph.standings

    async def counted(task_id: str) -> object:
        nonlocal reads
        reads += 1
        return await standings(task_id)

    engine._graph.standings = counted  # type: ignore[method-assign,assignment]
    first = await engine.forecast(task)
    assert first is not None and reads == 1
    assert await engine.forecast(task) == first  # for a moment the same

    watched = engine._forecasts._watched[task.id]
    watched.end.due_at = 0.0
    STARTED.clear()
    open_gate(name)
    await finished(engine, task.id)
    assert watched.view is not None and watched.subscription is not None
    for event in watched.subscription.take():
        assert watched.view.apply(event)
    assert {row.status for row in watched.view._rows} == {"completed"}
    assert reads == 1
    assert await engine.forecast(await engine.task(task.id)) is None  # final


async def test_a_late_task_says_so_while_it_runs_and_in_its_last_event(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    task, name = await held(engine)
    assert task.estimate is not None

    async def late() -> bool:
        seen = await engine.forecast(task)
        return seen is not None and seen.late

    await eventually(late)
    open_gate(name)
    await finished(engine, task.id)

    last = (await story(engine, task.id))[-1]
    assert (last.event, last.detail[:6]) == ("finish", "late: ")


async def test_an_early_task_says_so_in_its_last_event(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    task, name = await held(engine)
    foretold = decode(task.estimate)
    assert foretold is not None
    slow = msgspec.structs.replace(foretold, low=1000.0, seconds=2000.0, high=3000.0)
    engine._ledger.tasks[task.id].estimate = encode(slow)
    open_gate(name)
    await finished(engine, task.id)

    assert (await story(engine, task.id))[-1].detail.startswith("early: ")


async def test_what_if_looks_at_what_is_left(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    task, name = await held(engine)

    slower = await engine.what_if(task.id, Alternative(factors={"gate": 1000.0}))
    without = await engine.what_if(task.id, Alternative(without=["b"]))

    assert slower.now.evidence == {"subtask": 3}
    assert slower.difference > 0
    assert without.then.evidence == {"subtask": 2}  # c has a left to wait for
    with pytest.raises(InvalidInput, match="did you mean"):
        await engine.what_if(task.id, Alternative(without=["bb"]))
    open_gate(name)
    await finished(engine, task.id)
    with pytest.raises(Conflict, match="nothing of it is left"):
        await engine.what_if(task.id, Alternative())


async def test_a_pause_ends_the_forecast_and_a_restart_keeps_what_was_promised(lab: Lab) -> None:
    engine = await lab.start()
    await taught(engine)
    task, name = await held(engine)
    await engine.pause(task.id, "now")
    assert await engine.forecast(await engine.task(task.id)) is None
    await lab.stop(engine)

    again = await lab.start()
    assert again._ledger.tasks[task.id].estimate == task.estimate
    await again.resume(task.id)
    seen = await again.forecast(await again.task(task.id))
    assert seen is not None and seen.prediction.evidence == {"subtask": 3}
    assert LEAST_SECONDS > 0
    open_gate(name)
    await finished(again, task.id)
