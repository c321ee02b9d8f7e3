"""The graph port: tasks are removed in steps, and a Result stays for as long as anybody keeps it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.errors import NotFound
from engine.model import Finish, NewResult, NewTask
from engine.payloads import Packed, pack
from engine.plan.ids import first_ulid
from engine.states import SubtaskStatus, TaskStatus
from tests.support.graphs import Hand
from tests.support.plans import chain, fresh_id, independent, new_task
from tests.support.rerun import rerun_of

BATCH = 3


async def ended(hand: Hand, task: NewTask, status: TaskStatus = TaskStatus.COMPLETED) -> None:
    """The task is final."""
    number = hand.numbers[task.id] + 1
    counts = {"completed": len(task.subtasks)}
    await hand.graph.finish([Finish(task.id, status, hand.now, 1, counts, number, None, None, None)])
    hand.numbers[task.id] = number


def large(hand: Hand, letter: str, size: int = 2_000) -> Packed:
    """An output of this test's own that a Result holds."""
    return pack(hand.namespace + letter * size)


async def with_results(hand: Hand, *outputs: Packed, blob: bool = False) -> NewTask:
    """A final task whose subtasks produced these."""
    task = await hand.store(independent(len(outputs)))
    claims = await hand.claimed(task)
    pairs = [(claims[f"k{number}"], packed) for number, packed in enumerate(outputs)]
    await hand.graph.put_results(
        [NewResult(packed.digest, packed.size, None if blob else packed.text, claim.id) for claim, packed in pairs]
    )
    await hand.turn(*(hand.done(claim, packed.text[1:-1]) for claim, packed in pairs))
    await ended(hand, task)
    return task


async def remove(hand: Hand, task: NewTask) -> list[str]:
    """Removes a final task to its end; returns the blobs that went with it."""
    assert await hand.graph.begin_removal(task.id)
    while await hand.graph.remove_some(task.id, BATCH) or await hand.graph.condemn(task.id, BATCH):
        pass
    blobs = await hand.graph.condemned(task.id)
    await hand.graph.end_removal(task.id)
    assert await hand.graph.removals() == ([task.id] if blobs else [])
    await hand.graph.acquit(task.id)
    await hand.graph.end_removal(task.id)
    assert await hand.graph.removals() == []
    return blobs


async def test_a_removed_task_leaves_nothing(hand: Hand) -> None:
    before = await hand.graph.sizes()
    task = await hand.store(chain(7))
    await hand.run_through(task)
    await ended(hand, task)

    assert await remove(hand, task) == []

    assert await hand.graph.sizes() == before
    assert await hand.graph.task(task.id) is None
    assert await hand.graph.events(task.id, 0, 100) == []


async def test_a_task_that_is_being_removed_is_not_seen_and_breaks_no_rule(hand: Hand) -> None:
    task = await hand.store(chain(7))
    await hand.run_through(task)
    await ended(hand, task)

    assert await hand.graph.begin_removal(task.id)

    while await hand.graph.remove_some(task.id, BATCH):
        assert await hand.graph.task(task.id) is None
        assert not any((await hand.graph.invariants()).values())
    rows = await hand.graph.tasks(limit=10)
    assert [row.id for row in rows] == []
    assert not await hand.graph.begin_removal(task.id)
    assert await hand.graph.removals() == [task.id]
    await hand.graph.end_removal(task.id)


async def test_an_open_task_an_unknown_one_and_one_of_another_namespace_are_not_removed(hand: Hand) -> None:
    task = await hand.store(chain(2))

    assert not await hand.graph.begin_removal(task.id)
    assert not await hand.graph.begin_removal(fresh_id())


async def test_the_key_of_a_request_is_free_once_its_task_is_being_removed(hand: Hand) -> None:
    body = chain(1)
    task = msgspec.structs.replace(new_task(body, hand.now), request_key="once", request_hash="h")
    await hand.graph.store(task)
    hand.numbers[task.id] = 1
    await hand.run_through(task)
    await ended(hand, task)
    assert await hand.graph.request("once") is not None

    await hand.graph.begin_removal(task.id)

    assert await hand.graph.request("once") is None
    while await hand.graph.remove_some(task.id, BATCH):
        pass
    await hand.graph.end_removal(task.id)


async def test_a_result_goes_with_the_last_that_keeps_it(hand: Hand) -> None:
    shared, own = large(hand, "s"), large(hand, "o")
    first = await with_results(hand, shared, own)
    second = await with_results(hand, shared)

    await remove(hand, first)
    assert await hand.graph.result_bodies([shared.digest, own.digest]) == {shared.digest: shared.text}

    await remove(hand, second)
    assert await hand.graph.result_bodies([shared.digest]) == {}


async def test_blobs_are_remembered_until_they_are_gone(hand: Hand) -> None:
    outputs = [large(hand, letter) for letter in "abcdefgh"]
    task = await with_results(hand, *outputs, blob=True)

    assert sorted(await remove(hand, task)) == sorted(packed.digest for packed in outputs)


async def test_a_result_of_the_task_itself_goes_with_it(hand: Hand) -> None:
    task = await with_results(hand, large(hand, "x"))
    result = large(hand, "task")
    await hand.graph.put_results([NewResult(result.digest, result.size, result.text, task.id)])

    await remove(hand, task)

    assert await hand.graph.result_bodies([result.digest]) == {}


async def test_a_rerun_keeps_what_it_takes_over(hand: Hand) -> None:
    packed = large(hand, "r")
    first = await with_results(hand, packed, packed)
    second = await rerun_of(hand, first, "k1")

    await remove(hand, first)

    assert await hand.graph.result_bodies([packed.digest]) == {packed.digest: packed.text}
    found = {row.key: row for row in await hand.graph.subtasks(second.id, status=None, after="", limit=9)}
    assert (found["k0"].status, found["k0"].output_hash, found["k0"].cached) == ("completed", packed.digest, True)
    assert found["k1"].status is SubtaskStatus.READY


async def test_a_rerun_of_what_is_gone_meanwhile_stores_nothing(hand: Hand) -> None:
    first = await with_results(hand, large(hand, "q"), large(hand, "p"))
    rows = await hand.graph.subtasks(first.id, status=None, after="", limit=9)
    await remove(hand, first)
    before = await hand.graph.sizes()

    with pytest.raises(NotFound, match="is being removed"):
        await rerun_of(hand, first, "k1", rows)

    assert await hand.graph.sizes() == before


async def test_what_is_written_again_while_it_is_removed_is_there_in_the_end(hand: Hand) -> None:
    for number in range(20):
        packed = large(hand, f"race{number}-", 300)
        old = await with_results(hand, packed)
        new = await hand.store(independent(1))
        claim = (await hand.claimed(new))["k0"]
        await hand.graph.begin_removal(old.id)
        while await hand.graph.remove_some(old.id, BATCH):
            pass

        await asyncio.gather(
            hand.graph.condemn(old.id, BATCH),
            hand.graph.put_results([NewResult(packed.digest, packed.size, packed.text, claim.id)]),
        )

        assert await hand.graph.result_bodies([packed.digest]) == {packed.digest: packed.text}, number
        await hand.turn(hand.done(claim, packed.text[1:-1]))
        await ended(hand, new)
        await hand.graph.end_removal(old.id)


async def test_final_tasks_are_found_by_their_end(hand: Hand) -> None:
    begun = hand.now
    open_task, early, late = [await hand.store(independent(1)) for _ in range(3)]
    for task in (early, late):
        await hand.run_through(task)
        hand.now += 10_000
        await ended(hand, task)

    assert await hand.graph.final_before(hand.now, 10) == [early.id]
    assert await hand.graph.final_before(hand.now + 1, 10) == [early.id, late.id]
    assert await hand.graph.final_before(hand.now + 1, 1) == [early.id]
    assert await hand.graph.final_before(begun, 10) == []
    assert first_ulid(begun) <= open_task.id < first_ulid(begun + 60_000)


async def test_all_that_one_subtask_keeps_goes_with_its_task(hand: Hand) -> None:
    """A failed attempt's partial output, a picture: a subtask keeps more than its output."""
    before = await hand.graph.sizes()
    outputs = [large(hand, letter) for letter in "abc"]
    task = await with_results(hand, *outputs, blob=True)
    more = [large(hand, letter) for letter in "defgh"]
    ids = [f"{task.id}.{number:07d}" for number in (0, 0, 0, 2, 2)]
    pairs = zip(more, ids, strict=True)
    await hand.graph.put_results([NewResult(packed.digest, packed.size, None, id_) for packed, id_ in pairs])

    assert sorted(await remove(hand, task)) == sorted(packed.digest for packed in outputs + more)

    assert await hand.graph.sizes() == before
