"""The graph port: what breaks a rule is repaired where it is certain what is right, and left alone elsewhere."""

from __future__ import annotations

import pytest

from graph import catalog
from graph.repair import ORDER, RELINKED
from tests.contract.test_graph_invariants import BREACHES, Breach, ended, half_done
from tests.support.graphs import EVERYTHING, KINDS, Hand, breaches, execute

REPAIRED = {name: name for name in (*ORDER, *RELINKED)} | {"running_unowned": "task_owner"}
"""By rule the repair that mends it."""
UNREPAIRED = {
    "attempt_gap",
    "completed_once",
    "end_unrecorded",
    "event_gap",
    "result_missing",
    "settled_twice",
    "started_early",
    "stray_edge",
}
"""Rules about what has happened: nobody knows what is missing."""

MENDED = [breach for breach in BREACHES if breach.rule in REPAIRED]
LEFT = [breach for breach in BREACHES if breach.rule in UNREPAIRED]


async def broken(hand: Hand, breach: Breach) -> None:
    """A graph in which the rule is broken."""
    task = await (ended(hand) if breach.ended else half_done(hand))
    parameters = {"task": task.id} | ({"last": hand.numbers[task.id]} if "$last" in breach.statement else {})
    await execute(hand.graph, breach.statement, **parameters)
    assert breach.rule in await breaches(hand.graph)


@pytest.mark.parametrize("breach", MENDED, ids=[f"{breach.rule}-{n}" for n, breach in enumerate(MENDED)])
async def test_what_is_certain_is_repaired(hand: Hand, breach: Breach) -> None:
    await broken(hand, breach)

    done = await hand.graph.repair()

    assert REPAIRED[breach.rule] in done
    assert await breaches(hand.graph) == {}
    assert await hand.graph.repair() == {}


@pytest.mark.parametrize("breach", LEFT, ids=[f"{breach.rule}-{n}" for n, breach in enumerate(LEFT)])
async def test_history_is_left_alone(hand: Hand, breach: Breach) -> None:
    await broken(hand, breach)
    before = await breaches(hand.graph)

    assert await hand.graph.repair() == {}

    assert await breaches(hand.graph) == before
    hand.planted |= set(before)


@pytest.mark.parametrize("wrong", ["s.ready_key = NULL", "s.hold_key = 'held'"], ids=["lost", "held"])
async def test_a_ready_key_that_does_not_fit_is_repaired(neo4j_hand: Hand, wrong: str) -> None:
    task = await half_done(neo4j_hand)
    text = f"MATCH (s:Subtask) WHERE s.task_id = $task AND s.key = $key SET {wrong}"
    await execute(neo4j_hand.graph, text, task=task.id, key="m[1]" if "NULL" in wrong else "top")

    assert await neo4j_hand.graph.repair() == {"ready_key": 1}

    claims = await neo4j_hand.claimed(task)
    assert set(claims) == {"m[1]", "m[2]"}


async def test_a_task_goes_on_after_its_counters_were_repaired(hand: Hand) -> None:
    task = await half_done(hand)
    await execute(
        hand.graph, "MATCH (s:Subtask) WHERE s.task_id = $task SET s.unmet = s.unmet + 3, s.bad = 2", task=task.id
    )

    assert (await hand.graph.repair()).keys() == {"unmet_counter"}

    running = (await hand.graph.processing(task.id))[0]
    claims = await hand.claimed(task, EVERYTHING)
    from_before = [claim for claim in claims.values() if claim.id != running.id]
    done = await hand.turn(*map(hand.done, from_before), claim={task.id: EVERYTHING})
    assert done.claims == []
    assert set(await breaches(hand.graph)) == set()


async def test_a_half_written_task_is_for_the_next_removal(hand: Hand) -> None:
    task = await half_done(hand)
    await execute(hand.graph, "MATCH (t:Task) WHERE t.id = $task SET t.stored = false", task=task.id)

    assert await hand.graph.repair() == {"stray_subtask": 1}

    assert await hand.graph.removals() == [task.id]


async def test_an_engine_that_works_is_named(neo4j_hand: Hand) -> None:
    assert await neo4j_hand.graph.alive(60_000) == [neo4j_hand.engine]

    await neo4j_hand.graph.leave()

    assert await neo4j_hand.graph.alive(60_000) == []


async def test_one_that_gave_no_sign_of_life_for_long_is_not(neo4j_hand: Hand) -> None:
    text = "MATCH (e:Engine {id: $id}) SET e.heartbeat_at = e.heartbeat_at - 60000"
    await execute(neo4j_hand.graph, text, id=neo4j_hand.engine)

    assert await neo4j_hand.graph.alive(15_000) == []


def test_every_rule_is_repaired_or_known_not_to_be() -> None:
    rules, repairs = (
        {
            statement.name.partition("/")[2]
            for kind in KINDS
            for statement in catalog.folder("ladybug" if kind == "embedded" else kind, subject)
        }
        for subject in ("invariant", "repair")
    )

    assert set(REPAIRED) | UNREPAIRED == rules
    assert repairs == set(ORDER)
