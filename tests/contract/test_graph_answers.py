"""The graph port: what the answers to people are read from."""

from __future__ import annotations

import pytest

from engine.states import SubtaskStatus
from tests.support.graphs import Hand
from tests.support.plans import diamond, independent, plan, step


async def test_what_did_not_complete_above_and_below(hand: Hand) -> None:
    task = await hand.store(
        plan(step("a"), step("b"), step("c", "a"), step("d", "b"), step("e", "a", "b", "c", "d"), step("f", "e"))
    )
    ids = {sub.key: sub.id for sub in task.subtasks}
    claims = await hand.claimed(task)
    await hand.turn(hand.done(claims["a"]), hand.failed(claims["b"], "no oil"))

    needed = await hand.graph.needed([ids["e"], ids["c"], ids["f"]], 10)
    assert [(row.key, row.status) for row in needed[ids["e"]]] == [
        ("c", SubtaskStatus.READY),
        ("d", SubtaskStatus.PENDING),
        ("b", SubtaskStatus.FAILED),
    ]
    assert '"no oil"' in (needed[ids["e"]][2].error or "")
    assert (needed[ids["c"]], [row.key for row in needed[ids["f"]]]) == ([], ["e"])
    assert [row.key for row in (await hand.graph.needed([ids["e"]], 1))[ids["e"]]] == ["c"]

    below = await hand.graph.below([ids["a"], ids["b"]], 10)
    assert {(row.key, row.status) for row in below} == {("c", "ready"), ("d", "pending"), ("e", "pending")}
    assert len(below) == 3
    assert len(await hand.graph.below([ids["a"], ids["b"]], 2)) == 2
    assert await hand.graph.below([ids["f"]], 10) == []


async def test_one_subtask_by_its_key(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b", "a")))
    await hand.turn(hand.failed((await hand.claimed(task))["a"], "no oil"))
    found = await hand.graph.find(task.id, "a")
    assert found is not None
    assert (found.key, found.status, "no oil" in (found.error or "")) == ("a", SubtaskStatus.FAILED, True)
    assert await hand.graph.find(task.id, "nobody") is None


async def test_the_most_urgent_of_a_state(hand: Hand) -> None:
    task = await hand.store(plan(step("x"), step("a"), step("b", "a"), step("c", "b"), step("y"), step("z", "y")))
    assert [row.key for row in await hand.graph.urgent(task.id, "ready", 2)] == ["a", "y"]
    assert [row.key for row in await hand.graph.urgent(task.id, "ready", 10)] == ["a", "y", "x"]
    assert await hand.graph.urgent(task.id, "processing", 10) == []


async def test_the_place_in_line_follows_the_order_of_claims(hand: Hand) -> None:
    other = await hand.store(independent(3))
    task = await hand.store(plan(step("x"), step("a", priority=9), step("y"), step("b", "a")))
    rows = {row.key: row for row in await hand.graph.subtasks(task.id, status=None, after="", limit=10)}
    assert {key: await hand.graph.ahead(rows[key]) for key in ("a", "x", "y")} == {"a": 0, "x": 1, "y": 2}
    assert list(await hand.claimed(task, 1)) == ["a"]
    assert await hand.graph.ahead(rows["y"]) == 1
    await hand.claimed(other)


async def test_events_by_time_and_those_of_the_task_itself(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b", "a")))
    claims = await hand.claimed(task)
    await hand.turn(hand.done(claims["a"]))
    at = hand.now
    found = await hand.graph.events_at(task.id, at)
    assert [(event.key, event.status) for event in found] == [("a", "completed"), ("b", "ready")]
    assert await hand.graph.events_at(task.id, at + 1) == []
    assert [event.event for event in await hand.graph.own_events(task.id, 10)] == ["created"]


async def test_the_sign_of_life_of_an_engine(hand: Hand) -> None:
    await hand.graph.heartbeat(60_000)
    sign = await hand.graph.sign(hand.engine)
    assert sign is not None
    assert (abs(sign.at - hand.now) < 600_000, sign.left) == (True, False)
    assert await hand.graph.sign("nobody") is None


async def test_when_subtasks_ran_and_what_each_really_waited_for(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b"), step("end", "a", "b")))
    claims = await hand.claimed(task)
    await hand.turn(hand.done(claims["b"], [1]))
    await hand.turn(hand.done(claims["a"]))
    end = (await hand.claimed(task))["end"]

    rows = await hand.graph.timings(task.id, "", 10)
    assert [(row.key, row.status, row.attempts) for row in rows] == [
        ("a", "completed", 1),
        ("b", "completed", 1),
        ("end", "processing", 1),
    ]
    assert [row.outcome for row in rows] == ["completed", "completed", ""]
    assert (len(rows[1].hash), rows[2].hash, rows[0].seconds is not None) == (64, "", True)
    assert [row.key for row in await hand.graph.timings(task.id, rows[0].id, 1)] == ["b"]
    last = await hand.graph.awaited_last(end.id)
    assert last is not None
    assert last.key == "a"
    assert await hand.graph.awaited_last(rows[0].id) is None
    assert await hand.graph.followed_last(rows[0].id) is None
    await hand.turn(hand.done(end))
    after = await hand.graph.followed_last(rows[0].id)
    assert after is not None
    assert (after.key, await hand.graph.followed_last(end.id)) == ("end", None)


@pytest.mark.parametrize("width", [30])
async def test_a_wide_join_is_read_up_to_the_limit(hand: Hand, width: int) -> None:
    task = await hand.store(diamond(width))
    await hand.turn(hand.done((await hand.claimed(task))["top"]))
    end = task.subtasks[-1].id
    assert len((await hand.graph.needed([end], 20))[end]) == 20
    assert len(await hand.graph.below([task.subtasks[0].id], 100)) == width
