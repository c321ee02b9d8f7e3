"""The graph port: what has been learned about kinds of subtasks, and how long those of a plan took before."""

from __future__ import annotations

import math

import msgspec
import pytest

from engine.errors import Fenced
from engine.estimates.precedents import Precedent
from engine.estimates.profile import StoredProfile
from engine.model import Finish
from engine.plan.ids import first_ulid
from engine.states import TaskStatus
from tests.support.graphs import Hand
from tests.support.plans import independent, new_task, plan, step

PLAN = "0a1b2c"


def stored(kind: str, data: str = "{}", at: int = 1_000, engine: str = "") -> StoredProfile:
    return StoredProfile(kind, data, at, engine)


async def test_profiles_are_kept_and_replaced(hand: Hand) -> None:
    await hand.graph.put_profiles([stored("noop@1", '{"count": 1}'), stored("sleep@1#7", '{"it\'s": "x"}', 2_000)])
    await hand.graph.put_profiles([stored("noop@1", '{"count": 2}', 3_000)])

    assert await hand.graph.profiles() == [
        stored("noop@1", '{"count": 2}', 3_000, hand.engine),
        stored("sleep@1#7", '{"it\'s": "x"}', 2_000, hand.engine),
    ]
    assert (await hand.graph.sizes())["Profile"] == 2


async def test_nothing_to_keep_writes_nothing(hand: Hand) -> None:
    await hand.graph.put_profiles([])

    assert await hand.graph.profiles() == []


async def test_each_engine_keeps_its_own(hand: Hand) -> None:
    await hand.graph.put_profiles([stored("noop@1", at=1_000)])
    first = hand.engine
    await hand.graph.register("another", hand.now)
    await hand.graph.put_profiles([stored("noop@1", at=2_000)])

    found = await hand.graph.profiles()
    assert [(one.kind, one.engine) for one in found] == [("noop@1", "another"), ("noop@1", first)]


async def test_a_fenced_engine_keeps_nothing(hand: Hand) -> None:
    await hand.graph.put_profiles([stored("noop@1")])
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.put_profiles([stored("noop@1", '{"count": 9}')])

    assert [one.data for one in await hand.graph.profiles()] == ["{}"]


async def test_another_namespace_sees_none_of_them(hand: Hand) -> None:
    await hand.graph.put_profiles([stored("noop@1")])
    own = hand.graph._namespace  # type: ignore[attr-defined]
    try:
        hand.graph._namespace = "somebody-else"  # type: ignore[attr-defined]
        assert await hand.graph.profiles() == []
    finally:
        hand.graph._namespace = own  # type: ignore[attr-defined]


async def ran(hand: Hand, *milliseconds: int, plan_hash: str = PLAN, status: TaskStatus = TaskStatus.COMPLETED) -> None:
    """A task of independent subtasks that took so long each, ended."""
    made = new_task(independent(len(milliseconds)), hand.now)
    subtasks = [msgspec.structs.replace(one, expected=1.0) for one in made.subtasks]
    task = msgspec.structs.replace(made, subtasks=subtasks, plan_hash=plan_hash)
    await hand.graph.store(task)
    hand.numbers[task.id] = 1
    claims = await hand.claimed(task)
    took = {f"k{number}": value for number, value in enumerate(milliseconds)}
    ends = [
        msgspec.structs.replace(hand.done(claim), finished_at=hand.now + took[key]) for key, claim in claims.items()
    ]
    await hand.turn(*ends)
    counts = {"completed": len(milliseconds)}
    last = hand.numbers.pop(task.id) + 1
    await hand.graph.finish([Finish(task.id, status, hand.now, hand.now, counts, last, None, None, None)])


async def test_a_plan_has_its_last_completed_runs_as_precedents(hand: Hand) -> None:
    for number in range(1, 5):
        await ran(hand, 1_000 * number, 500)
    await ran(hand, 7, 7, plan_hash="another")
    await ran(hand, 9, 9, status=TaskStatus.FAILED)

    found = await hand.graph.precedents(PLAN, 3, 10_000)

    assert [sorted(run, key=lambda row: row.key) for run in found] == [
        [Precedent("k0", "noop", float(number)), Precedent("k1", "noop", 0.5)] for number in (4, 3, 2)
    ]


async def test_precedents_are_bounded(hand: Hand) -> None:
    await ran(hand, 1, 2, 3)
    await ran(hand, 4, 5, 6)

    assert [len(run) for run in await hand.graph.precedents(PLAN, 3, 4)] == [3, 1]


async def test_a_plan_without_runs_has_none(hand: Hand) -> None:
    assert await hand.graph.precedents(PLAN, 3, 10_000) == []


async def test_attempts_are_counted_by_type_day_and_outcome(hand: Hand) -> None:
    hand.now -= hand.now % 86_400_000  # midnight
    await ran(hand, 1_000, 3_000)
    body = plan(step("bad"), step("s", type="sleep", input={"seconds": 1}))
    task = await hand.store(body)
    claims = await hand.claimed(task)
    await hand.turn(hand.failed(claims["bad"]), hand.done(claims["s"]))

    found = await hand.graph.trends(first_ulid(0))

    day = hand.now // 86_400_000
    assert [(row.type, row.day, row.outcome, row.attempts, row.expected) for row in found] == [
        ("noop", day, "completed", 2, 2),
        ("noop", day, "failed", 1, 0),
        ("sleep", day, "completed", 1, 0),
    ]
    assert (found[0].seconds, found[0].longest, found[2].error) == (4.0, 3.0, None)
    assert found[0].error == pytest.approx(math.log(3) / 2)  # one second was expected
    assert found[0].wait is not None and 0 <= found[0].wait < 1
    assert await hand.graph.trends(first_ulid(hand.now + 10**12)) == []


async def test_tasks_are_listed_with_their_sizes(hand: Hand) -> None:
    one, two = [await hand.store(independent(number)) for number in (2, 3)]

    assert await hand.graph.task_sizes("", 9) == [(two.id, 3), (one.id, 2)]
    assert await hand.graph.task_sizes(two.id, 9) == [(two.id, 3)]
    assert await hand.graph.task_sizes("", 1) == [(two.id, 3)]
