"""The graph port: the order of claims, how many there are, and what happens to those that meet a closed limit."""

from __future__ import annotations

import pytest

from engine.model import NewTask
from engine.turn import Reopen
from tests.support.graphs import EVERYTHING, Hand
from tests.support.plans import Body, independent, plan, step


async def test_claims_go_by_priority_then_the_longest_path_then_the_plan(hand: Hand) -> None:
    body = plan(
        step("plain"),
        step("urgent", priority=9),
        step("long"),
        step("last", "long"),
        step("plain-too"),
        step("least", priority=0),
        step("most", priority=10),
    )
    task = await hand.store(body)

    order = []
    while claims := await hand.claimed(task, 1):
        order += claims

    assert order == ["most", "urgent", "long", "plain", "plain-too", "least"]


async def test_one_turn_takes_the_most_urgent_of_many(hand: Hand) -> None:
    task = await hand.store(plan(*(step(f"k{index}", priority=index % 11) for index in range(110))))

    first, second = await hand.claimed(task, 10), await hand.claimed(task, 10)

    assert set(first) == {f"k{index}" for index in range(10, 110, 11)}
    assert set(second) == {f"k{index}" for index in range(9, 110, 11)}


@pytest.mark.parametrize("count", [1, 3, 50, 51, 1_000])
async def test_a_turn_takes_no_more_than_was_asked_for(hand: Hand, count: int) -> None:
    task = await hand.store(independent(50))

    assert len(await hand.claimed(task, count)) == min(count, 50)


async def test_a_turn_takes_from_no_other_task_than_asked(hand: Hand) -> None:
    tasks = [await hand.store(independent(5)) for _ in range(4)]

    result = await hand.turn(claim={tasks[1].id: 2, tasks[3].id: 9})

    taken = [claim.task_id for claim in result.claims]
    assert {id_: taken.count(id_) for id_ in taken} == {tasks[1].id: 2, tasks[3].id: 5}


async def test_nothing_is_claimed_twice(hand: Hand) -> None:
    task = await hand.store(independent(30))

    seen = [key for _ in range(5) for key in await hand.claimed(task, 7)]

    assert len(seen) == len(set(seen)) == 30


def _mixed(limited: int, free: int) -> Body:
    """Limited subtasks first: they are more urgent."""
    slow = [step(f"s{index}", type="sleep", input={"seconds": 0}, priority=9) for index in range(limited)]
    return plan(*slow, *(step(f"n{index}") for index in range(free)))


async def _held(hand: Hand, task: NewTask, free: int) -> list[tuple[str, str]]:
    result = await hand.turn(claim={task.id: EVERYTHING}, type_free={"sleep": free})
    return result.held


async def test_what_meets_a_closed_limit_is_held_and_the_rest_goes_on(hand: Hand) -> None:
    task = await hand.store(_mixed(5, 3))

    result = await hand.turn(claim={task.id: 8}, type_free={"sleep": 2})

    assert {claim.key for claim in result.claims} == {"s0", "s1", "n0", "n1", "n2"}
    assert result.held == [(task.id, "sleep")] * 3
    assert list((await hand.statuses(task)).values()).count("ready") == 3


async def test_what_is_held_stands_in_nobodys_way(hand: Hand) -> None:
    task = await hand.store(_mixed(20, 5))
    assert len(await _held(hand, task, 0)) == 20

    assert await hand.claimed(task, 3) == {}


async def test_a_limit_holds_over_several_tasks(hand: Hand) -> None:
    one, other = await hand.store(_mixed(3, 1)), await hand.store(_mixed(3, 1))

    result = await hand.turn(claim={one.id: 9, other.id: 9}, type_free={"sleep": 4})

    assert sorted(claim.type for claim in result.claims) == ["noop", "noop", "sleep", "sleep", "sleep", "sleep"]
    assert len(result.held) == 2


async def test_types_without_a_limit_are_never_held(hand: Hand) -> None:
    task = await hand.store(_mixed(2, 2))

    result = await hand.turn(claim={task.id: 9}, type_free={"shell": 0})

    assert (len(result.claims), result.held) == (4, [])


async def test_a_reopened_hold_can_be_claimed_in_that_turn_most_urgent_first(hand: Hand) -> None:
    task = await hand.store(_mixed(4, 0))
    await _held(hand, task, 0)

    result = await hand.turn(claim={task.id: 9}, type_free={"sleep": 2}, reopen=[Reopen(task.id, "sleep", 2)])

    assert {claim.key for claim in result.claims} == {"s0", "s1"}
    assert result.held == []


async def test_reopening_concerns_one_task_and_one_type(hand: Hand) -> None:
    one, other = await hand.store(_mixed(2, 0)), await hand.store(_mixed(2, 0))
    await _held(hand, one, 0)
    await _held(hand, other, 0)

    result = await hand.turn(claim={one.id: 9, other.id: 9}, reopen=[Reopen(one.id, "sleep", 9)])

    assert {claim.task_id for claim in result.claims} == {one.id}


async def test_releasing_makes_every_hold_of_a_task_claimable(hand: Hand) -> None:
    task = await hand.store(_mixed(6, 0))
    await _held(hand, task, 1)

    assert await hand.graph.release_holds(task.id) == 5
    assert await hand.graph.release_holds(task.id) == 0

    assert set(await hand.claimed(task)) == {"s1", "s2", "s3", "s4", "s5"}
