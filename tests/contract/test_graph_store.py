"""The graph port: a task is stored whole or not at all, in one write or in batches."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.errors import AlreadyStored, Fenced
from engine.ports import Graph
from engine.states import SubtaskStatus, TaskStatus
from tests.support.graphs import Hand, execute
from tests.support.plans import Body, chain, diamond, independent, new_task, plan, step

LARGE = 1_001
"""One subtask more than a single write takes."""


async def test_a_task_comes_back_as_it_was_sent(hand: Hand) -> None:
    body = chain(2, name="n", user_id="ann", tags=["a", "b"], priority=7, max_parallel=3, input={"x": [1]})
    task = await hand.store(body)

    stored = await hand.graph.task(task.id)

    assert stored is not None
    assert (stored.name, stored.user_id, stored.tags) == ("n", "ann", ("a", "b"))
    assert (stored.priority, stored.max_parallel, stored.failure_policy) == (7, 3, "continue")
    assert (stored.status, stored.owner, stored.gate) == (TaskStatus.PENDING, hand.engine, "")
    assert (stored.created_at, stored.started_at, stored.completed_at) == (task.created_at, None, None)
    assert (stored.subtasks_count, stored.counts) == (2, {"ready": 1, "pending": 1})
    assert stored.body == task.body


async def test_a_subtask_comes_back_as_it_was_sent(hand: Hand) -> None:
    steps = [step("a", input={"x": "é☃\"'\\"}), step("b", "a", type="sleep", input={"seconds": 1}, priority=9)]
    task = await hand.store(plan(steps[0], {**steps[1], "critical": False}))

    rows = await hand.graph.subtasks(task.id, status=None, after="", limit=10)

    for row, sent in zip(rows, task.subtasks, strict=True):
        assert (row.id, row.key, row.type, row.index, row.spec) == (sent.id, sent.key, sent.type, sent.index, sent.spec)
        assert (row.priority, row.critical, row.generation) == (sent.priority, sent.critical, sent.generation)
        assert (row.rank, row.unmet, row.token) == (sent.rank, sent.unmet, 0)
    assert [row.status for row in rows] == [SubtaskStatus.READY, SubtaskStatus.PENDING]
    assert [row.queued_at for row in rows] == [task.created_at, None]
    assert await hand.graph.edges(task.id) == [("b", "a")]


@pytest.mark.parametrize("body", [independent(1), diamond(50), diamond(LARGE)], ids=["one", "whole", "batches"])
async def test_the_graph_holds_every_node_and_edge_of_a_task(hand: Hand, body: Body) -> None:
    before = await hand.graph.sizes()
    task = await hand.store(body)

    sizes = await hand.graph.sizes()

    assert sizes["Subtask"] == sizes["HAS_SUBTASK"] == len(task.subtasks)
    assert sizes.get("DEPENDS_ON", 0) == len(task.edges)
    assert (sizes["Task"], sizes["Event"], sizes["Engine"]) == (1, 1, before["Engine"])
    assert await hand.story(task) == ["1 - created 0"]
    wanted = {(dependant.split(".")[1], on.split(".")[1]) for dependant, on in task.edges}
    index = {subtask.key: subtask.id.split(".")[1] for subtask in task.subtasks}
    assert {(index[one], index[other]) for one, other in await hand.graph.edges(task.id)} == wanted


async def test_a_task_stored_in_batches_runs_like_any_other(hand: Hand) -> None:
    task = await hand.store(diamond(LARGE))

    assert await hand.run_through(task) == LARGE + 2
    assert set((await hand.statuses(task)).values()) == {"completed"}


async def test_many_edges_also_make_a_task_large(hand: Hand) -> None:
    left, right = [f"l{index}" for index in range(70)], [f"r{index}" for index in range(70)]
    task = await hand.store(plan(*map(step, left), *(step(key, *left) for key in right)))

    assert len(task.edges) == 4_900
    assert await hand.run_through(task) == 140


async def test_nobody_sees_a_task_before_all_of_it_is_written(hand: Hand) -> None:
    looks = 0
    while not looks:  # a task that is stored too quickly to be looked at proves nothing
        task = new_task(diamond(4 * LARGE))
        storing = asyncio.create_task(hand.graph.store(task))
        while not storing.done():
            begun = await _unopened(hand.graph, task.id)
            seen = await hand.graph.task(task.id)
            listed = [listed.id for listed in await hand.graph.tasks(limit=10)]
            owned = [owned.task.id for owned in await hand.graph.adopt()]
            if await _unopened(hand.graph, task.id):
                assert (seen, task.id in listed, task.id in owned) == (None, False, False)
                looks += begun
        await storing
        assert await hand.graph.task(task.id) is not None


async def test_turns_go_on_while_a_large_task_is_written(hand: Hand) -> None:
    small = await hand.store(chain(5))
    storing = asyncio.create_task(hand.graph.store(new_task(diamond(6 * LARGE))))
    await _until_half_written(hand)

    result = await hand.turn(claim={small.id: 1})
    settled = 0
    while result.claims:
        settled += not storing.done()
        result = await hand.turn(*map(hand.done, result.claims), claim={small.id: 1})
    await storing

    assert settled > 0
    assert set((await hand.statuses(small)).values()) == {"completed"}


@pytest.mark.parametrize("body", [diamond(5), diamond(LARGE)], ids=["whole", "batches"])
async def test_what_can_not_be_stored_whole_leaves_nothing(hand: Hand, body: Body) -> None:
    before = await hand.graph.sizes()
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.store(new_task(body))

    assert await hand.graph.sizes() == before


async def test_an_id_that_is_taken_is_refused_and_the_first_task_stays(hand: Hand) -> None:
    task = await hand.store(chain(3))
    before = await hand.graph.sizes()

    with pytest.raises(Exception, match=r"(?i)already exists|duplicate|constraint"):
        await hand.graph.store(task)

    assert await hand.graph.sizes() == before
    assert await hand.run_through(task) == 3


async def test_leftovers_of_an_unfinished_store_are_removed_at_the_next_start(hand: Hand) -> None:
    before = await hand.graph.sizes()
    task = msgspec.structs.replace(new_task(diamond(LARGE)), request_key="once", request_hash="h")
    await hand.graph.store(task)
    await _unopen(hand, task.id)
    assert await hand.graph.task(task.id) is None

    assert await hand.graph.discard_leftovers() == 1

    assert await hand.graph.discard_leftovers() == 0
    assert await hand.graph.request("once") is None, "the caller may send it again"
    assert await hand.graph.sizes() == before


async def test_leftovers_of_others_stay(hand: Hand) -> None:
    task = await hand.store(independent(2))
    await _unopen(hand, task.id, loader="another engine")

    assert await hand.graph.discard_leftovers() == 0

    assert (await hand.graph.sizes())["Subtask"] == 2
    hand.planted.add("stray_subtask")


async def _unopened(graph: Graph, task_id: str) -> bool:
    rows = await execute(graph, "MATCH (t:Task) WHERE t.id = $id RETURN t.stored AS stored", id=task_id)
    return bool(rows) and not rows[0]["stored"]


async def _until_half_written(hand: Hand) -> None:
    while not await execute(hand.graph, "MATCH (t:Task) WHERE NOT t.stored RETURN t.id AS id LIMIT 1"):
        await asyncio.sleep(0)


async def _unopen(hand: Hand, task_id: str, loader: str = "") -> None:
    """The task as a crash leaves it between the last batch and the opening."""
    text = "MATCH (t:Task) WHERE t.id = $id SET t.stored = false, t.open_owner = NULL, t.loader = $loader"
    await execute(hand.graph, text, id=task_id, loader=loader or hand.engine)
    await execute(hand.graph, "MATCH (v:Event) WHERE v.task_id = $id DELETE v", id=task_id)


@pytest.mark.parametrize("length", [3, LARGE], ids=["whole", "batches"])
async def test_a_request_key_makes_one_task(hand: Hand, length: int) -> None:
    first, second = (
        msgspec.structs.replace(new_task(chain(length)), request_key="once", request_hash="h") for _ in range(2)
    )
    await hand.graph.store(first)

    with pytest.raises(AlreadyStored, match="already exists"):
        await hand.graph.store(second)

    request = await hand.graph.request("once")
    assert request is not None
    assert request.task_id == first.id
    assert await hand.graph.task(second.id) is None
    assert (await hand.graph.sizes())["Subtask"] == length


@pytest.mark.parametrize("length", [3, LARGE], ids=["whole", "batches"])
async def test_a_task_is_not_stored_twice(hand: Hand, length: int) -> None:
    task = await hand.store(chain(length))

    with pytest.raises(AlreadyStored, match="already exists"):
        await hand.graph.store(task)

    assert list((await hand.statuses(task)).values()).count("pending") == length - 1
    assert await hand.story(task) == ["1 - created 0"]
