"""The failure policy, on both graphs, as the contract's semantics says: what runs, what does not, how the task ends."""

from __future__ import annotations

import json

import pytest

from engine.model import Json
from engine.states import TaskStatus
from tests.support.engines import STARTED, Lab, finished, outputs, run, story, subtasks
from tests.support.graphs import execute
from tests.support.plans import plan, step
from tests.support.policies import BROKEN, SLOW, bad, check, error_of, stand, statuses, told
from tests.support.services import eventually

COMPLETED, FAILED = TaskStatus.COMPLETED, TaskStatus.FAILED


# --- critical, optional, run_if -------------------------------------------------------------------------------------


async def test_a_task_fails_if_and_only_if_a_critical_subtask_does(lab: Lab) -> None:
    engine = await lab.start()

    harmless = await run(engine, plan(bad("a", critical=False), step("b")))
    blocks = await run(engine, plan(bad("a", critical=False), step("b", "a")))
    wholly = await run(engine, plan(bad("a", critical=False), step("b", "a", critical=False), step("c")))
    failed = await run(engine, plan(bad("a"), step("b")))

    assert [task.status for task in (harmless, blocks, wholly, failed)] == [COMPLETED, FAILED, COMPLETED, FAILED]
    assert await statuses(engine, blocks.id) == {"a": "failed", "b": "blocked"}
    assert told(harmless)["message"].startswith("completed with warnings: 1 subtask(s) failed (a)")
    assert told(wholly)["impact"] == {"blocked": 1}
    assert told(failed)["subtasks"] == [{"key": "a", "status": "failed"}]
    assert await engine.result(wholly.id) == {"b": None, "c": {}}
    for task in (harmless, blocks, wholly, failed):
        await check(engine, task.id)


async def test_an_optional_subtask_is_skipped_instead_of_blocked_and_counts_as_a_success(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        bad("a", critical=False),
        step("extra", "a", optional=True),
        step("report", "extra", input={"extra": "{{subtasks.extra.output}}", "how": "{{subtasks.extra.status}}"}),
    )

    task = await run(engine, body)

    assert await statuses(engine, task.id) == {"a": "failed", "extra": "skipped", "report": "completed"}
    assert task.status is COMPLETED
    assert (await outputs(engine, task.id))["report"] == {"extra": None, "how": "skipped"}
    await check(engine, task.id)


async def test_an_optional_subtask_that_fails_itself_does_not_fail_the_task(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, plan(bad("a", optional=True), step("b", "a", critical=False), step("c")))

    assert await statuses(engine, task.id) == {"a": "failed", "b": "blocked", "c": "completed"}
    assert task.status is COMPLETED


@pytest.mark.parametrize(
    "condition, after_both, after_one, after_none",
    [
        ("all_succeeded", "completed", "blocked", "blocked"),
        ("all_settled", "completed", "completed", "completed"),
        ("any_succeeded", "completed", "completed", "skipped"),
        ("any_failed", "skipped", "completed", "completed"),
        (
            {"expression": 'subtasks.x.status == "completed" && subtasks.x.output.n > input.least'},
            "completed",
            "completed",
            "skipped",
        ),
    ],
    ids=["all_succeeded", "all_settled", "any_succeeded", "any_failed", "expression"],
)
async def test_every_condition_is_decided_once_all_dependencies_are_settled(
    lab: Lab, condition: Json, after_both: str, after_one: str, after_none: str
) -> None:
    engine = await lab.start()
    found = []
    for x, y in ((True, True), (True, False), (False, False)):
        body = plan(
            step("x", input={"n": 3}) if x else bad("x", critical=False),
            step("y") if y else bad("y", critical=False),
            step("join", "x", "y", run_if=condition, critical=False),
            step("tail", "join", critical=False),
            input={"least": 2},
        )
        task = await run(engine, body)
        await check(engine, task.id)
        seen = await statuses(engine, task.id)
        found.append(seen["join"])
        assert seen["tail"] == seen["join"], "what was skipped skips, what was blocked blocks"

    assert found == [after_both, after_one, after_none]


async def test_a_condition_without_dependencies_is_decided_at_once(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("no", run_if={"expression": "input.wanted"}),
        step("yes", run_if={"expression": '!input.wanted && task.name == "n"'}),
        step("tail", "no"),
        input={"wanted": False},
        name="n",
    )

    task = await run(engine, body)

    assert await statuses(engine, task.id) == {"no": "skipped", "yes": "completed", "tail": "skipped"}
    assert (task.status, task.error) == (COMPLETED, None)


async def test_a_condition_that_cannot_be_evaluated_fails_its_subtask(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(step("a", input={"n": 1}), step("b", run_if={"expression": "subtasks.a.output.gone > 1"}))

    task = await run(engine, body)

    error = await error_of(engine, task.id, "b")
    assert (task.status, error["category"]) == (FAILED, "configuration")
    assert "gone" in error["message"]


async def test_a_clean_up_runs_after_a_failure_and_the_task_still_fails(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        bad("work"),
        step("undo", "work", run_if="any_failed", input={"because": "{{subtasks.work.error.message}}"}),
        step("thanks", "work"),
    )

    task = await run(engine, body)

    assert await statuses(engine, task.id) == {"work": "failed", "undo": "completed", "thanks": "blocked"}
    assert (await outputs(engine, task.id))["undo"] == {"because": "work fails"}
    assert task.status is FAILED


async def test_conditions_behind_a_map_look_at_its_items(lab: Lab) -> None:
    engine = await lab.start()

    async def joined(values: list[int], condition: str) -> tuple[str, Json]:
        mapped = step("m", type="calculate", map={"over": values}, input={"expression": "6 / {{item}}"}, critical=False)
        join = step("join", "m", run_if=condition, input="{{subtasks.m.output}}")
        task = await run(engine, plan(mapped, join))
        assert task.status is COMPLETED
        return (await statuses(engine, task.id))["join"], (await outputs(engine, task.id))["join"]

    assert await joined([1, 0], "all_settled") == ("completed", [{"value": 6}, None])
    assert await joined([0, 0], "any_succeeded") == ("skipped", None)
    assert await joined([0, 2], "any_succeeded") == ("completed", [None, {"value": 3}])
    assert await joined([1, 2], "any_failed") == ("skipped", None)


# --- fail fast, impact, partial results -----------------------------------------------------------------------------


async def test_a_task_that_fails_fast_stops_at_the_first_critical_failure(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("running", type="sleep", input=SLOW),
        step("done"),
        bad("harmless", "done", critical=False),
        bad("bad", "harmless", run_if="all_settled"),
        step("waits", "running"),
        failure_policy="fail_fast",
    )

    task = await run(engine, body)

    assert await statuses(engine, task.id) == {
        "running": "cancelled", "done": "completed", "harmless": "failed", "bad": "failed", "waits": "cancelled"
    }  # fmt: skip
    assert (task.status, told(task)["category"]) == (FAILED, "logic")
    assert told(task)["impact"] == {"cancelled": 2}
    assert told(task)["subtasks"][0] == {"key": "bad", "status": "failed"}
    await check(engine, task.id)


async def test_a_failure_that_a_crash_hides_closes_a_task_that_fails_fast(lab: Lab) -> None:
    """The failure was settled, but the engine went before it had closed the task."""
    engine = await lab.start()
    body = plan(
        step("hold", type="sleep", input=SLOW),
        bad("bad", critical=False),
        step("never", "hold", type="sleep", input=SLOW),
        failure_policy="continue",
    )
    task_id = (await engine.submit(body)).id
    await eventually(lambda: stand(engine, task_id, bad="failed", hold="processing"))
    await lab.stop(engine)
    await _edit(lab, task_id)

    again = await lab.start()
    task = await finished(again, task_id)

    assert (task.status, await statuses(again, task_id)) == (
        FAILED,
        {"hold": "cancelled", "bad": "failed", "never": "cancelled"},
    )


async def _edit(lab: Lab, task_id: str) -> None:
    """Makes a task fail fast, and its failure critical, as a crash at the wrong moment would have left it."""
    graph = lab.graph()
    await graph.open()
    try:
        await execute(graph, "MATCH (t:Task) WHERE t.id = $id SET t.failure_policy = 'fail_fast'", id=task_id)
        await execute(graph, "MATCH (s:Subtask) WHERE s.task_id = $id SET s.critical = true", id=task_id)
    finally:
        await graph.close()


async def test_partial_results_are_kept_and_readable(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("bad", type="fail", input={"category": "logic", "partial": "half of it"}),
        step("large", type="fail", input={"category": "logic", "partial": "x" * 40_000}),
        step("good", input={"n": 1}),
        step("after", "bad", run_if="all_settled", input={"seen": "{{subtasks.bad.output}}"}),
    )

    task = await run(engine, body)

    found = await outputs(engine, task.id)
    assert (task.status, found["bad"], found["good"]) == (FAILED, "half of it", {"n": 1})
    assert found["large"] == "x" * 40_000
    assert found["after"] == {"seen": None}, "what did not complete has no output for others"


# --- repeats and fallback -------------------------------------------------------------------------------------------


async def test_attempts_are_repeated_until_one_succeeds_and_each_is_kept(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, plan(step("a", type="fail", input={"category": "transient", "times": 2})))

    row, attempts, _, _ = await engine.subtask(task.id, "a")
    assert (task.status, row.attempts, await engine.result(task.id)) == (COMPLETED, 3, 3)
    assert [(attempt.token, attempt.outcome) for attempt in attempts] == [
        (1, "failed"),
        (2, "failed"),
        (3, "completed"),
    ]
    assert [json.loads(attempt.error or "{}").get("attempt") for attempt in attempts] == [1, 2, None]
    events = [(event.event, event.status) for event in await story(engine, task.id) if event.key]
    assert events == [("claim", "processing"), ("retry_later", "retrying"), ("backoff_over", "ready")] * 2 + [
        ("claim", "processing"),
        ("succeed", "completed"),
    ]


@pytest.mark.parametrize(
    "retry, category, attempts",
    [
        ({"max_attempts": 2}, "logic", 2),
        ({"max_attempts": 5, "on": ["timeout"]}, "logic", 1),
        ({"max_attempts": 5, "on": ["logic"]}, "logic", 5),
        ({"max_attempts": 1}, "transient", 1),
        (None, "permission", 2),
        (None, "configuration", 1),
    ],
)
async def test_a_policy_of_its_own_decides_on_repeats(lab: Lab, retry: Json, category: str, attempts: int) -> None:
    engine = await lab.start()
    fields = {"retry": retry} if retry else {}

    task = await run(engine, plan(step("a", type="fail", input={"category": category}, **fields)))

    row = (await subtasks(engine, task.id))["a"]
    assert (row.status.value, row.attempts, row.spent) == ("failed", attempts, attempts)


async def test_a_fallback_takes_over_when_no_attempt_is_left(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("source", input={"n": 7}),
        step(
            "a",
            "source",
            type="fail",
            input={"category": "transient"},
            retry={"max_attempts": 2},
            fallback={"type": "noop", "input": {"instead": "{{subtasks.source.output.n}}"}},
        ),
        step("b", "a", input="{{previous_output.instead}}"),
    )

    task = await run(engine, body)

    row, attempts, _, _ = await engine.subtask(task.id, "a")
    assert (task.status, task.error, await engine.result(task.id)) == (COMPLETED, None, 7)
    assert [attempt.outcome for attempt in attempts] == ["failed", "failed", "completed"]
    assert row.fell_back
    events = [event.event for event in await story(engine, task.id) if event.key == "a"]
    assert events.count("fall_back") == 1


async def test_a_fallback_has_its_own_attempts_and_then_it_is_over(lab: Lab) -> None:
    engine = await lab.start()
    fallback = {"type": "fail", "input": {"category": "transient"}}

    task = await run(engine, plan(step("a", type="fail", input=BROKEN, fallback=fallback)))

    row = (await subtasks(engine, task.id))["a"]
    assert (task.status, row.attempts) == (FAILED, 5)


# --- closing --------------------------------------------------------------------------------------------------------


async def test_what_asks_for_a_repeat_while_its_task_is_closed_does_not_keep_it_open(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-sulk"
    task_id = (await engine.submit(plan(step("a", type="sulk", input={"name": name})))).id
    await eventually(lambda: STARTED[name] == 1)

    await engine.cancel(task_id)
    task = await finished(engine, task_id, 20)

    assert (task.status, task.counts) == (TaskStatus.CANCELLED, {"cancelled": 1})
    assert STARTED[name] == 1
    await check(engine, task_id)


async def test_a_cancelled_task_does_not_say_that_it_completed(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(bad("a", critical=False), step("b", type="sleep", input=SLOW))
    task_id = (await engine.submit(body)).id
    await eventually(lambda: stand(engine, task_id, a="failed", b="processing"))

    task = await engine.cancel(task_id, "ann")

    assert task.status is TaskStatus.CANCELLED
    assert "completed" not in told(task)["message"]
    assert (await story(engine, task_id))[-1].detail == "ann"
