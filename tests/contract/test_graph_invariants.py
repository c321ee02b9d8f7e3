"""The graph port: every invariant lets a sound graph through and catches a breach that is planted beside the port."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.model import Finish, NewTask
from engine.plan.items import items
from engine.plan.spec import Spec
from engine.states import TaskStatus
from graph import catalog
from tests.support.graphs import KINDS, Hand, breaches, execute
from tests.support.plans import diamond, plan, step


@dataclass(frozen=True)
class Breach:
    """One way to break a rule: a statement on a task that is half done, or one that has ended."""

    rule: str
    statement: str
    ended: bool = False
    also: frozenset[str] = frozenset()
    """Other rules that cannot but be broken with it."""


_END = "MATCH (s:Subtask) WHERE s.task_id = $task AND s.key = 'end' "
_TOP = "MATCH (s:Subtask) WHERE s.task_id = $task AND s.key = 'top' "
_TASK = "MATCH (t:Task) WHERE t.id = $task "
_ATTEMPT = f"{_TOP} MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt) "
_EVENT = "MATCH (v:Event) WHERE v.task_id = $task "
_RESULT = "CREATE (:Result {hash: $task, namespace: s.namespace, bytes: 1, body: 'x'})"

BREACHES = [
    Breach("attempt_gap", f"{_TOP} SET s.token = 5", also=frozenset({"completed_once"})),
    Breach("attempt_gap", f"{_ATTEMPT} DETACH DELETE a", also=frozenset({"completed_once"})),
    Breach("completed_once", f"{_ATTEMPT} SET a.outcome = 'failed'"),
    Breach("end_unrecorded", f"{_EVENT} AND v.first = $last DELETE v", ended=True),
    Breach("event_gap", f"{_EVENT} AND v.first = 2 DELETE v"),
    Breach("event_gap", f"{_EVENT} AND v.first = 2 SET v.last = 3"),
    Breach("event_gap", f"{_EVENT} AND v.first = 1 SET v.first = 0"),
    Breach("final_task_open_subtask", f"{_END} SET s.status = 'retrying'", ended=True),
    Breach(
        "join_gap",
        f"{_END} MATCH (s)-[r:DEPENDS_ON]->(i:Subtask) WHERE i.key = 'm[1]' DELETE r",
        also=frozenset({"unmet_counter"}),
    ),
    Breach("result_missing", f"{_ATTEMPT} SET a.output = NULL, a.output_hash = 'gone'"),
    Breach("result_orphan", f"{_TOP} {_RESULT}"),
    Breach(
        "result_unkept",
        f"{_ATTEMPT} SET a.output = NULL, a.output_hash = $task {_RESULT}",
        also=frozenset({"result_orphan"}),
    ),
    Breach("running_unowned", f"{_TASK} SET t.open_owner = NULL", also=frozenset({"task_owner"})),
    Breach("started_early", f"{_TOP} SET s.completed_at = s.completed_at + 60000"),
    Breach("stray_edge", f"{_END} SET s.task_id = 'another'"),
    Breach("stray_subtask", f"{_TASK} SET t.stored = false"),
    Breach("subtask_count", f"{_TASK} SET t.subtasks_count = 1", ended=True),
    Breach("task_owner", f"{_TASK} SET t.open_owner = 'somebody'", ended=True),
    Breach("unmet_counter", f"{_END} SET s.unmet = s.unmet - 1"),
    Breach("unmet_counter", f"{_END} SET s.bad = 1"),
]


async def half_done(hand: Hand) -> NewTask:
    """``top`` completed, ``m`` completed with three items of which one runs, ``end`` pending."""
    task = await hand.store(plan(step("top"), step("m", "top", map={"over": []}), step("end", "m")))
    top = (await hand.claimed(task))["top"]
    mapped = (await hand.turn(hand.done(top), claim={task.id: 1})).claims[0]
    await hand.graph.expand(mapped, items(Spec.decode(mapped.spec), mapped.id, "m", "noop", [1, 2, 3]))
    await hand.turn(hand.done(mapped), claim={task.id: 1})
    return task


async def ended(hand: Hand) -> NewTask:
    task = await hand.store(diamond(2))
    await hand.run_through(task)
    number = hand.numbers[task.id] + 1
    end = Finish(task.id, TaskStatus.COMPLETED, hand.now, 1, {"completed": 4}, number, None, None, None)
    await hand.graph.finish([end])
    hand.numbers[task.id] = number
    return task


async def test_a_sound_graph_breaks_no_rule(hand: Hand) -> None:
    await half_done(hand)
    await ended(hand)

    found = await hand.graph.invariants()

    assert all(rows == [] for rows in found.values())
    assert len(found) >= 16


@pytest.mark.parametrize("breach", BREACHES, ids=[f"{breach.rule}-{n}" for n, breach in enumerate(BREACHES)])
async def test_a_breach_is_caught(hand: Hand, breach: Breach) -> None:
    task = await (ended(hand) if breach.ended else half_done(hand))
    parameters = {"task": task.id} | ({"last": hand.numbers[task.id]} if "$last" in breach.statement else {})

    await execute(hand.graph, breach.statement, **parameters)

    assert set(await breaches(hand.graph)) == {breach.rule} | breach.also
    hand.planted |= {breach.rule} | breach.also


async def test_an_attempt_that_is_recorded_twice_is_caught(hand: Hand) -> None:
    task = await half_done(hand)
    key = "id: s.id + '#again', " if hand.graph.kind == "embedded" else ""
    text = f"{_TOP} CREATE (s)-[:HAS_ATTEMPT]->(:Attempt {{{key}token: 1, outcome: 'failed', output: 'x'}})"

    await execute(hand.graph, text, task=task.id)

    assert set(await breaches(hand.graph)) == {"settled_twice", "attempt_gap"}
    hand.planted |= {"settled_twice", "attempt_gap"}


@pytest.mark.parametrize("wrong", ["s.ready_key = NULL", "s.hold_key = 'held'"], ids=["lost", "held"])
async def test_a_ready_key_that_does_not_fit_is_caught(neo4j_hand: Hand, wrong: str) -> None:
    task = await half_done(neo4j_hand)
    whose = "m[1]" if "NULL" in wrong else "top"

    text = f"MATCH (s:Subtask) WHERE s.task_id = $task AND s.key = $key SET {wrong}"
    await execute(neo4j_hand.graph, text, task=task.id, key=whose)

    assert set(await breaches(neo4j_hand.graph)) == {"ready_key"}
    neo4j_hand.planted.add("ready_key")


def test_every_rule_has_a_breach_here() -> None:
    elsewhere = {"settled_twice", "ready_key", "consumed_unlinked", "produced_unlinked"}
    rules = {
        statement.name.removeprefix("invariant/")
        for kind in KINDS
        for statement in catalog.folder("ladybug" if kind == "embedded" else kind, "invariant")
    }

    assert {breach.rule for breach in BREACHES} | elsewhere == rules


async def test_breaches_of_another_namespace_are_not_reported(hand: Hand) -> None:
    task = await half_done(hand)
    text = "MATCH (t:Task) WHERE t.id = $task SET t.namespace = 'elsewhere', t.stored = false"

    await execute(hand.graph, text, task=task.id)

    assert await breaches(hand.graph) == {}
