"""The graph port: engines, their epochs, and the fence that every write passes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest

from engine.errors import Fenced, GraphUnavailable
from engine.model import Finish, Progress
from engine.plan.items import items
from engine.plan.spec import Spec
from engine.ports import Graph
from engine.states import TaskStatus
from tests.support.graphs import Hand, execute
from tests.support.plans import fresh_id, independent, new_task, plan, step

Write = Callable[[Hand], Awaitable[object]]


async def test_every_life_of_an_engine_has_a_higher_epoch(hand: Hand) -> None:
    first = await hand.graph.register(hand.engine, hand.now)
    second = await hand.graph.register(hand.engine, hand.now)

    assert second == first + 1


async def test_engines_have_epochs_of_their_own(hand: Hand) -> None:
    assert await hand.graph.register(fresh_id(), hand.now) == 1


async def test_a_heartbeat_tells_the_time_of_the_database(hand: Hand) -> None:
    now = (await hand.graph.heartbeat(1000)).now

    assert abs(now - time.time() * 1000) < 60_000


async def test_a_graph_that_is_not_open_says_so(closed_graph: Graph) -> None:
    with pytest.raises(GraphUnavailable, match=r"open\(\)"):
        await closed_graph.ping()
    with pytest.raises(GraphUnavailable, match=r"open\(\)"):
        await closed_graph.register("E", 1)


async def _claim(hand: Hand) -> object:
    return await hand.turn(claim=dict.fromkeys(hand.numbers, 1))


async def _finish(hand: Hand) -> object:
    task_id = next(iter(hand.numbers))
    return await hand.graph.finish([Finish(task_id, TaskStatus.FAILED, 1, 1, {}, 2, None, None, None)])


async def _progress(hand: Hand) -> object:
    return await hand.graph.progress([Progress(next(iter(hand.numbers)), {"ready": 2}, 1)], 1)


async def _cancel(hand: Hand) -> object:
    return await hand.graph.cancel(next(iter(hand.numbers)), 1, 2, "", 10)


async def _store(hand: Hand) -> object:
    return await hand.graph.store(new_task(independent(3)))


async def _store_in_batches(hand: Hand) -> object:
    return await hand.graph.store(new_task(independent(1_001)))


async def _heartbeat(hand: Hand) -> object:
    return await hand.graph.heartbeat(1000)


@pytest.mark.parametrize("write", [_claim, _finish, _progress, _cancel, _store, _store_in_batches, _heartbeat])
async def test_an_engine_that_was_taken_over_changes_nothing(hand: Hand, write: Write) -> None:
    task = await hand.store(independent(2))
    before = await _everything(hand)
    await hand.fence()

    with pytest.raises(Fenced):
        await write(hand)

    assert await _everything(hand) == before
    assert await hand.statuses(task) == {"k0": "ready", "k1": "ready"}


async def test_an_engine_that_was_taken_over_can_not_settle(hand: Hand) -> None:
    task = await hand.store(independent(1))
    claim = (await hand.claimed(task))["k0"]
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.turn(hand.done(claim, "late"))

    assert await hand.statuses(task) == {"k0": "processing"}
    assert await hand.story(task) == ["1 - created 0", "2 k0 processing 1"]


async def test_an_engine_that_was_taken_over_can_not_expand(hand: Hand) -> None:
    task = await hand.store(plan(step("m", map={"over": [1, 2]})))
    claim = (await hand.claimed(task))["m"]
    children = items(Spec.decode(claim.spec), claim.id, claim.key, claim.type, [1, 2])
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.expand(claim, children)

    assert await hand.statuses(task) == {"m": "processing"}


async def test_an_engine_that_was_taken_over_can_not_close_a_gate(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.close_gate(task.id, "cancelling", "", hand.now)

    stored = await hand.graph.task(task.id)
    assert stored is not None
    assert stored.gate == ""


async def test_a_registration_fences_the_life_before_it(hand: Hand) -> None:
    """Two lives of one engine id, as after a restart on the same data folder."""
    task = await hand.store(independent(2))
    rows = await execute(hand.graph, "MATCH (e:Engine) WHERE e.id = $id RETURN e.epoch AS epoch", id=hand.engine)
    epoch = await hand.graph.register(hand.engine, hand.now)

    assert epoch == rows[0]["epoch"] + 1
    assert set(await hand.claimed(task)) == {"k0", "k1"}


async def _everything(hand: Hand) -> tuple[dict[str, int], list[object]]:
    tasks = await hand.graph.tasks(limit=100)
    return await hand.graph.sizes(), [*tasks]
