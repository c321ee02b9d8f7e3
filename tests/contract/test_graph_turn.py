"""The graph port: one turn settles, unlocks, claims and records, in one transaction."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from engine.model import Effort
from engine.ports import Graph
from engine.states import SubtaskStatus
from engine.turn import ClaimRequest, Turn
from tests.support.graphs import EVERYTHING, Hand, renamed
from tests.support.plans import chain, diamond, independent, plan, step


async def test_a_chain_moves_one_step_per_turn(hand: Hand) -> None:
    task = await hand.store(chain(3))
    first = await hand.turn(claim={task.id: 1})
    second = await hand.turn(hand.done(first.claims[0]), claim={task.id: 1})
    assert second.claims[0].queued_at == hand.now, "it waits for a slot since now"

    assert [claim.key for claim in (*first.claims, *second.claims)] == ["k0", "k1"]
    assert await hand.statuses(task) == {"k0": "completed", "k1": "processing", "k2": "pending"}
    assert await hand.story(task) == [
        "1 - created 0",
        "2 k0 processing 1",
        "3 k0 completed 1",
        "4 k1 ready 0",
        "5 k1 processing 1",
    ]


async def test_a_claim_carries_all_that_running_needs(hand: Hand) -> None:
    task = await hand.store(plan(step("a", type="sleep", input={"seconds": 1}, timeout_seconds=3)), expected=1.25)

    claim = (await hand.turn(claim={task.id: 1})).claims[0]

    sent = task.subtasks[0]
    assert (claim.id, claim.task_id, claim.key, claim.type) == (sent.id, task.id, "a", "sleep")
    assert (claim.spec, claim.token, claim.queued_at) == (sent.spec, 1, task.created_at)
    assert claim.expected == 1.25


async def test_the_answer_tells_what_changed_in_each_task(hand: Hand) -> None:
    one, other = await hand.store(chain(2)), await hand.store(independent(1))
    first = await hand.turn(claim={one.id: 1, other.id: 1})
    second = await hand.turn(*map(hand.done, first.claims))

    assert {changes.task_id: changes.first for changes in second.tasks} == {one.id: 3, other.id: 3}
    told = {changes.task_id: [(c.key, c.status, c.token) for c in changes.changes] for changes in second.tasks}
    assert told == {one.id: [("k0", "completed", 1), ("k1", "ready", 0)], other.id: [("k0", "completed", 1)]}


async def test_the_story_is_the_answers_one_after_the_other(hand: Hand) -> None:
    task = await hand.store(diamond(7))
    result, told = await hand.turn(claim={task.id: 3}), []
    while result.claims:
        told += result.tasks[0].changes
        result = await hand.turn(*map(hand.done, result.claims), claim={task.id: 3})
    told += result.tasks[0].changes

    stored = await hand.graph.events(task.id, 1, EVERYTHING)

    assert [(event.key, event.status, event.token) for event in stored] == [(c.key, c.status, c.token) for c in told]
    assert [event.seq for event in stored] == list(range(2, len(told) + 2))


async def test_a_join_is_unlocked_once_however_many_of_its_parents_settle_in_one_turn(hand: Hand) -> None:
    task = await hand.store(diamond(5))
    top = await hand.turn(claim={task.id: 1})
    middle = await hand.turn(hand.done(top.claims[0]), claim={task.id: 9})
    three, two = middle.claims[:3], middle.claims[3:]

    early = await hand.turn(*map(hand.done, three), claim={task.id: 9})
    assert early.claims == []
    assert await _unmet(hand.graph, task.id, "end") == 2

    late = await hand.turn(*map(hand.done, two), claim={task.id: 9})
    assert [claim.key for claim in late.claims] == ["end"]
    assert [line for line in await hand.story(task) if " end ready " in line] == ["19 end ready 0"]


async def test_everything_that_is_unlocked_is_ready_before_any_limit(hand: Hand) -> None:
    """A surplus left pending would be lost for good: nothing rescans."""
    task = await hand.store(diamond(20))
    top = await hand.turn(claim={task.id: 1})

    result = await hand.turn(hand.done(top.claims[0]), claim={task.id: 3})

    assert len(result.claims) == 3
    statuses = list((await hand.statuses(task)).values())
    assert (statuses.count("ready"), statuses.count("processing")) == (17, 3)


async def test_an_attempt_is_recorded_with_its_output(hand: Hand) -> None:
    task = await hand.store(independent(1))
    claim = (await hand.claimed(task))["k0"]
    await hand.turn(hand.done(claim, {"n": 1, "big": 2**80}))

    found = await hand.graph.subtask(task.id, "k0")

    assert found is not None
    row, attempts, needs = found
    assert needs == []
    assert (row.status, row.output, row.ran_on, row.attempts) == (
        SubtaskStatus.COMPLETED,
        '{"n":1,"big":1208925819614629174706176}',
        hand.engine,
        1,
    )
    assert (row.started_at, row.completed_at) == (hand.now - 1, hand.now)
    attempt = attempts[0]
    assert (attempt.token, attempt.outcome, attempt.ran_on, attempt.output) == (1, "completed", hand.engine, row.output)
    assert (attempt.output_hash, attempt.output_bytes, attempt.error) == (row.output_hash, 39, None)


async def test_an_attempt_says_what_it_took_and_what_it_saved(hand: Hand) -> None:
    task = await hand.store(independent(3))
    claims = await hand.claimed(task)
    took = Effort(memory_bytes=5 * 2**30, cpu_seconds=0.25)
    saved = Effort(saved_seconds=1e-7, saved_cost=0.5)
    await hand.turn(
        structs.replace(hand.done(claims["k0"]), effort=took),
        structs.replace(hand.done(claims["k1"]), effort=saved, outcome="cached"),
        hand.done(claims["k2"]),
    )

    found = [await hand.graph.subtask(task.id, key) for key in ("k0", "k1", "k2")]
    assert [row and row[1][0].effort for row in found] == [took, saved, Effort()]
    rows = await hand.graph.timings(task.id, "", 3)
    assert [(row.saved_seconds, row.saved_cost) for row in rows] == [(None, None), (1e-7, 0.5), (None, None)]


@pytest.mark.parametrize("wrong", [{"token": 2}, {"token": 0}, {"id": "nobody"}], ids=["later", "earlier", "unknown"])
async def test_an_outcome_that_is_not_of_the_current_attempt_changes_nothing(
    hand: Hand, wrong: dict[str, object]
) -> None:
    task = await hand.store(chain(2))
    claim = (await hand.claimed(task))["k0"]
    before = (await hand.story(task), await hand.graph.sizes())

    result = await hand.turn(hand.done(renamed(claim, **wrong), "late"))

    assert (result.tasks, result.claims, result.undecided) == ([], [], [])
    assert (await hand.story(task), await hand.graph.sizes()) == before
    assert await hand.statuses(task) == {"k0": "processing", "k1": "pending"}


async def test_an_outcome_that_comes_twice_counts_once(hand: Hand) -> None:
    task = await hand.store(chain(3))
    claim = (await hand.claimed(task))["k0"]
    await hand.turn(hand.done(claim))

    again = await hand.turn(hand.done(claim), hand.done(claim), claim={task.id: 9})

    assert [c.key for c in again.claims] == ["k1"]
    assert await _unmet(hand.graph, task.id, "k2") == 1


async def test_good_and_stale_outcomes_of_one_turn_do_not_mix(hand: Hand) -> None:
    task = await hand.store(independent(4))
    claims = await hand.claimed(task)
    stale = [renamed(claims[key], token=7) for key in ("k0", "k2")]

    await hand.turn(*map(hand.done, [*stale, claims["k1"], claims["k3"]]))

    statuses = {"k0": "processing", "k1": "completed", "k2": "processing", "k3": "completed"}
    assert await hand.statuses(task) == statuses


async def test_what_was_put_back_is_claimed_again_with_the_next_token(hand: Hand) -> None:
    task = await hand.store(chain(2))
    first = (await hand.claimed(task))["k0"]
    await hand.turn(hand.put_back(first))
    assert await hand.statuses(task) == {"k0": "ready", "k1": "pending"}

    second = (await hand.claimed(task))["k0"]
    await hand.turn(hand.done(second))

    found = await hand.graph.subtask(task.id, "k0")
    assert found is not None
    assert [(attempt.token, attempt.outcome) for attempt in found[1]] == [(1, "interrupted"), (2, "completed")]
    assert (found[0].status, found[0].attempts) == (SubtaskStatus.COMPLETED, 2)


async def test_what_is_put_back_can_be_claimed_in_that_very_turn(hand: Hand) -> None:
    """As after a restart: interrupted attempts go back and start again in the first turn."""
    task = await hand.store(independent(1))
    first = (await hand.claimed(task))["k0"]

    result = await hand.turn(hand.put_back(first), claim={task.id: 1})

    assert [(claim.key, claim.token) for claim in result.claims] == [("k0", 2)]
    assert await hand.story(task) == ["1 - created 0", "2 k0 processing 1", "3 k0 ready 1", "4 k0 processing 2"]


async def test_a_late_outcome_of_an_attempt_that_was_put_back_changes_nothing(hand: Hand) -> None:
    task = await hand.store(independent(1))
    first = (await hand.claimed(task))["k0"]
    second = (await hand.turn(hand.put_back(first), claim={task.id: 1})).claims[0]

    await hand.turn(hand.done(first, "late"))
    assert await hand.statuses(task) == {"k0": "processing"}
    await hand.turn(hand.done(second, "in time"))

    outputs = await hand.graph.outputs([first.id])
    assert [produced.output for produced in outputs] == ['"in time"']


async def test_an_empty_turn_and_unknown_tasks_do_no_harm(hand: Hand) -> None:
    task = await hand.store(independent(1))
    empty = await hand.turn()
    turn = Turn("t", hand.now, [], [], [ClaimRequest("nobody", 5)], {"nobody": 0}, {}, [])
    unknown = await hand.graph.turn(turn)

    assert (empty.tasks, empty.claims, unknown.tasks, unknown.claims) == ([], [], [], [])
    assert await hand.story(task) == ["1 - created 0"]


async def test_reads_go_on_beside_turns(hand: Hand) -> None:
    task = await hand.store(diamond(200))
    working = asyncio.create_task(hand.run_through(task))
    looks = 0
    while not working.done():
        rows = await hand.graph.subtasks(task.id, status=None, after="", limit=1_000)
        assert len(rows) == 202
        looks += 1

    assert await working == 202
    assert looks > 0


async def _unmet(graph: Graph, task_id: str, key: str) -> int:
    found = await graph.subtask(task_id, key)
    assert found is not None
    return found[0].unmet
