"""Tasks that grow while they run: tools that add subtasks, maps with batches, and chains of maps, on both graphs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.model import Json
from engine.states import SubtaskStatus, TaskStatus
from tests.support.engines import (
    GATES,
    STARTED,
    Lab,
    check_story,
    finished,
    marks,
    moves,
    outputs,
    run,
    story,
    subtasks,
)
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

COMPLETED, FAILED, BLOCKED = SubtaskStatus.COMPLETED, SubtaskStatus.FAILED, SubtaskStatus.BLOCKED


def _grow(key: str, *needs: str, into: list[Body], **fields: Json) -> Body:
    """A subtask that adds others; braces in these are for them."""
    text = json.dumps(into).replace("{{", r"\\{{")
    more = fields.pop("more", {})
    return step(key, *needs, type="grow", input={"subtasks": json.loads(text), **more}, **fields)


def _value(key: str, value: Json, *needs: str, **fields: Json) -> Body:
    return step(key, *needs, input=value, **fields)


def _outcome(rows: Json) -> dict[str, str]:
    return {key: row.status.value for key, row in rows.items()}


async def test_a_tool_adds_subtasks_and_whoever_waits_for_it_gets_what_they_produce(lab: Lab) -> None:
    engine = await lab.start()
    added = [
        _value("a", "{{subtasks.start.output}}"),
        _value("b", {"from": "{{subtasks.a.output}}", "and": "{{subtasks.start.output}}"}),
        _value("c", "{{previous_output}}", "b", priority=9),
    ]
    body = plan(
        _value("start", "s"),
        _grow("g", into=added, more={"seen": "{{subtasks.start.output}}"}),
        _value("after", {"got": "{{subtasks.g.output}}"}, "g"),
    )

    task = await run(engine, body)

    made = await outputs(engine, task.id)
    assert task.status is TaskStatus.COMPLETED
    assert list(made) == ["start", "g", "g[a]", "g[b]", "g[c]", "after"]
    assert (made["g[a]"], made["g[b]"]) == ("s", {"from": "s", "and": "s"})
    assert made["after"] == {"got": {"from": "s", "and": "s"}}
    assert await engine.output(task) == {"got": {"from": "s", "and": "s"}}
    rows = await subtasks(engine, task.id)
    assert {key: row.generation for key, row in rows.items()} == {
        "start": 0, "g": 1, "g[a]": 2, "g[b]": 3, "g[c]": 4, "after": 2,
    }  # fmt: skip
    check_story(await story(engine, task.id), rows, await engine._graph.edges(task.id))


async def test_several_ends_are_an_object_and_an_output_of_its_own_comes_first(lab: Lab) -> None:
    engine = await lab.start()
    two = [_value("x", 1), _value("y", 2)]
    body = plan(
        _grow("g", into=two),
        _grow("own", into=two, more={"output": {"mine": True}}),
        _value("j", ["{{subtasks.g.output}}", "{{subtasks.own.output.mine}}"]),
        step("when", run_if={"expression": "subtasks.g.output.y == 2"}),
    )

    task = await run(engine, body)

    made = await outputs(engine, task.id)
    assert made["j"] == [{"x": 1, "y": 2}, True]
    assert _outcome(await subtasks(engine, task.id))["when"] == "completed"


async def test_what_has_grown_may_grow_and_map_and_decide(lab: Lab) -> None:
    engine = await lab.start()
    inner = [_value("deep", "d")]
    added = [
        _grow("again", into=inner),
        _value("list", [1, 2, 3]),
        _value("each", {"n": "{{item}}", "i": "{{index}}"}, map={"over": "{{subtasks.list.output}}"}),
        step("never", run_if={"expression": "subtasks.list.output.size() > 5"}),
        _value("sum", ["{{subtasks.each.output}}", "{{subtasks.again.output}}"]),
    ]

    task = await run(engine, plan(_grow("g", into=added)))

    made, rows = await outputs(engine, task.id), await subtasks(engine, task.id)
    assert made["g[sum]"] == [[{"n": 1, "i": 0}, {"n": 2, "i": 1}, {"n": 3, "i": 2}], "d"]
    assert _outcome(rows)["g[never]"] == "skipped"
    assert {"g[again][deep]", "g[each][2]"} <= rows.keys()


@pytest.mark.parametrize(
    "into, category, words",
    [
        ([{"key": "a", "type": "nope"}], "logic", "there is no subtask type"),
        ([step("a", "b"), step("b", "a")], "logic", "cycle"),
        ([step("a"), step("a")], "logic", "is the key of"),
        ([step("a", input="{{subtasks.elsewhere.output}}")], "logic", "there is no subtask"),
        ([step("a", type="calculate", input={"expression": "import os"})], "logic", "expression"),
        ([], "logic", "at least one"),
        ([step(f"k{n}") for n in range(40)], "resource", "too many"),
    ],
)
async def test_a_faulty_expansion_fails_its_subtask_and_adds_nothing(
    lab: Lab, into: list[Body], category: str, words: str
) -> None:
    engine = await lab.start(max_plan_subtasks=20)

    task = await run(engine, plan(_grow("g", into=into), step("after", "g")))

    rows = await subtasks(engine, task.id)
    assert _outcome(rows) == {"g": "failed", "after": "blocked"}
    error = json.loads(rows["g"].error or "")
    assert (error["category"], words in error["message"]) == (category, True), error


async def test_growth_is_bounded_in_depth(lab: Lab) -> None:
    engine = await lab.start(max_expansion_depth=2)

    task = await run(engine, plan(_grow("a", into=[_grow("b", into=[_grow("c", into=[_value("d", 1)])])])))

    rows = await subtasks(engine, task.id)
    assert _outcome(rows) == {"a": "completed", "a[b]": "completed", "a[b][c]": "failed"}
    assert "MAX_EXPANSION_DEPTH" in (rows["a[b][c]"].error or "")


async def test_what_has_grown_fails_and_blocks_like_anything_else(lab: Lab) -> None:
    engine = await lab.start()
    added = [step("bad", type="fail", input={}), step("next", "bad"), _value("good", 1)]

    task = await run(engine, plan(_grow("g", into=added), step("after", "g")))

    assert task.status is TaskStatus.FAILED
    assert _outcome(await subtasks(engine, task.id)) == {
        "g": "completed", "g[bad]": "failed", "g[next]": "blocked", "g[good]": "completed", "after": "blocked",
    }  # fmt: skip


async def test_a_batch_gets_several_items_at_once(lab: Lab) -> None:
    engine = await lab.start()
    body = plan(
        _value("batch", {"all": "{{items}}", "n": "{{index}}"}, map={"over": [1, 2, 3, 4, 5], "batch": 2}),
        _value("join", "{{subtasks.batch.output}}", "batch"),
    )

    task = await run(engine, body)

    assert await engine.output(task) == [
        {"all": [1, 2], "n": 0},
        {"all": [3, 4], "n": 1},
        {"all": [5], "n": 2},
    ]


async def test_a_later_stage_takes_up_each_item_when_it_is_done(lab: Lab, request: pytest.FixtureRequest) -> None:
    engine = await lab.start()
    slow, name = f"slow {request.node.name}", f"quick {request.node.name}"
    GATES[name] = GATES.get(name) or asyncio.Event()
    GATES[name].set()
    body = plan(
        step("first", type="gate", input={"name": "{{item}}"}, map={"over": [slow, name, name]}),
        _value("second", {"was": "{{item}}", "at": "{{index}}"}, map={"over": "{{subtasks.first.output}}"}),
        _value("pairs", "{{items}}", map={"over": "{{subtasks.second.output}}", "batch": 2}),
        _value("join", "{{subtasks.pairs.output}}", "pairs"),
    )
    submitted = await engine.submit(body)

    async def streamed() -> bool:
        rows = await subtasks(engine, submitted.task_id)
        return "pairs[1]" in rows and rows["pairs[1]"].status is COMPLETED

    await eventually(streamed)
    rows = await subtasks(engine, submitted.task_id)
    assert rows["second[1]"].status is COMPLETED
    assert rows["second[0]"].status is rows["pairs[0]"].status is SubtaskStatus.PENDING

    GATES.setdefault(slow, asyncio.Event()).set()
    task = await finished(engine, submitted.task_id)
    second = [{"was": value, "at": place} for place, value in enumerate((slow, name, name))]
    assert await engine.output(task) == [second[:2], second[2:]]


async def test_items_stream_through_the_stages_in_order(lab: Lab) -> None:
    """One slot: each item goes through all stages before the next one begins, whatever stands in the plan."""
    engine = await lab.start(max_parallel_tasks=1)
    body = plan(
        _value("other", 0),
        _value("a", "{{item}}", map={"over": list(range(5))}),
        _value("b", "{{item}}", map={"over": "{{subtasks.a.output}}"}),
        _value("c", "{{item}}", "b", map={"over": "{{previous_output}}"}),
        _value("join", "{{subtasks.c.output}}"),
    )

    task = await run(engine, body)

    begun = moves(await story(engine, task.id), "processing")
    wanted = [f"{stage}[{item}]" for item in range(5) for stage in "abc"]
    assert sorted(wanted, key=begun.__getitem__) == wanted
    assert await engine.output(task) == {"other": 0, "join": [0, 1, 2, 3, 4]}


async def test_a_failed_item_stops_its_own_chain_only(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    broken, seen = tmp_path / "broken", tmp_path / "seen"
    broken.touch()
    body = plan(
        step(
            "a",
            type="mend",
            input={"path": str(seen), "broken": str(broken), "on": "{{item}}"},
            map={"over": [False, True, False]},
        ),
        _value("b", {"x": "{{item}}"}, map={"over": "{{subtasks.a.output}}"}),
        _value("join", "{{subtasks.b.output}}", "b"),
    )

    task = await run(engine, body)

    assert _outcome(await subtasks(engine, task.id)) == {
        "a": "completed", "a[0]": "completed", "a[1]": "failed", "a[2]": "completed",
        "b": "completed", "b[0]": "completed", "b[1]": "blocked", "b[2]": "completed", "join": "blocked",
    }  # fmt: skip
    broken.unlink()
    again = await engine.rerun(task.id)
    second = await finished(engine, again.task_id)
    assert await engine.output(second) == [{"x": f"a[{place}]"} for place in range(3)]
    assert len(marks(seen)) == 3
    reused = {key for key, row in (await subtasks(engine, second.id)).items() if row.cached}
    assert reused == {"a", "a[0]", "a[2]", "b", "b[0]", "b[2]"}


async def test_a_rerun_takes_over_what_had_grown_outside_the_cone_and_drops_it_inside(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    broken, seen = tmp_path / "broken", tmp_path / "seen"
    broken.touch()
    mend = {"path": str(seen), "broken": str(broken)}
    added = [
        step("ok", type="mark", input={"path": str(seen)}),
        step("bad", "ok", type="mend", input=mend),
        step("end", "bad", type="mark", input={"path": str(seen)}),
    ]
    task = await run(engine, plan(_grow("g", into=added), _value("after", "{{subtasks.g.output}}", "g")))
    assert _outcome(await subtasks(engine, task.id))["g[end]"] == "blocked"
    broken.unlink()

    healed = await finished(engine, (await engine.rerun(task.id)).task_id)

    assert await engine.output(healed) == "g[end]"
    assert marks(seen) == ["g[ok] 1", "g[bad] 1", "g[end] 1"]
    anew = await finished(engine, (await engine.rerun(healed.id, "g")).task_id)
    assert await engine.output(anew) == "g[end]"
    assert len(marks(seen)) == 6
    assert not [key for key, row in (await subtasks(engine, anew.id)).items() if row.cached]


async def test_what_has_grown_is_cancelled_with_its_task(lab: Lab, request: pytest.FixtureRequest) -> None:
    engine = await lab.start()
    name = request.node.name
    added = [step("waits", type="gate", input={"name": name}), step("later", "waits")]
    submitted = await engine.submit(plan(_grow("g", into=added)))
    await eventually(lambda: STARTED[name] > 0)

    await engine.cancel(submitted.task_id)

    assert (await finished(engine, submitted.task_id)).status is TaskStatus.CANCELLED
    assert _outcome(await subtasks(engine, submitted.task_id)) == {
        "g": "completed", "g[waits]": "cancelled", "g[later]": "cancelled",
    }  # fmt: skip


async def test_what_has_grown_goes_on_after_a_restart(lab: Lab, request: pytest.FixtureRequest) -> None:
    engine = await lab.start()
    name = request.node.name
    added = [step("waits", type="gate", input={"name": name}), _value("later", "{{subtasks.waits.output}}")]
    submitted = await engine.submit(plan(_grow("g", into=added), _value("after", "{{subtasks.g.output}}", "g")))
    await eventually(lambda: STARTED[name] > 0)
    await lab.stop(engine)

    GATES.setdefault(name, asyncio.Event()).set()
    again = await lab.start()

    assert await again.output(await finished(again, submitted.task_id)) == name
