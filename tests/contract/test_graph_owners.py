"""The graph port: engines that share one Neo4j take over what another one left, and hand commands to the owner.

On the embedded graph whoever holds the file owns what is in it: there nothing is ever left to take over.
"""

from __future__ import annotations

import pytest

from engine.errors import Fenced
from tests.support.graphs import Hand, execute, in_hand, neo4j_graph
from tests.support.plans import fresh_id, independent
from tests.support.services import Neo4jService

TIMEOUT = 60_000
"""Milliseconds; nothing in these tests takes so long."""


async def _silent(hand: Hand, engine: str) -> None:
    """Makes an engine's last sign of life older than the timeout."""
    await execute(hand.graph, "MATCH (e:Engine {id: $id}) SET e.heartbeat_at = 1", id=engine)


async def test_an_engine_that_gives_signs_of_life_keeps_its_tasks(first: Hand, second: Hand) -> None:
    await first.store(independent(1))

    assert (await second.graph.heartbeat(TIMEOUT)).gone == []
    assert await second.graph.take_over(first.engine, TIMEOUT, 10) == []
    assert [task.task.owner for task in await first.graph.adopt()] == [first.engine]


async def test_a_silent_engine_s_tasks_are_taken_over_and_it_can_neither_settle_nor_claim(
    first: Hand, second: Hand
) -> None:
    task = await first.store(independent(2))
    claim = (await first.claimed(task, 1))["k0"]
    await _silent(second, first.engine)

    assert (await second.graph.heartbeat(TIMEOUT)).gone == [first.engine]
    taken = await second.graph.take_over(first.engine, TIMEOUT, 10)

    assert [(found.task.id, found.task.owner, found.last_event) for found in taken] == [(task.id, second.engine, 2)]
    assert taken[0].counts == {"processing": 1, "ready": 1}
    with pytest.raises(Fenced):
        await first.turn(first.done(claim))
    with pytest.raises(Fenced):
        await first.claimed(task)
    with pytest.raises(Fenced):
        await first.graph.heartbeat(TIMEOUT)
    assert await second.statuses(task) == {"k0": "processing", "k1": "ready"}
    assert (await second.graph.heartbeat(TIMEOUT)).gone == []


async def test_an_engine_without_open_tasks_is_not_missed(first: Hand, second: Hand) -> None:
    await _silent(second, first.engine)

    assert (await second.graph.heartbeat(TIMEOUT)).gone == []


async def test_an_engine_that_left_in_good_order_is_followed_at_once(first: Hand, second: Hand) -> None:
    task = await first.store(independent(1))
    await first.graph.leave()

    assert (await second.graph.heartbeat(TIMEOUT)).gone == [first.engine]
    assert [found.task.id for found in await second.graph.take_over(first.engine, TIMEOUT, 10)] == [task.id]


async def test_an_engine_that_enters_again_has_not_left(first: Hand, second: Hand) -> None:
    await first.store(independent(1))
    await first.graph.leave()
    await first.graph.register(first.engine, first.now)

    assert (await second.graph.heartbeat(TIMEOUT)).gone == []
    assert await second.graph.take_over(first.engine, TIMEOUT, 10) == []


async def test_what_one_has_left_is_shared(first: Hand, second: Hand) -> None:
    tasks = [await first.store(independent(1)) for _ in range(3)]
    await first.graph.leave()

    taken = await second.graph.take_over(first.engine, TIMEOUT, 2)
    rest = await second.graph.take_over(first.engine, TIMEOUT, 2)

    assert [found.task.id for found in taken] == [task.id for task in tasks[:2]]
    assert [found.task.id for found in rest] == [tasks[2].id]


async def test_engines_of_another_namespace_are_left_alone(first: Hand, neo4j_server: Neo4jService) -> None:
    await first.store(independent(1))
    await first.graph.leave()
    async with in_hand(neo4j_graph(neo4j_server, f"{first.namespace}-other"), f"{first.namespace}-other") as stranger:
        assert (await stranger.graph.heartbeat(TIMEOUT)).gone == []


async def test_an_engine_that_is_gone_itself_takes_nothing_over(first: Hand, second: Hand) -> None:
    await first.store(independent(1))
    await first.graph.leave()
    await second.fence()

    with pytest.raises(Fenced):
        await second.graph.take_over(first.engine, TIMEOUT, 10)
    assert len(await first.graph.adopt()) == 1


async def test_a_command_reaches_the_owner_and_its_answer_whoever_asked(first: Hand, second: Hand) -> None:
    task = await first.store(independent(1))
    id_ = fresh_id()

    assert await second.graph.leave_command(id_, task.id, "do", first.now)
    assert await second.graph.leave_command(id_, task.id, "do", first.now), "it may be sent again"
    assert await second.graph.collect_answer(id_) is None
    assert (await second.graph.heartbeat(TIMEOUT)).commands == []
    assert (await first.graph.heartbeat(TIMEOUT)).commands == [(id_, "do")]

    await first.graph.answer(id_, "done")

    assert (await first.graph.heartbeat(TIMEOUT)).commands == []
    assert await second.graph.collect_answer(id_) == "done"
    assert await second.graph.collect_answer(id_) is None
    assert "Command" not in await first.graph.sizes()


async def test_commands_move_with_their_task(first: Hand, second: Hand) -> None:
    task = await first.store(independent(1))
    id_ = fresh_id()
    await second.graph.leave_command(id_, task.id, "do", first.now)
    await first.graph.leave()

    await second.graph.take_over(first.engine, TIMEOUT, 10)

    assert (await second.graph.heartbeat(TIMEOUT)).commands == [(id_, "do")]
    await first.graph.answer(id_, "too late")
    assert await second.graph.collect_answer(id_) is None, "only the owner answers"
    await second.graph.answer(id_, "done")
    assert await second.graph.collect_answer(id_) == "done"


async def test_there_is_no_command_for_a_task_that_is_not_open(hand: Hand) -> None:
    assert not await hand.graph.leave_command(fresh_id(), fresh_id(), "do", hand.now)


async def test_whoever_opens_the_embedded_file_owns_what_is_in_it(embedded: Hand) -> None:
    task = await embedded.store(independent(1))
    await embedded.graph.register(fresh_id(), embedded.now)

    adopted = await embedded.graph.adopt()

    assert [found.task.id for found in adopted] == [task.id]
    assert adopted[0].task.owner != embedded.engine


async def test_the_first_blob_store_of_a_namespace_is_the_one_that_counts(hand: Hand) -> None:
    assert await hand.graph.enter_blobs("one") == "one"
    assert await hand.graph.enter_blobs("two") == "one"
