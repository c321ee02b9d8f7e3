"""Limits in time, and what keeps crashing: on both graphs, across restarts."""

from __future__ import annotations

from engine.states import FINAL, TaskStatus
from tests.support.engines import GATES, STARTED, Lab, finished, run, story, subtasks
from tests.support.plans import plan, step
from tests.support.policies import SLOW, bad, check, error_of, stand, statuses, told
from tests.support.services import eventually

COMPLETED, FAILED = TaskStatus.COMPLETED, TaskStatus.FAILED


# --- time -----------------------------------------------------------------------------------------------------------


async def test_a_passed_deadline_fails_the_task_and_stops_what_runs(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("done"),
        step("runs", "done", type="sleep", input=SLOW),
        step("waits", "runs"),
        step("apart", type="fail", input={"category": "transient", "delay": 600.0}),
        deadline_seconds=1,
    )

    task = await run(engine, body)

    assert await statuses(engine, task.id) == {
        "done": "completed", "runs": "cancelled", "waits": "cancelled", "apart": "cancelled"
    }  # fmt: skip
    assert (task.status, told(task)["category"]) == (FAILED, "timeout")
    assert told(task)["message"] == "the deadline passed before 3 of 4 subtask(s) were completed"
    assert told(task)["impact"] == {"cancelled": 3}
    assert (await story(engine, task.id))[-1].detail == "its deadline has passed"
    await check(engine, task.id)


async def test_a_deadline_passes_while_the_task_is_paused_and_while_the_engine_is_gone(lab: Lab) -> None:
    engine = await lab.start()
    paused, gone = [
        (await engine.submit(plan(step("a", type="sleep", input=SLOW), deadline_seconds=2))).id for _ in "12"
    ]
    await engine.pause(paused)
    await eventually(lambda: engine.snapshot()["running"] == 2)
    await lab.stop(engine)

    again = await lab.start()
    ends = [await finished(again, task_id) for task_id in (paused, gone)]

    assert [(task.status, told(task)["category"]) for task in ends] == [(FAILED, "timeout")] * 2


async def test_waiting_for_a_slot_has_a_limit(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=1)
    name = f"{lab.namespace}-queue"
    body = plan(
        step("first", type="gate", input={"name": name}, priority=10),
        step("late", timeouts={"queue_seconds": 0.3}),
        step("after", "late", run_if="all_settled"),
    )
    task_id = (await engine.submit(body)).id

    await eventually(lambda: stand(engine, task_id, late="failed"))
    GATES[name].set()
    task = await finished(engine, task_id)

    error = await error_of(engine, task_id, "late")
    assert (error["category"], error["message"]) == (
        "timeout",
        "it waited for a slot longer than its limit of 0.3 s",
    )
    assert (task.status, (await statuses(engine, task_id))["after"]) == (FAILED, "completed")
    assert (await subtasks(engine, task_id))["late"].attempts == 0
    await check(engine, task_id)


async def test_what_waits_behind_others_is_not_waiting_for_a_slot(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("first", type="sleep", input={"seconds": 0.6}), step("second", "first", timeouts={"queue_seconds": 0.4})
    )

    task = await run(engine, body)

    assert task.status is COMPLETED


async def test_a_pause_is_no_waiting_for_a_slot(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-pause"
    body = plan(
        step("first", type="gate", input={"name": name}),
        step("second", "first", timeouts={"queue_seconds": 0.3}),
        step("other", "first", timeouts={"queue_seconds": 600}),
    )
    task_id = (await engine.submit(body)).id
    await eventually(lambda: STARTED[name] == 1)
    await engine.pause(task_id)
    GATES[name].set()
    await eventually(lambda: stand(engine, task_id, first="completed", second="ready"))
    probe = await run(engine, plan(step("a", type="sleep", input={"seconds": 0.6})))
    assert probe.status is COMPLETED
    assert (await statuses(engine, task_id))["second"] == "ready"

    await engine.resume(task_id)

    assert (await finished(engine, task_id)).status is COMPLETED


async def test_a_subtask_without_a_sign_of_life_is_stopped_and_one_with_goes_on(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-alive"
    idle = {"timeouts": {"idle_seconds": 0.4}, "retry": {"max_attempts": 1}}
    body = plan(
        step("silent", type="sleep", input=SLOW, **idle), step("alive", type="alive", input={"name": name}, **idle)
    )
    task_id = (await engine.submit(body)).id

    await eventually(lambda: stand(engine, task_id, silent="failed", alive="processing"))
    seen = STARTED[name]
    await eventually(lambda: STARTED[name] > seen + 25)
    GATES[name].set()
    await finished(engine, task_id)

    error = await error_of(engine, task_id, "silent")
    assert (error["category"], error["message"]) == ("timeout", "it gave no sign of life for 0.4 s and was stopped")
    assert (await statuses(engine, task_id))["alive"] == "completed"


async def test_all_attempts_together_have_a_limit(lab: Lab) -> None:
    engine = await lab.start()
    total = {"timeouts": {"total_seconds": 0.5}}
    body = plan(
        step("runs", type="sleep", input=SLOW, fallback={"type": "noop"}, **total),
        step("again", type="fail", input={"category": "transient", "delay": 0.2}, retry={"max_attempts": 99}, **total),
        step("waits", type="fail", input={"category": "transient", "delay": 600.0}, **total),
        step("quick", **total),
    )

    task = await run(engine, body)

    found = await subtasks(engine, task.id)
    assert {key: row.status.value for key, row in found.items()} == {
        "runs": "failed", "again": "failed", "waits": "failed", "quick": "completed"
    }  # fmt: skip
    assert found["runs"].attempts == found["waits"].attempts == 1
    assert 2 <= found["again"].attempts <= 4
    assert (await error_of(engine, task.id, "runs"))["category"] == "timeout"
    await check(engine, task.id)


async def test_limits_in_time_and_back_offs_survive_a_restart(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("waits", type="fail", input={"category": "transient", "delay": 2.0, "times": 1}),
        step("total", type="fail", input={"category": "logic", "delay": 600.0}, timeouts={"total_seconds": 601}),
        bad(
            "late", retry={"max_attempts": 2, "backoff_seconds": 400, "jitter": False}, timeouts={"total_seconds": 402}
        ),
    )
    task_id = (await engine.submit(body)).id
    await eventually(lambda: stand(engine, task_id, waits="retrying", late="retrying"))
    before = await subtasks(engine, task_id)
    await lab.stop(engine)

    again = await lab.start()
    rows = await subtasks(again, task_id)
    assert rows["late"].wake_at == before["late"].wake_at
    await eventually(lambda: stand(again, task_id, waits="completed"))

    done = (await subtasks(again, task_id))["waits"]
    assert (done.attempts, done.spent) == (2, 1)
    assert done.started_at is not None
    assert before["waits"].wake_at is not None
    assert done.started_at >= before["waits"].wake_at, "a crash does not shorten the wait"
    await again.cancel(task_id)


# --- quarantine -----------------------------------------------------------------------------------------------------


async def test_what_keeps_crashing_is_set_apart_and_can_be_released(lab: Lab) -> None:
    engine = await lab.start()
    crash = {"category": "transient", "crashed": True, "times": 3}
    body = plan(step("poison", type="fail", input=crash), step("needs", "poison"), step("other"))
    task_id = (await engine.submit(body)).id
    await eventually(lambda: stand(engine, task_id, poison="quarantined", needs="blocked", other="completed"))
    task = await engine.task(task_id)
    assert task.status not in FINAL

    await engine.retry(task_id, "poison", "ann")
    task = await finished(engine, task_id)

    assert (task.status, task.error) == (COMPLETED, None)
    assert await statuses(engine, task_id) == {"poison": "completed", "needs": "completed", "other": "completed"}
    assert (await subtasks(engine, task_id))["poison"].attempts == 4
    events = {event.event: event for event in await story(engine, task_id) if event.key == "poison"}
    assert events["retry"].detail == "ann"
    await check(engine, task_id)


async def test_what_was_set_apart_can_be_abandoned(lab: Lab) -> None:
    engine = await lab.start()
    crash = {"category": "transient", "crashed": True}
    body = plan(
        step("poison", type="fail", input=crash),
        step("extra", type="fail", input=crash, optional=True),
        step("needs", "poison"),
        step("after", "needs"),
        step("wants", "extra"),
    )
    task_id = (await engine.submit(body)).id
    apart = {"poison": "quarantined", "extra": "quarantined"}
    await eventually(lambda: stand(engine, task_id, **apart, needs="blocked", wants="blocked", after="blocked"))

    await engine.skip(task_id, "extra")
    await eventually(lambda: stand(engine, task_id, extra="skipped", wants="completed"))
    await engine.skip(task_id, "poison")
    task = await finished(engine, task_id)

    assert await statuses(engine, task_id) == {
        "poison": "skipped", "extra": "skipped", "needs": "skipped", "after": "skipped", "wants": "completed"
    }  # fmt: skip
    assert (task.status, task.error) == (COMPLETED, None)
    await check(engine, task_id)


async def test_a_deadline_ends_a_task_with_something_set_apart(lab: Lab) -> None:
    engine = await lab.start()
    crash = {"category": "transient", "crashed": True}

    task = await run(
        engine, plan(step("poison", type="fail", input=crash), step("needs", "poison"), deadline_seconds=2)
    )

    assert await statuses(engine, task.id) == {"poison": "quarantined", "needs": "blocked"}
    assert (task.status, told(task)["category"]) == (FAILED, "timeout")
    assert told(task)["impact"] == {"blocked": 1}
