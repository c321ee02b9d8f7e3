"""The graph port: what an engine finds when it starts again, or after an answer was lost."""

from __future__ import annotations

import pytest

from engine.errors import Fenced
from engine.model import Finish, NewTask, Progress
from engine.states import TaskStatus
from tests.support.graphs import Hand, names
from tests.support.plans import chain, diamond, fresh_id, independent, plan, step


def _end(hand: Hand, task: NewTask, status: TaskStatus = TaskStatus.COMPLETED, **fields: object) -> Finish:
    values: dict[str, object] = {"result": None, "result_hash": None, "error": None, "counts": {"completed": 1}}
    number = hand.numbers[task.id] + 1
    return Finish(task.id, status, hand.now, hand.now - 1, last_event=number, **(values | fields))  # type: ignore[arg-type]


async def test_open_tasks_come_back_oldest_first_with_exact_counts(hand: Hand) -> None:
    one = await hand.store(diamond(3))
    other = await hand.store(chain(2))
    top = (await hand.claimed(one))["top"]
    await hand.turn(hand.done(top), claim={one.id: 2})

    found = await hand.graph.adopt()

    assert [open_.task.id for open_ in found] == [one.id, other.id]
    assert [open_.counts for open_ in found] == [
        {"completed": 1, "processing": 2, "ready": 1, "pending": 1},
        {"ready": 1, "pending": 1},
    ]
    assert [open_.last_event for open_ in found] == [hand.numbers[one.id], 1]
    assert await hand.graph.recount(one.id) == found[0]


async def test_on_neo4j_an_engine_adopts_only_what_it_owns(neo4j_hand: Hand) -> None:
    await neo4j_hand.store(independent(1))
    await neo4j_hand.graph.register(fresh_id(), neo4j_hand.now)

    assert await neo4j_hand.graph.adopt() == []


async def test_a_task_that_has_ended_is_not_open_any_more(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await hand.run_through(task)
    error = '{"message": "m"}'

    ended = await hand.graph.finish([_end(hand, task, result='{"a": 1}', error=error)])

    assert ended == [task.id]
    assert await hand.graph.adopt() == []
    stored = await hand.graph.task(task.id)
    assert stored is not None
    assert (stored.status, stored.completed_at, stored.started_at) == (TaskStatus.COMPLETED, hand.now, hand.now - 1)
    assert (stored.result, stored.result_hash, stored.error, stored.counts) == (
        '{"a": 1}',
        None,
        error,
        {"completed": 1},
    )
    assert (await hand.story(task))[-1] == f"{hand.numbers[task.id] + 1} - completed 0"


async def test_a_task_ends_once(hand: Hand) -> None:
    task, other = await hand.store(independent(1)), await hand.store(independent(1))
    await hand.run_through(task)
    await hand.run_through(other)
    await hand.graph.finish([_end(hand, task)])

    again = [_end(hand, task, TaskStatus.FAILED), _end(hand, other), _end(hand, task, TaskStatus.CANCELLED)]

    assert await hand.graph.finish(again) == [other.id]
    stored = await hand.graph.task(task.id)
    assert stored is not None
    assert stored.status is TaskStatus.COMPLETED
    assert await hand.graph.finish([]) == []


async def test_progress_starts_a_task_and_keeps_its_first_start(hand: Hand) -> None:
    task = await hand.store(independent(3))

    for at in (hand.now + 5, hand.now + 6):
        await hand.graph.progress([Progress(task.id, {"ready": 2, "processing": 1}, at)], at)

    stored = await hand.graph.task(task.id)
    assert stored is not None
    assert (stored.status, stored.started_at, stored.updated_at) == (TaskStatus.PROCESSING, hand.now + 5, hand.now + 6)
    assert (stored.counts, stored.subtasks_count) == ({"ready": 2, "processing": 1}, 3)


async def test_progress_does_not_touch_a_task_that_has_ended(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await hand.run_through(task)
    await hand.graph.finish([_end(hand, task)])
    ended = await hand.graph.task(task.id)

    await hand.graph.progress([Progress(task.id, {"ready": 1}, 1), Progress("nobody", {}, 1)], 1)

    assert await hand.graph.task(task.id) == ended


async def test_what_runs_is_found_by_task(hand: Hand) -> None:
    task, other = await hand.store(independent(5)), await hand.store(independent(2))
    claims = await hand.claimed(task, 3)
    await hand.claimed(other)

    found = await hand.graph.processing(task.id)

    assert [(row.key, row.token) for row in found] == [(key, 1) for key in sorted(claims)]
    assert [row.started_at for row in found] == [hand.now - 1] * 3


async def test_nothing_is_undecided_but_what_has_settled_dependencies(hand: Hand) -> None:
    task = await hand.store(plan(step("a"), step("b", "a"), step("c", "b"), step("d", "a", "b")))
    assert await hand.graph.undecided(task.id) == []
    claim = (await hand.claimed(task))["a"]
    await hand.turn(hand.failed(claim))

    assert names(await hand.graph.undecided(task.id)) == [(task.id, task.subtasks[1].id)]


async def test_a_turn_whose_answer_was_lost_is_read_back(neo4j_hand: Hand) -> None:
    hand = neo4j_hand
    one, other = await hand.store(diamond(3), expected=0.5), await hand.store(chain(2))
    first = await hand.turn(claim={one.id: 1, other.id: 1})
    turn = hand.made(*map(hand.done, first.claims), claim={one.id: 2, other.id: 2})
    answer = await hand.graph.turn(turn)

    found = await hand.graph.read_back(turn)

    assert found is not None
    assert sorted(found.tasks, key=str) == sorted(answer.tasks, key=str)
    assert sorted(found.claims, key=str) == sorted(answer.claims, key=str)
    hand.took(found)


async def test_a_turn_that_was_never_committed_is_read_back_as_nothing(neo4j_hand: Hand) -> None:
    hand = neo4j_hand
    task = await hand.store(independent(2))
    await hand.claimed(task, 1)

    assert await hand.graph.read_back(hand.made(claim={task.id: 1})) is None


async def test_an_empty_turn_of_lost_answer_is_read_back_as_committed(neo4j_hand: Hand) -> None:
    hand = neo4j_hand
    task = await hand.store(independent(1))
    turn = hand.made(claim={"nobody": 1})
    await hand.graph.turn(turn)

    found = await hand.graph.read_back(turn)

    assert found is not None
    assert (found.tasks, found.claims) == ([], [])
    assert await hand.statuses(task) == {"k0": "ready"}


async def test_an_engine_that_was_taken_over_reads_nothing_back(neo4j_hand: Hand) -> None:
    await neo4j_hand.store(independent(1))
    await neo4j_hand.fence()

    with pytest.raises(Fenced):
        await neo4j_hand.graph.read_back(neo4j_hand.made())


async def test_what_the_graph_keeps_in_memory_can_be_rebuilt(hand: Hand) -> None:
    """As after a restart: the frontier, the adjacency and the holds are the graph's own affair."""
    task = await hand.store(diamond(5))
    top = (await hand.claimed(task))["top"]
    middle = (await hand.turn(hand.done(top), claim={task.id: 2})).claims

    await hand.graph.forget(task.id)

    rest = await hand.turn(*map(hand.done, middle), claim={task.id: 9})
    assert {claim.key for claim in rest.claims} == {f"m{index}" for index in range(5)} - {c.key for c in middle}
    last = await hand.turn(*map(hand.done, rest.claims), claim={task.id: 9})
    assert [claim.key for claim in last.claims] == ["end"]
