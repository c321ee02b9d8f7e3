"""The graph port: a cancellation closes the gate at once and walks what waits in batches."""

from __future__ import annotations

from engine.model import NewTask
from engine.states import TaskStatus
from tests.support.graphs import Hand
from tests.support.plans import chain, diamond, independent


async def _walk(hand: Hand, task: NewTask, limit: int) -> list[int]:
    """Closes the gate and cancels all that waits; returns how many each batch cancelled."""
    await hand.graph.close_gate(task.id, "cancelling", "", hand.now)
    after: str | None = ""
    sizes = []
    while after is not None:
        first = hand.numbers[task.id] + 1
        changes, after = await hand.graph.cancel(task.id, hand.now, first, after, limit)
        assert changes.first == first
        hand.numbers[task.id] += len(changes.changes)
        sizes.append(len(changes.changes))
    return sizes


async def test_the_gate_is_kept_with_the_task(hand: Hand) -> None:
    task = await hand.store(independent(2))

    assert await hand.graph.close_gate(task.id, "cancelling", "", hand.now) is True

    adopted = (await hand.graph.adopt())[0].task
    assert (adopted.gate, adopted.status, adopted.updated_at) == ("cancelling", TaskStatus.PENDING, hand.now)


async def test_there_is_no_gate_to_close_where_no_task_is_open(hand: Hand) -> None:
    assert await hand.graph.close_gate("nobody", "cancelling", "", hand.now) is False


async def test_what_waits_is_cancelled_and_what_runs_is_left_to_its_turn(hand: Hand) -> None:
    task = await hand.store(diamond(4))
    top = (await hand.claimed(task))["top"]
    middle = (await hand.turn(hand.done(top), claim={task.id: 2})).claims
    running = {claim.key for claim in middle}

    assert await _walk(hand, task, 100) == [3]

    statuses = await hand.statuses(task)
    assert {key for key, status in statuses.items() if status == "processing"} == running
    assert {key for key, status in statuses.items() if status == "cancelled"} == {"m2", "m3", "end"}
    await hand.turn(*map(hand.cancelled, middle), claim={task.id: 9})
    assert set((await hand.statuses(task)).values()) == {"completed", "cancelled"}


async def test_it_goes_in_batches_with_one_record_each(hand: Hand) -> None:
    task = await hand.store(chain(25))

    assert await _walk(hand, task, 10) == [10, 10, 5]

    story = await hand.story(task)
    assert story[1:3] == ["2 k0 cancelled 0", "3 k1 cancelled 0"]
    assert len(story) == 26
    assert (await hand.graph.sizes())["Event"] == 4


async def test_a_batch_in_which_nothing_waits_leaves_no_record(hand: Hand) -> None:
    task = await hand.store(independent(20))
    claims = await hand.claimed(task, 20)

    assert await _walk(hand, task, 10) == [0, 0, 0]

    assert (await hand.graph.sizes())["Event"] == 2
    await hand.turn(*map(hand.cancelled, claims.values()))


async def test_it_can_be_repeated_and_concerns_one_task(hand: Hand) -> None:
    task, other = await hand.store(chain(3)), await hand.store(chain(3))

    assert [await _walk(hand, task, 10), await _walk(hand, task, 10)] == [[3], [0]]

    assert set((await hand.statuses(other)).values()) == {"ready", "pending"}


async def test_nothing_cancelled_is_claimed_and_nothing_held_is_missed(hand: Hand) -> None:
    task = await hand.store(independent(6))
    await hand.turn(claim={task.id: 6}, type_free={"noop": 0})
    await _walk(hand, task, 100)

    await hand.graph.release_holds(task.id)
    assert await hand.claimed(task) == {}
    assert set((await hand.statuses(task)).values()) == {"cancelled"}
