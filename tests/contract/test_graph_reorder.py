"""The graph port: waiting subtasks get another place in the order of their task, and lateness is told once."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import Fenced
from engine.model import Late, NewTask, Rank, Reported
from engine.plan.build import order_key
from engine.states import TaskStatus
from engine.turn import Reopen
from tests.support.graphs import EVERYTHING, Hand
from tests.support.plans import independent, plan, step


def _last_first(task: NewTask) -> list[Rank]:
    """Turns the order of a task round."""
    count = len(task.subtasks)
    return [
        Rank(one.id, float(place), float(place), order_key(5, place, count - place))
        for place, one in enumerate(task.subtasks, 1)
    ]


async def _drawn(hand: Hand, task: NewTask) -> list[str]:
    """The keys of what can be claimed, one claim after the other."""
    found: list[str] = []
    while claims := await hand.claimed(task, 1):
        found += claims
    return found


async def test_ready_subtasks_are_claimed_in_the_new_order(hand: Hand) -> None:
    task = await hand.store(independent(5))
    await hand.claimed(task, 1)

    assert await hand.graph.reorder(_last_first(task)[1:]) == 4

    assert await _drawn(hand, task) == ["k4", "k3", "k2", "k1"]
    rows = {row.key: row for row in await hand.graph.subtasks(task.id, status=None, after="", limit=9)}
    assert (rows["k4"].expected, rows["k4"].rank, rows["k4"].order_key) == (5.0, 5.0, order_key(5, 5, 0))


async def test_pending_subtasks_take_their_new_place_when_they_become_ready(hand: Hand) -> None:
    task = await hand.store(plan(step("top"), *(step(f"m{index}", "top") for index in range(3))))
    top = await hand.claimed(task)

    assert await hand.graph.reorder(_last_first(task)) == 3, "one of them runs"

    await hand.turn(hand.done(top["top"]))
    assert await _drawn(hand, task) == ["m2", "m1", "m0"]


async def test_what_has_begun_or_ended_meanwhile_is_left_alone(hand: Hand) -> None:
    task = await hand.store(independent(4))
    claims = await hand.claimed(task, 2)
    await hand.turn(hand.done(claims["k0"]))

    assert await hand.graph.reorder(_last_first(task)) == 2

    rows = {row.key: row for row in await hand.graph.subtasks(task.id, status=None, after="", limit=9)}
    assert {key: row.order_key for key, row in rows.items() if key in claims} == {
        one.key: one.order_key for one in task.subtasks if one.key in claims
    }
    await hand.turn(hand.put_back(claims["k1"]))
    assert await _drawn(hand, task) == ["k3", "k2", "k1"]


async def test_held_subtasks_come_back_in_the_new_order(hand: Hand) -> None:
    task = await hand.store(plan(*(step(f"k{index}", type="sleep", input={"seconds": 0}) for index in range(4))))
    held = await hand.turn(claim={task.id: 4}, type_free={"sleep": 0})
    assert (len(held.held), held.claims) == (4, [])

    assert await hand.graph.reorder(_last_first(task)) == 4

    result = await hand.turn(claim={task.id: 2}, type_free={"sleep": 2}, reopen=[Reopen(task.id, "sleep", 2)])
    assert {claim.key for claim in result.claims} == {"k3", "k2"}
    await hand.graph.release_holds(task.id)
    assert await _drawn(hand, task) == ["k1", "k0"]


async def test_a_retry_comes_back_in_the_new_order(hand: Hand) -> None:
    task = await hand.store(independent(3))
    claim = (await hand.claimed(task, 1))["k0"]
    await hand.turn(hand.retrying(claim, hand.now + 1))

    assert await hand.graph.reorder(_last_first(task)) == 3


async def test_a_subtask_that_expects_nothing_of_itself_goes_on_so(hand: Hand) -> None:
    task = await hand.store(plan(step("each", map={"over": [1]}), step("other")))
    places = [Rank(task.subtasks[0].id, None, 1.5, order_key(5, 1.5, 0))]

    assert await hand.graph.reorder(places) == 1

    standings = {row.key: row for row in await hand.graph.standings(task.id)}
    assert (standings["each"].expected, standings["each"].order_key) == (None, order_key(5, 1.5, 0))
    assert standings["each"].id == task.subtasks[0].id
    assert standings["other"].order_key == task.subtasks[1].order_key


async def test_a_fenced_engine_reorders_and_tells_nothing(hand: Hand) -> None:
    task = await hand.store(independent(3))
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.reorder(_last_first(task))
    with pytest.raises(Fenced):
        await hand.graph.late([Late(task.id, TaskStatus.PROCESSING, "", 2)], hand.now)

    with pytest.raises(Fenced):
        await hand.graph.report(Reported(task.id, TaskStatus.PROCESSING, "{}", 2), hand.now)

    rows = await hand.graph.subtasks(task.id, status=None, after="", limit=9)
    assert [row.order_key for row in rows] == [one.order_key for one in task.subtasks]
    assert len(await hand.graph.events(task.id, 0, EVERYTHING)) == 1


async def test_reports_are_events_apart_from_others_and_only_of_an_open_task(hand: Hand) -> None:
    task, other = await hand.store(independent(1)), await hand.store(independent(1))
    rows = [Reported(task.id, TaskStatus.PROCESSING, f'{{"n": {n}, "t": "a b"}}', n) for n in range(2, 6)]

    assert [await hand.graph.report(row, hand.now + row.number) for row in rows] == [True] * 4
    assert not await hand.graph.report(Reported("01KAJ7M2Q8Z5T3V9W4X6Y7B8C9", TaskStatus.PROCESSING, "{}", 2), hand.now)

    found = await hand.graph.reports(task.id, None, 3)
    assert [(event.seq, event.at, event.detail) for event in found] == [
        (row.number, hand.now + row.number, row.detail) for row in rows[:0:-1]
    ]
    assert [event.seq for event in await hand.graph.reports(task.id, 3, 3)] == [2]
    assert await hand.graph.reports(other.id, None, 3) == []
    assert [event.event for event in await hand.graph.own_events(task.id, 10)] == ["created"]
    assert [event.event for event in await hand.graph.events(task.id, 0, EVERYTHING)] == ["created", *["report"] * 4]


async def test_lateness_is_told_once_in_an_event_of_the_task(hand: Hand) -> None:
    one, other = await hand.store(independent(1)), await hand.store(independent(1))
    told = [Late(task.id, TaskStatus.PROCESSING, "expected to take 1 s", 2) for task in (one, other)]

    assert sorted(await hand.graph.late(told[:1], hand.now)) == [one.id]
    assert sorted(await hand.graph.late([Late(one.id, TaskStatus.PROCESSING, "", 3), told[1]], hand.now)) == [other.id]

    for task in (one, other):
        last = (await hand.graph.events(task.id, 1, EVERYTHING))[0]
        assert (last.seq, last.event, last.status, last.key) == (2, "late", "processing", "")
        assert last.detail == "expected to take 1 s"
        hand.numbers[task.id] = 2


async def test_claims_at_the_same_time_lose_nothing(hand: Hand) -> None:
    task = await hand.store(independent(60))

    result, moved = await asyncio.gather(hand.turn(claim={task.id: 20}), hand.graph.reorder(_last_first(task)))

    assert len(result.claims) == 20
    assert moved in (40, 60), "before or after the turn, never in between"
    rest = await _drawn(hand, task)
    assert len(rest) == 40 and not {claim.key for claim in result.claims} & set(rest)
    assert rest == sorted(rest, key=lambda key: -int(key[1:]))
