"""The graph port: how far the callbacks of each task are, whose they are, and that they go with their task."""

from __future__ import annotations

import pytest

from engine.callbackstore import StoredCallbacks
from engine.errors import Fenced
from engine.model import Finish
from engine.states import TaskStatus
from tests.support.graphs import Hand
from tests.support.plans import fresh_id, independent

PLACES = '[{"url":"https://a.example/?it\'s","events":["*"]}]'


async def test_what_is_left_to_tell_is_claimed_and_the_rest_only_read(hand: Hand) -> None:
    one, other = sorted([fresh_id(), fresh_id()])
    for task_id in (other, one):
        await hand.graph.put_callbacks(StoredCallbacks(task_id, PLACES, True, 7))
    assert await hand.graph.note_callbacks([]) == set()
    noted = [StoredCallbacks(one, "[]", False), StoredCallbacks(other, "[1]"), StoredCallbacks(fresh_id(), "[]")]

    assert await hand.graph.note_callbacks(noted) == {one, other}
    assert await hand.graph.claim_callbacks(60_000) == [StoredCallbacks(other, "[1]", True, 7)]
    assert (await hand.graph.callbacks(one), await hand.graph.callbacks(fresh_id())) == ("[]", None)
    assert (await hand.graph.sizes())["Callback"] == 2
    await hand.graph.drop_callbacks(other)
    assert await hand.graph.claim_callbacks(60_000) == []


async def test_a_fenced_engine_keeps_and_notes_nothing(hand: Hand) -> None:
    task_id = fresh_id()
    await hand.graph.put_callbacks(StoredCallbacks(task_id, PLACES))
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.put_callbacks(StoredCallbacks(fresh_id(), PLACES))
    with pytest.raises(Fenced):
        await hand.graph.note_callbacks([StoredCallbacks(task_id, "[]")])
    assert await hand.graph.callbacks(task_id) == PLACES


async def test_callbacks_of_an_engine_that_is_gone_are_another_s_and_those_of_a_living_one_are_not(
    neo4j_hand: Hand,
) -> None:
    graph, task_id = neo4j_hand.graph, fresh_id()
    await graph.put_callbacks(StoredCallbacks(task_id, PLACES))
    await graph.heartbeat(60_000)
    await graph.register(f"{neo4j_hand.namespace}-another", neo4j_hand.now)

    assert await graph.claim_callbacks(60_000) == []
    assert [row.task_id for row in await graph.claim_callbacks(-60_000)] == [task_id]
    assert await graph.note_callbacks([StoredCallbacks(task_id, "[]")]) == {task_id}


async def test_they_end_when_the_removal_of_their_task_begins(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await hand.graph.put_callbacks(StoredCallbacks(task.id, PLACES))
    number = hand.numbers[task.id] + 1
    await hand.graph.cancel(task.id, hand.now, number, "", 10)

    assert not await hand.graph.begin_removal(task.id)
    assert await hand.graph.callbacks(task.id) == PLACES
    end = Finish(task.id, TaskStatus.CANCELLED, hand.now, 1, {"cancelled": 1}, number + 1, None, None, None)
    await hand.graph.finish([end])
    assert await hand.graph.begin_removal(task.id)
    assert await hand.graph.callbacks(task.id) is None
