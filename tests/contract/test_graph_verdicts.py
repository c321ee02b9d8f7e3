"""The graph port: what a failure does to those who need it. The turn names them, the engine decides, a turn applies."""

from __future__ import annotations

import json

import pytest

from engine.model import NewTask
from engine.payloads import blocked_text
from engine.states import SubtaskStatus
from engine.turn import Move, TurnResult
from tests.support.graphs import Hand, breaches, names, verdict
from tests.support.plans import chain, diamond, independent, plan, step


def _blocked(task: NewTask, *ids: str) -> list[Move]:
    return [verdict(id_, task.id, SubtaskStatus.BLOCKED, blocked_text(["k0"])) for id_ in ids]


def _id(task: NewTask, key: str) -> str:
    return next(subtask.id for subtask in task.subtasks if subtask.key == key)


async def _fail(hand: Hand, task: NewTask, key: str = "k0", message: str = "it broke") -> TurnResult:
    claim = (await hand.claimed(task))[key]
    return await hand.turn(hand.failed(claim, message))


async def test_a_failure_leaves_its_dependants_to_be_decided(hand: Hand) -> None:
    task = await hand.store(chain(3))

    result = await _fail(hand, task)

    assert names(result.undecided) == [(task.id, _id(task, "k1"))]
    assert await hand.statuses(task) == {"k0": "failed", "k1": "pending", "k2": "pending"}
    assert names(await hand.graph.undecided(task.id)) == [(task.id, _id(task, "k1"))]
    assert (await hand.claimed(task)) == {}


async def test_the_error_of_a_failed_attempt_is_kept(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await _fail(hand, task, message="the disk is full")

    row = (await hand.graph.subtasks(task.id, status="failed", after="", limit=1))[0]

    error = json.loads(row.error or "")
    assert (error["category"], error["message"], error["attempt"]) == ("logic", "the disk is full", 1)


async def test_a_join_is_decided_once_all_of_its_dependencies_are_settled(hand: Hand) -> None:
    task = await hand.store(diamond(3))
    top = await hand.turn(claim={task.id: 1})
    middle = await hand.turn(hand.done(top.claims[0]), claim={task.id: 9})

    first = await hand.turn(hand.failed(middle.claims[0]))
    last = await hand.turn(*map(hand.done, middle.claims[1:]))

    assert names(first.undecided) == []
    assert names(last.undecided) == [(task.id, _id(task, "end"))]
    assert (await hand.graph.blockers([_id(task, "end")])) == {_id(task, "end"): [middle.claims[0].key]}


async def test_a_verdict_is_applied_and_reaches_the_next_in_line(hand: Hand) -> None:
    task = await hand.store(chain(3))
    await _fail(hand, task)

    first = await hand.turn(moves=_blocked(task, _id(task, "k1")))
    second = await hand.turn(moves=_blocked(task, _id(task, "k2")))

    assert names(first.undecided) == [(task.id, _id(task, "k2"))]
    assert names(second.undecided) == []
    assert await hand.statuses(task) == {"k0": "failed", "k1": "blocked", "k2": "blocked"}
    assert (await hand.story(task))[-2:] == ["4 k1 blocked 0", "5 k2 blocked 0"]
    row = (await hand.graph.subtasks(task.id, status="blocked", after="", limit=1))[0]
    assert (row.token, row.completed_at) == (0, hand.now - 1)
    assert json.loads(row.error or "")["message"] == "blocked: k0 did not complete"


async def test_the_rest_of_a_task_goes_on_beside_a_failure(hand: Hand) -> None:
    task = await hand.store(plan(step("k0"), step("k1", "k0"), step("free"), step("after", "free")))
    claims = await hand.claimed(task)

    result = await hand.turn(hand.failed(claims["k0"]), hand.done(claims["free"]), claim={task.id: 9})

    assert [claim.key for claim in result.claims] == ["after"]
    assert names(result.undecided) == [(task.id, _id(task, "k1"))]


async def test_many_are_decided_in_one_turn_and_their_common_dependant_once(hand: Hand) -> None:
    task = await hand.store(diamond(30))
    await _fail(hand, task, "top")
    middle = [_id(task, f"m{index}") for index in range(30)]

    result = await hand.turn(moves=_blocked(task, *middle))
    await hand.turn(moves=_blocked(task, *(id_ for _, id_ in names(result.undecided))))

    assert names(result.undecided) == [(task.id, _id(task, "end"))]
    statuses = await hand.statuses(task)
    assert statuses.pop("top") == "failed"
    assert set(statuses.values()) == {"blocked"}


async def test_a_verdict_on_what_is_not_waiting_for_one_changes_nothing(hand: Hand) -> None:
    task = await hand.store(chain(3))
    await _fail(hand, task)
    before = await hand.statuses(task)

    result = await hand.turn(moves=_blocked(task, _id(task, "k0"), _id(task, "k2"), "nobody"))

    assert result.tasks == []
    assert await hand.statuses(task) == before


async def test_a_verdict_that_comes_twice_counts_once(hand: Hand) -> None:
    task = await hand.store(plan(step("k0"), step("k1", "k0"), step("other"), step("end", "k1", "other")))
    claims = await hand.claimed(task)
    await hand.turn(hand.failed(claims["k0"]))
    await hand.turn(moves=_blocked(task, _id(task, "k1")))
    again = await hand.turn(moves=_blocked(task, _id(task, "k1")))

    assert again.tasks == []
    last = await hand.turn(hand.done(claims["other"]))
    assert names(last.undecided) == [(task.id, _id(task, "end"))]


@pytest.mark.parametrize("to", [SubtaskStatus.READY, SubtaskStatus.SKIPPED])
async def test_the_other_verdicts_move_as_the_table_says(hand: Hand, to: SubtaskStatus) -> None:
    task = await hand.store(chain(3))
    await _fail(hand, task)

    result = await hand.turn(moves=[verdict(_id(task, "k1"), task.id, to)], claim={task.id: 9})

    if to is SubtaskStatus.READY:
        assert [(claim.key, claim.token) for claim in result.claims] == [("k1", 1)]
        assert (await hand.story(task))[-2:] == ["4 k1 ready 0", "5 k1 processing 1"]
    else:
        assert names(result.undecided) == [(task.id, _id(task, "k2"))]
        assert (await hand.story(task))[-1] == "4 k1 skipped 0"


async def test_a_failure_that_is_abandoned_counts_as_skipped_and_its_dependants_are_decided_anew(hand: Hand) -> None:
    task = await hand.store(chain(3))
    await _fail(hand, task)
    await hand.turn(moves=_blocked(task, _id(task, "k1")))
    k0, k1 = _id(task, "k0"), _id(task, "k1")

    skip = Move(k0, task.id, "k0", "skip", SubtaskStatus.FAILED, SubtaskStatus.SKIPPED)
    back = Move(k1, task.id, "k1", "unblock", SubtaskStatus.BLOCKED, SubtaskStatus.PENDING)
    result = await hand.turn(moves=[skip, back])

    assert [(waits.id, waits.bad, waits.skips) for waits in result.undecided] == [(k1, 1, 1)]
    assert (await hand.story(task))[-2:] == ["5 k0 skipped 0", "6 k1 pending 0"]


async def test_an_optional_failure_that_is_abandoned_lets_its_dependants_run(hand: Hand) -> None:
    task = await hand.store(plan(step("k0", optional=True), step("k1", "k0")))
    await _fail(hand, task)
    await hand.turn(moves=_blocked(task, _id(task, "k1")))

    place = (_id(task, "k0"), task.id, "k0", "skip")
    skip = Move(*place, SubtaskStatus.FAILED, SubtaskStatus.SKIPPED, optional=True)
    back = Move(_id(task, "k1"), task.id, "k1", "unblock", SubtaskStatus.BLOCKED, SubtaskStatus.PENDING)
    result = await hand.turn(moves=[skip, back], claim={task.id: 9})

    assert [claim.key for claim in result.claims] == ["k1"]
    assert names(result.undecided) == []


async def test_what_ran_on_a_failure_is_not_touched_when_the_failure_is_taken_back(hand: Hand) -> None:
    task = await hand.store(plan(step("k0"), step("k1", "k0", run_if="all_settled")))
    await _fail(hand, task)
    await hand.turn(moves=[verdict(_id(task, "k1"), task.id, SubtaskStatus.READY)])
    retry = Move(_id(task, "k0"), task.id, "k0", "retry", SubtaskStatus.FAILED, SubtaskStatus.READY, fresh=1)
    again = (await hand.turn(moves=[retry], claim={task.id: 1})).claims[0]
    before = len(await hand.story(task))

    result = await hand.turn(hand.done(again))

    assert (await hand.story(task))[before:] == [f"{before + 1} k0 completed 2"]
    assert names(result.undecided) == []
    hand.planted = set(await breaches(hand.graph)) & {"started_early"}


async def test_every_given_id_has_an_entry_among_the_blockers(hand: Hand) -> None:
    task = await hand.store(plan(step("k0"), step("k1", "k0"), step("free")))
    await _fail(hand, task)

    found = await hand.graph.blockers([_id(task, "k1"), _id(task, "free")])

    assert found == {_id(task, "k1"): ["k0"], _id(task, "free"): []}
