"""Handing an open task to another engine: one transaction, fenced, and told to the other."""

from __future__ import annotations

import pytest

from engine.errors import Fenced
from engine.ownerstore import Load
from tests.support.graphs import Hand, breaches
from tests.support.plans import fresh_id, independent

TIMEOUT = 60_000
"""Milliseconds; nothing in these tests takes so long."""
TWO = Load(unsettled=2, room=100)


async def test_those_that_take_tasks_are_known_by_what_they_have_to_do(first: Hand, second: Hand) -> None:
    assert await first.graph.loads(TIMEOUT) == []
    await second.graph.heartbeat(TIMEOUT, TWO)
    await first.graph.heartbeat(TIMEOUT, Load(1, 5))
    assert await first.graph.loads(TIMEOUT) == [(first.engine, Load(1, 5)), (second.engine, TWO)]
    await first.graph.heartbeat(TIMEOUT, None)
    assert await first.graph.loads(TIMEOUT) == [(second.engine, TWO)]
    await second.graph.leave()
    assert await first.graph.loads(TIMEOUT) == []


async def test_a_task_that_is_handed_over_is_the_others_and_the_other_is_told(first: Hand, second: Hand) -> None:
    await second.graph.heartbeat(TIMEOUT, TWO)
    task = await first.store(independent(3))
    id_ = fresh_id()
    for _ in range(2):  # it may be sent again
        assert await first.graph.hand_over(task.id, second.engine, (id_, "take it"), first.now)
    assert await first.graph.adopt() == []
    assert [found.task.id for found in await second.graph.adopt([task.id])] == [task.id]
    assert await second.graph.adopt([fresh_id()]) == []
    assert (await second.graph.heartbeat(TIMEOUT, TWO)).commands == [(id_, "take it")]
    await second.graph.answer(id_, "done")
    found = await first.graph.task(task.id)
    assert found is not None and found.owner == second.engine
    assert await breaches(first.graph) == {}


async def test_what_was_handed_over_counts_at_once(first: Hand, second: Hand) -> None:
    await second.graph.heartbeat(TIMEOUT, TWO)
    task = await first.store(independent(3))
    assert await first.graph.hand_over(task.id, second.engine, (fresh_id(), ""), first.now)
    assert await first.graph.loads(TIMEOUT) == [(second.engine, Load(5, 97))]


@pytest.mark.parametrize("why", ["it takes nothing", "it has left", "there is none", "the task is not open"])
async def test_what_cannot_be_handed_over_stays(first: Hand, second: Hand, why: str) -> None:
    task = await first.store(independent(1))
    to, task_id = second.engine, task.id
    if why != "it takes nothing":
        await second.graph.heartbeat(TIMEOUT, TWO)
    if why == "it has left":
        await second.graph.leave()
    if why == "there is none":
        to = fresh_id()
    if why == "the task is not open":
        task_id = fresh_id()
    assert not await first.graph.hand_over(task_id, to, (fresh_id(), ""), first.now)
    assert [found.task.id for found in await first.graph.adopt()] == [task.id]


async def test_an_engine_that_is_fenced_hands_nothing_over(first: Hand, second: Hand) -> None:
    await second.graph.heartbeat(TIMEOUT, TWO)
    task = await first.store(independent(1))
    await first.fence()
    with pytest.raises(Fenced):
        await first.graph.hand_over(task.id, second.engine, (fresh_id(), ""), first.now)
    assert len(await first.graph.adopt()) == 1


async def test_on_the_embedded_graph_there_is_nobody_else(embedded: Hand) -> None:
    await embedded.graph.heartbeat(TIMEOUT, TWO)
    task = await embedded.store(independent(1))
    assert await embedded.graph.loads(TIMEOUT) == []
    assert not await embedded.graph.hand_over(task.id, "x", (fresh_id(), ""), embedded.now)
