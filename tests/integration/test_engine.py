"""The engine end to end, on both graphs: what a caller hands in and what comes of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from engine.errors import Conflict, InvalidInput, NotFound, TaskFailed
from engine.states import SubtaskStatus, TaskStatus
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, outputs, run, story, subtasks
from tests.support.plans import chain, diamond, independent, plan, step
from tests.support.services import eventually


async def test_a_plan_runs_to_its_end(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, diamond(20, name="d", user_id="ann"))

    assert (task.status, task.counts, task.error) == (TaskStatus.COMPLETED, {"completed": 22}, None)
    assert task.started_at is not None
    assert task.completed_at is not None
    assert task.created_at <= task.started_at <= task.completed_at
    graph = await engine.graph_of(task.id)
    check_story(
        await story(engine, task.id), await subtasks(engine, task.id), [(after, on) for on, after in graph["edges"]]
    )


async def test_references_keep_the_type_of_what_they_name(lab: Lab) -> None:
    engine = await lab.start()
    source = {"list": [1, "2", None, {"a": True}], "big": 2**80, "text": "é", "zero": 0}
    body = plan(
        step("a", input=source),
        step("b", input="just text"),
        step(
            "c",
            "a",
            "b",
            input={
                "whole": "{{subtasks.a.output}}",
                "big": "{{subtasks.a.output.big}}",
                "item": "{{ subtasks.a.output.list[3].a }}",
                "dotted": "{{subtasks.a.output.list.1}}",
                "inside": "n={{subtasks.a.output.zero}} {{subtasks.a.output.text}}",
                "previous": "{{previous_output}}",
                "given": "{{input.x}}",
                "literal": r"\{{subtasks.a.output}}",
                "other": "{{ not a reference }}",
            },
        ),
        step("d", "c", input={"one": "{{previous_output.item}}", "status": "{{subtasks.c.status}}"}),
        input={"x": [True]},
    )

    task = await run(engine, body)

    assert task.status is TaskStatus.COMPLETED
    found = await outputs(engine, task.id)
    assert found["c"] == {
        "whole": source,
        "big": 2**80,
        "item": True,
        "dotted": "2",
        "inside": "n=0 é",
        "previous": {"a": source, "b": "just text"},
        "given": [True],
        "literal": "{{subtasks.a.output}}",
        "other": "{{ not a reference }}",
    }
    assert found["d"] == {"one": True, "status": "completed"}
    assert await engine.result(task.id) == found["d"]


async def test_a_result_is_never_searched_for_references_again(lab: Lab) -> None:
    engine = await lab.start()
    literal = plan(step("a", input={"t": r"\{{input}}"}), step("b", input="{{subtasks.a.output.t}}"), input="secret")

    task = await run(engine, literal)

    assert await engine.result(task.id) == "{{input}}"


async def test_a_reference_to_what_is_not_there_fails_that_subtask_clearly(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, plan(step("a", input={"x": 1}), step("b", "a", input={"v": "{{subtasks.a.output.y}}"})))

    row = (await subtasks(engine, task.id))["b"]
    error = json.loads(row.error or "")
    assert (task.status, row.status, error["category"]) == (TaskStatus.FAILED, SubtaskStatus.FAILED, "configuration")
    assert (
        error["message"] == '{{subtasks.a.output.y}}: there is no "y" in subtasks.a.output, which is an object with "x"'
    )


async def test_a_map_runs_an_item_for_each_and_its_join_gets_them_in_order(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=4)
    body = plan(
        step("a", input={"rows": [{"n": number} for number in range(25)]}),
        step("m", map={"over": "{{subtasks.a.output.rows}}"}, input={"v": "{{item.n}}", "i": "{{index}}"}),
        step("join", "m", input={"all": "{{subtasks.m.output}}", "third": "{{subtasks.m.output[3].v}}"}),
    )

    task = await run(engine, body)

    assert (task.status, task.counts, task.subtasks_count) == (TaskStatus.COMPLETED, {"completed": 28}, 28)
    result = await engine.result(task.id)
    assert result == {"all": [{"v": number, "i": number} for number in range(25)], "third": 3}
    found = await outputs(engine, task.id)
    assert found["m"] == {"items": 25}
    assert found["m[7]"] == {"v": 7, "i": 7}


async def test_a_map_over_nothing_completes_its_join_with_an_empty_list(lab: Lab) -> None:
    engine = await lab.start()

    task = await run(engine, plan(step("m", map={"over": []}), step("join", "m", input="{{subtasks.m.output}}")))

    assert (task.status, task.counts, await engine.result(task.id)) == (TaskStatus.COMPLETED, {"completed": 2}, [])


@pytest.mark.parametrize("value, why", [({"a": 1}, "gave an object, not a list"), ([1, 2, 3], "longer than the limit")])
async def test_a_map_over_what_it_can_not_take_fails(lab: Lab, value: object, why: str) -> None:
    engine = await lab.start()
    mapped = step("m", "a", map={"over": "{{subtasks.a.output}}", "limit": 2})

    task = await run(engine, plan(step("a", input=value), mapped, step("join", "m")))

    found = await subtasks(engine, task.id)
    assert {key: row.status.value for key, row in found.items()} == {"a": "completed", "m": "failed", "join": "blocked"}
    error = json.loads(found["m"].error or "")
    assert error["category"] == "logic"
    assert why in error["message"]


async def test_a_failed_item_blocks_the_join_and_the_other_items_stay(lab: Lab) -> None:
    engine = await lab.start()
    mapped = step("m", type="calculate", map={"over": [1, 0, 2]}, input={"expression": "6 / {{item}}"})

    task = await run(engine, plan(mapped, step("join", "m")))

    found = await subtasks(engine, task.id)
    statuses = {key: row.status.value for key, row in found.items()}
    assert statuses == {
        "m": "completed", "m[0]": "completed", "m[1]": "failed", "m[2]": "completed", "join": "blocked"
    }  # fmt: skip
    assert task.status is TaskStatus.FAILED
    assert "m[1]" in json.loads(found["join"].error or "")["message"]
    assert (await outputs(engine, task.id))["m[2]"] == {"value": 3}


async def test_a_failure_blocks_what_needs_it_and_keeps_every_partial_result(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        step("bad", type="boom", input={"how": "tool"}),
        step("b", "bad"),
        step("c", "b"),
        step("good", input="kept"),
        step("d", "good", input={"v": "{{previous_output}}"}),
        step("e", "d", "c"),
    )

    task = await run(engine, body)

    found = await subtasks(engine, task.id)
    assert task.counts == {"failed": 1, "blocked": 3, "completed": 2}
    assert [json.loads(found[key].error or "")["message"] for key in ("b", "c", "e")] == [
        "blocked: bad did not complete",
        "blocked: b did not complete",
        "blocked: c did not complete",
    ]
    assert (await outputs(engine, task.id))["d"] == {"v": "kept"}
    error = json.loads(task.error or "")
    assert (task.status, error["category"], error["suggestion"]) == (TaskStatus.FAILED, "resource", "Switch it on.")
    assert error["message"] == "1 subtask(s) failed (bad); not done: 3 blocked"
    assert error["subtasks"][0] == {"key": "bad", "status": "failed"}
    with pytest.raises(TaskFailed, match=r"1 subtask\(s\) failed \(bad\)") as failed:
        await engine.result(task.id)
    assert failed.value.report == error
    check_story(await story(engine, task.id), found, [("b", "bad"), ("c", "b"), ("d", "good"), ("e", "d"), ("e", "c")])


async def test_a_failure_that_is_not_critical_is_a_warning(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(step("bad", type="boom", input={"how": "tool"}, critical=False), step("good", input=1))

    task = await run(engine, body)

    assert task.status is TaskStatus.COMPLETED
    assert json.loads(task.error or "")["message"] == "completed with warnings: 1 subtask(s) failed (bad)"
    assert await engine.result(task.id) == {"bad": None, "good": 1}


@pytest.mark.parametrize(
    "how, category, number, message",
    [
        ("tool", "resource", 4, "the oven is off"),
        ("fatal", "configuration", 1, "no such recipe"),
        ("bug", "logic", 1, "ZeroDivisionError: a bug in the tool (line "),
    ],
)
async def test_an_error_has_its_category_which_decides_on_repeats(
    lab: Lab, how: str, category: str, number: int, message: str
) -> None:
    engine = await lab.start()

    task = await run(engine, plan(step("a", type="boom", input={"how": how})))

    row, attempts, _, extra = await engine.subtask(task.id, "a")
    error = json.loads(row.error or "")
    assert (error["category"], error["attempt"]) == (category, number)
    assert error["message"].startswith(message)
    assert [(attempt.outcome, attempt.ran_on) for attempt in attempts] == [("failed", engine.id)] * number
    assert extra == {"resolved_input": {"how": how}, "expected": None, "estimate": None}


async def test_an_attempt_that_takes_too_long_is_stopped(lab: Lab) -> None:
    engine = await lab.start(task_timeout_seconds=0.2)
    body = plan(
        step("own", type="sleep", input={"seconds": 60}, timeout_seconds=0.1),
        step("default", type="sleep", input={"seconds": 60}),
        step("quick", type="sleep", input={"seconds": 0}),
    )

    task = await run(engine, body, 10)

    found = await subtasks(engine, task.id)
    assert found["quick"].status is SubtaskStatus.COMPLETED
    for key, limit in (("own", "0.1"), ("default", "0.2")):
        error = json.loads(found[key].error or "")
        assert (error["category"], found[key].status) == ("timeout", SubtaskStatus.FAILED)
        assert f"its limit of {limit} s" in error["message"]


@pytest.mark.parametrize("size", [1_024, 2_048, 102_400])
async def test_an_output_of_any_size_reaches_its_dependants_and_the_caller(lab: Lab, size: int) -> None:
    engine = await lab.start()
    letter = lab.namespace[-1]
    body = plan(
        step("a", type="text", input={"size": size, "letter": letter}),
        step("b", "a", input={"v": "{{subtasks.a.output}}"}),
        step("c", "b", input={"n": "{{subtasks.b.output.v}}", "m": "{{subtasks.a.output}}"}),
    )

    task = await run(engine, body)
    text = letter * (size - 2)

    assert await engine.result(task.id) == {"n": text, "m": text}
    row = (await subtasks(engine, task.id))["a"]
    assert (row.output is None) == (size > 1_024)
    await lab.stop(engine)
    again = await lab.start()
    assert (await outputs(again, task.id))["b"] == {"v": text}
    assert await again.output(await again.task(task.id)) == {"n": text, "m": text}
    blobs = list((lab.folder / "blobs").glob("??/??/*")) if size > 32_768 else []
    assert len(blobs) == (3 if size > 32_768 else 0)


async def test_what_is_wrong_is_told_whole_and_nothing_is_stored(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(step("a", "b"), step("b", "a"), step("c", type="nonsense"), step("c", "missing", priority=11))

    with pytest.raises(InvalidInput) as refused:
        await engine.submit(body)

    assert len(refused.value.faults) >= 4
    assert await engine.tasks(limit=9) == []
    assert (await engine.doctor())["sizes"].keys() <= {"Engine", "BlobStore"}


async def test_a_follower_sees_every_event_once_and_live(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-live"
    submitted = await engine.submit(plan(step("a"), step("b", "a", type="gate", input={"name": name}), step("c", "b")))
    seen: list[str] = []

    async for event in engine.follow(submitted.task_id):
        assert event.seq == len(seen) + 1
        seen.append(f"{event.key} {event.status}")
        if seen[-1] == "b processing":
            GATES.setdefault(name, asyncio.Event()).set()

    assert seen == [
        " pending", "a processing", "a completed", "b ready", "b processing", "b completed", "c ready",
        "c processing", "c completed", " completed",
    ]  # fmt: skip


async def test_followers_that_join_late_or_fall_behind_miss_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.bus.BUFFER", 7)
    monkeypatch.setattr("engine.inquiries.EVENT_PAGE", 10)
    engine = await lab.start()
    submitted = await engine.submit(diamond(150))

    async def follow(after: int, pause: float) -> list[int]:
        numbers = []
        async for event in engine.follow(submitted.task_id, after):
            numbers.append(event.seq)
            await asyncio.sleep(pause)
        return numbers

    quick, slow, late = await asyncio.wait_for(asyncio.gather(follow(0, 0), follow(0, 0.001), follow(200, 0)), 60)

    total = len(await story(engine, submitted.task_id))
    assert quick == slow == list(range(1, total + 1))
    assert late == list(range(201, total + 1))
    assert [event.seq async for event in engine.follow(submitted.task_id, total - 1)] == [total]


async def test_cancelling_stops_what_runs_and_what_waits(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=3)
    task_id = (await engine.submit(plan(*(step(f"k{n}", type="sleep", input={"seconds": 60}) for n in range(9))))).id
    await eventually(lambda: engine.snapshot()["running"] == 3)

    task = await asyncio.wait_for(engine.cancel(task_id), 5)

    assert (task.status, task.counts) == (TaskStatus.CANCELLED, {"cancelled": 9})
    assert await engine.cancel(task_id) == task
    found = await subtasks(engine, task_id)
    assert {row.attempts for row in found.values()} == {0, 1}
    check_story(await story(engine, task_id), found, [])


async def test_a_large_task_is_cancelled_in_steps(lab: Lab) -> None:
    engine = await lab.start()
    task_id = (await engine.submit(plan(step("a", type="sleep", input={"seconds": 60}), *_tail(2_500)))).id
    await eventually(lambda: engine.snapshot()["running"] == 1)

    task = await asyncio.wait_for(engine.cancel(task_id), 20)
    task = await finished(engine, task_id)

    assert (task.status, task.counts) == (TaskStatus.CANCELLED, {"cancelled": 2_501})


async def test_cancelling_a_map_that_is_growing_leaves_nothing_open(lab: Lab) -> None:
    engine = await lab.start()
    mapped = step("m", map={"over": list(range(3_000))}, type="sleep", input={"seconds": 60})
    task_id = (await engine.submit(plan(mapped, step("join", "m")))).id
    await eventually(lambda: engine.snapshot()["running"] >= 1)

    await engine.cancel(task_id)
    task = await finished(engine, task_id)

    assert task.status is TaskStatus.CANCELLED
    assert set(task.counts) <= {"cancelled", "completed"}


async def test_cancelling_what_has_ended_is_a_conflict(lab: Lab) -> None:
    engine = await lab.start()
    task = await run(engine, chain(1))

    with pytest.raises(Conflict, match="is completed, so cancel is not possible; legal now: rerun, delete"):
        await engine.cancel(task.id)
    with pytest.raises(NotFound, match="no task has the id 'nobody'"):
        await engine.cancel("nobody")


async def test_many_tasks_at_once(lab: Lab) -> None:
    engine = await lab.start()
    bodies = [chain(4), diamond(5), independent(6)] * 8

    tasks = await asyncio.gather(*(run(engine, body) for body in bodies))

    assert {task.status for task in tasks} == {TaskStatus.COMPLETED}
    assert [task.counts["completed"] for task in tasks] == [4, 7, 6] * 8
    assert engine.snapshot()["unsettled"] == 0


async def test_counts_are_those_of_this_moment(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-now"
    task_id = (
        await engine.submit(plan(step("a"), step("b", "a", type="gate", input={"name": name}), step("c", "b")))
    ).id
    await eventually(lambda: STARTED[name] == 1)

    task = await engine.task(task_id)

    assert (task.status, task.counts) == (TaskStatus.PROCESSING, {"completed": 1, "processing": 1, "pending": 1})
    listed = await engine.tasks(limit=9)
    assert listed == [task]
    GATES[name].set()
    await finished(engine, task_id)


async def test_stopping_puts_back_what_runs_and_says_so_to_who_waits(lab: Lab) -> None:
    engine = await lab.start()
    name = f"{lab.namespace}-stop"
    task_id = (await engine.submit(plan(step("a", type="gate", input={"name": name})))).id
    waiting = asyncio.create_task(engine.wait(task_id))
    await eventually(lambda: STARTED[name] == 1)

    await lab.stop(engine)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    again = await lab.start()
    await eventually(lambda: STARTED[name] == 2)
    row, attempts, _, _ = await again.subtask(task_id, "a")
    assert (row.attempts, [attempt.outcome for attempt in attempts]) == (2, ["interrupted"])
    GATES[name].set()
    assert (await finished(again, task_id)).status is TaskStatus.COMPLETED


def _tail(number: int) -> list[dict[str, object]]:
    return [step(f"k{n}", "a") for n in range(number)]
