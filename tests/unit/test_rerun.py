"""Reruns: a stored task gives its body back, and what runs again is what is called into question, nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from engine.errors import Conflict, Fault, InvalidInput
from engine.model import Json, NewSubtask, NewTask, Subtask, Task
from engine.plan.build import build
from engine.plan.checks import Limits
from engine.plan.faults import Faults
from engine.plan.items import items
from engine.plan.overrides import as_sent, overridden
from engine.plan.restore import body_of
from engine.plan.spec import Spec
from engine.plan.takeover import Ran
from engine.plan.validate import validate
from engine.rerun import FAILED, START, Earlier, Rerun, rebuilt
from engine.states import SubtaskStatus, TaskStatus
from engine.tools.calculate import Calculate
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from tests.support.plans import Body, chain, diamond, fresh_id, new_task, plan, step

TOOLS = ToolRegistry([Noop(), Calculate()])
EVERYTHING: Body = plan(
    step("a", input={"x": [1, {"y": r"\{{ literal"}], "n": 10**30}),
    step("b", input={"from": "{{subtasks.a.output.x[0]}}"}),
    step("c", "a", "b", input="{{previous_output.a}}", priority=9, timeout_seconds=2.5),
    step("d", "a", input={"p": "{{previous_output}}", "q": "{{subtasks.c.output}}"}, optional=True),
    step("e", "a", critical=False, timeouts={"queue_seconds": 1, "idle_seconds": 2, "total_seconds": 3}),
    step("f", "d", run_if="all_settled", retry={"max_attempts": 5, "backoff_seconds": 0.5, "jitter": False}),
    step("g", run_if={"expression": "subtasks.e.status == 'failed'"}),
    step(
        "h", type="calculate", input={"expression": "1/0"}, fallback={"type": "noop", "input": "{{subtasks.b.output}}"}
    ),
    step(
        "m", map={"over": "{{subtasks.a.output.x}}", "limit": 3}, input={"v": "{{item}}", "w": "{{subtasks.b.output}}"}
    ),
    step("z", "m", on_interrupt="fail", retry={"max_attempts": 2, "on": ["transient", "timeout"]}),
    name="all of it",
    tags=["one", "two"],
    user_id="me",
    priority=3,
    failure_policy="fail_fast",
    deadline_seconds=77.5,
    max_parallel=4,
    input={"deep": {"er": True}},
)


def stored(subtask: NewSubtask, task: NewTask, status: str = "completed") -> Subtask:
    """The subtask as it is read back once it has a status."""
    made = status == "completed"
    return Subtask(
        id=subtask.id,
        task_id=task.id,
        key=subtask.key,
        type=subtask.type,
        index=subtask.index,
        status=SubtaskStatus(status),
        spec=subtask.spec,
        unmet=0,
        priority=subtask.priority,
        critical=subtask.critical,
        generation=subtask.generation,
        rank=subtask.rank,
        token=1,
        queued_at=None,
        started_at=1,
        completed_at=2,
        output=json.dumps(subtask.key) if made else None,
        output_hash=f"hash of {subtask.key}" if made else None,
        error=None,
        ran_on="engine",
        attempts=1,
        output_bytes=len(subtask.key) + 2,
        optional=subtask.optional,
        order_key=subtask.order_key,
    )


def earlier(body: Body, grown: dict[str, int] | None = None, **statuses: str) -> Earlier:
    """A task that has ended: everything completed except what ``statuses`` says; ``grown`` are items by key."""
    task = new_task(body)
    planned = [stored(subtask, task, statuses.get(subtask.key, "completed")) for subtask in task.subtasks]
    made: list[Subtask] = []
    edges: list[tuple[str, str]] = []
    keys = {row.id: row.key for row in planned}
    for row in planned:
        count = (grown or {}).get(row.key)
        if count is not None:
            growth = items(Spec.decode(row.spec), row.id, row.key, row.type, list(range(count)))
            made += [stored(item, task, statuses.get(item.key, "completed")) for item in growth.children]
            joins = [keys[one] for one, other in task.edges if other == row.id]
            edges += [(item.key, row.key) for item in growth.children]
            edges += [(join, item.key) for join in joins for item in growth.children]
    needs: dict[str, list[str]] = {}
    for dependant, needed in task.edges:
        needs.setdefault(keys[dependant], []).append(keys[needed])
    return Earlier(_read(task), Ran(planned, made, edges), needs)


def _read(task: NewTask) -> Task:
    fields: dict[str, Any] = {name: getattr(task, name) for name in ("id", "type", "name", "user_id", "tags", "body")}
    return Task(
        **fields,
        description="",
        priority=task.priority,
        max_parallel=task.max_parallel,
        failure_policy=task.failure_policy,
        status=TaskStatus.FAILED,
        owner="",
        created_at=1,
        updated_at=1,
        started_at=1,
        completed_at=1,
        subtasks_count=len(task.subtasks),
        counts={},
        result=None,
        result_hash=None,
        error=None,
    )


def again(before: Earlier, start: str = FAILED, **overrides: Json) -> NewTask:
    """The rerun of it, as it would be stored."""
    faults = Faults()
    body = overridden(body_of(before.task, before.ran.planned, before.needs), overrides, faults)
    faults.raise_any()
    valid = validate(body, TOOLS.get, TOOLS.names(), Limits())
    return rebuilt(before, valid, Rerun(start, overrides), fresh_id(), 5_000)


def statuses(task: NewTask) -> dict[str, str]:
    """Every subtask's first status by key."""
    return {subtask.key: subtask.status.value for subtask in task.subtasks}


def check_counters(task: NewTask) -> None:
    """Each counter is what the edges say, and whatever waits for nothing is ready or awaits a verdict."""
    by_id = {subtask.id: subtask for subtask in task.subtasks}
    settled = {SubtaskStatus.COMPLETED, SubtaskStatus.SKIPPED}
    for subtask in task.subtasks:
        needed = [by_id[other] for one, other in task.edges if one == subtask.id]
        assert subtask.unmet == sum(other.status not in settled for other in needed), subtask.key
        if subtask.status is SubtaskStatus.READY:
            assert not subtask.unmet
    assert len({subtask.id for subtask in task.subtasks}) == len(task.subtasks)


# --- the body -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [EVERYTHING, chain(5), diamond(3), plan(step("x", map={"over": [1, 2]}))])
def test_a_stored_task_gives_back_the_body_that_makes_it(body: Body) -> None:
    before = earlier(body)

    restored = body_of(before.task, before.ran.planned, before.needs)

    first = build(validate(body, TOOLS.get, TOOLS.names(), Limits()), before.task.id, 7)
    second = build(validate(restored, TOOLS.get, TOOLS.names(), Limits()), before.task.id, 7)
    assert [msgspec.json.decode(one.spec) for one in second.subtasks] == [
        msgspec.json.decode(one.spec) for one in first.subtasks
    ]
    assert sorted(second.edges) == sorted(first.edges)
    bare = {"subtasks": [], "edges": []}
    assert msgspec.structs.replace(second, **bare) == msgspec.structs.replace(first, **bare)
    assert [msgspec.structs.replace(one, spec="") for one in second.subtasks] == [
        msgspec.structs.replace(one, spec="") for one in first.subtasks
    ]


def test_a_dependency_that_only_a_reference_adds_goes_with_the_reference() -> None:
    before = earlier(plan(step("a"), step("b"), step("c", "a", input={"x": "{{subtasks.b.output}}"})), c="failed")

    task = again(before, c={"input": {"x": 1}})

    assert task.edges == [(task.subtasks[2].id, task.subtasks[0].id)]


# --- what runs again ------------------------------------------------------------------------------------------------


def test_what_failed_runs_again_with_all_that_depends_on_it() -> None:
    body = plan(step("a"), step("b", "a"), step("c", "b"), step("d", "a"), step("e", "c", "d"))

    task = again(earlier(body, b="failed", c="blocked", e="blocked"))

    assert statuses(task) == {"a": "completed", "b": "ready", "c": "pending", "d": "completed", "e": "pending"}
    assert task.rerun_of is not None
    assert [subtask.reused is not None for subtask in task.subtasks] == [True, False, False, True, False]
    check_counters(task)


@pytest.mark.parametrize("status", ["failed", "blocked", "cancelled", "quarantined"])
def test_whatever_did_not_succeed_runs_again(status: str) -> None:
    assert statuses(again(earlier(chain(3), k1=status))) == {"k0": "completed", "k1": "ready", "k2": "pending"}


def test_what_was_skipped_stays_skipped_outside_the_cone_and_counts() -> None:
    body = plan(step("a"), step("s", "a"), step("t", "a", optional=True), step("b", "a"), step("c", "s", "t", "b"))

    task = again(earlier(body, s="skipped", t="skipped", b="failed"))

    end = task.subtasks[4]
    assert statuses(task) == {"a": "completed", "s": "skipped", "t": "skipped", "b": "ready", "c": "pending"}
    assert (end.unmet, end.bad, end.skips) == (1, 1, 1)
    assert task.subtasks[1].reused is None


def test_what_only_a_verdict_makes_ready_is_not_ready() -> None:
    body = plan(step("a"), step("b", "a", run_if="all_settled"))

    task = again(earlier(body, b="failed"))

    assert (statuses(task)["b"], task.subtasks[1].unmet) == ("pending", 0)


def test_from_a_key_runs_it_with_all_that_depends_on_it() -> None:
    assert statuses(again(earlier(chain(3)), "k1")) == {"k0": "completed", "k1": "ready", "k2": "pending"}


def test_from_the_start_keeps_nothing() -> None:
    task = again(earlier(diamond(2), m1="failed"), START)

    assert set(statuses(task).values()) == {"ready", "pending"}
    assert not any(subtask.reused for subtask in task.subtasks)


def test_from_a_failure_where_there_is_none_is_refused() -> None:
    with pytest.raises(Conflict, match="left to run"):
        again(earlier(diamond(2)))


def test_common_fields_carry_over_and_the_deadline_counts_anew() -> None:
    task = again(earlier(EVERYTHING, a="failed"), FAILED)

    assert (task.name, task.tags, task.priority, task.max_parallel) == ("all of it", ("one", "two"), 3, 4)
    assert (task.failure_policy, task.deadline_at) == ("fail_fast", 5_000 + 77_500)


# --- maps ------------------------------------------------------------------------------------------------------------

MAPPED = plan(step("top"), step("m", "top", map={"over": [0, 1, 2]}), step("join", "m"), step("other", "top"))


def test_a_failed_item_runs_again_alone_and_its_join_waits_for_it() -> None:
    task = again(earlier(MAPPED, {"m": 3}, **{"m[1]": "failed", "join": "blocked"}))

    assert statuses(task) == {
        "top": "completed",
        "m": "completed",
        "join": "pending",
        "other": "completed",
        "m[0]": "completed",
        "m[1]": "ready",
        "m[2]": "completed",
    }
    join = task.subtasks[2]
    assert join.unmet == 1
    assert sum(one == join.id for one, _ in task.edges) == 4
    check_counters(task)


def test_a_copied_item_is_what_the_map_would_make() -> None:
    before = earlier(MAPPED, {"m": 3}, **{"m[1]": "failed", "join": "blocked"})

    task = again(before)

    parent = task.subtasks[1]
    made = items(Spec.decode(parent.spec), parent.id, "m", "noop", [0, 1, 2]).children[1]
    copied = next(subtask for subtask in task.subtasks if subtask.key == "m[1]")
    assert copied == msgspec.structs.replace(made, status=SubtaskStatus.READY, unmet=0)


def test_a_map_inside_the_cone_expands_again() -> None:
    task = again(earlier(MAPPED, {"m": 3}), "top")

    assert statuses(task) == {"top": "ready", "m": "pending", "join": "pending", "other": "pending"}


def test_a_finished_map_outside_the_cone_is_copied_with_its_join() -> None:
    task = again(earlier(MAPPED, {"m": 2}, other="failed"))

    assert statuses(task) == {
        "top": "completed",
        "m": "completed",
        "join": "completed",
        "other": "ready",
        "m[0]": "completed",
        "m[1]": "completed",
    }
    check_counters(task)


def test_from_an_item_runs_that_item_and_the_join() -> None:
    assert {
        key for key, status in statuses(again(earlier(MAPPED, {"m": 2}), "m[1]")).items() if status != "completed"
    } == {
        "m[1]",
        "join",
    }


# --- overrides ----------------------------------------------------------------------------------------------------


def test_an_overridden_input_is_merged_and_joins_the_cone() -> None:
    body = plan(step("a", input={"x": 1, "y": 2}), step("b", "a"), step("c"))

    task = again(earlier(body), a={"input": {"y": 3}, "priority": 9})

    first = task.subtasks[0]
    assert (Spec.decode(first.spec).input, first.priority) == ({"x": 1, "y": 3}, 9)
    assert statuses(task) == {"a": "ready", "b": "pending", "c": "completed"}


def test_new_dependencies_decide_what_else_runs_again() -> None:
    task = again(earlier(plan(step("a"), step("b"), step("c", "a")), b="failed"), c={"dependencies": ["a", "b"]})

    assert statuses(task) == {"a": "completed", "b": "ready", "c": "pending"}


@pytest.mark.parametrize(
    ("overrides", "pointer", "said"),
    [
        ({"tpo": {}}, "/overrides/tpo", 'did you mean "top"'),
        ({"m[1]": {}}, "/overrides/m[1]", 'override "m"'),
        ({"top": 5}, "/overrides/top", "object"),
        ({"top": {"key": "other"}}, "/overrides/top/key", "keeps its key"),
    ],
)
def test_an_override_that_belongs_to_nothing_is_refused(overrides: Body, pointer: str, said: str) -> None:
    before = earlier(MAPPED)
    with pytest.raises(InvalidInput) as caught:
        again(before, FAILED, **overrides)

    (fault,) = caught.value.faults
    assert fault.pointer == pointer
    assert said in fault.detail


def test_a_fault_of_the_changed_plan_is_told_where_it_was_written() -> None:
    keys = ["a", "x/y"]

    assert as_sent(Fault("/plan/subtasks/1/input/z", "no"), keys, {"x/y"}) == Fault("/overrides/x~1y/input/z", "no")
    assert as_sent(Fault("/plan/subtasks/0/type", "no"), keys, {"x/y"}) == Fault("", 'subtask "a" at /type: no')
    assert as_sent(Fault("/deadline_seconds", "no"), keys, {}) == Fault("/deadline_seconds", "no")
