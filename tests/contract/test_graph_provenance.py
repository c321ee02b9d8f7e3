"""The graph port: edges say again what attempts note, however often they are written, and lead from task to task."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.lineage import Made, Unlinked, Use
from engine.model import Finish, Json, NewResult, NewTask
from engine.payloads import pack
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Settle
from graph.neo4j.store import Neo4jGraph
from tests.support.graphs import EVERYTHING, Hand, breaches, execute
from tests.support.plans import chain, plan, step


def noted(settle: Settle, *consumed: str, **fields: Any) -> Settle:
    """The record of an attempt with what it was made from."""
    return msgspec.structs.replace(settle, version="1", consumed=consumed, **fields)


def made(settle: Settle, sure: bool = False) -> Made:
    """What an attempt has made, as the recorder hands it on."""
    assert settle.output_hash
    place = (settle.id, settle.token, settle.output_hash, settle.output_bytes, settle.output, settle.origin)
    return Made(*place, sure=sure)


async def pair(hand: Hand, output: Json = "", *, second: Json = "second") -> tuple[NewTask, Settle, Settle]:
    """A task of two subtasks, of which the second has used what the first one made: by default an output that no test
    has had before, for namespaces share their Results.
    """
    output = output or hand.namespace
    task = await hand.store(chain(2))
    claim = next(iter((await hand.claimed(task)).values()))
    one = noted(hand.done(claim, output))
    if one.output is None:
        body = pack(output).text
        await hand.graph.put_results([NewResult(one.output_hash or "", one.output_bytes, body, claim.id)])
    after = (await hand.turn(one, claim={task.id: EVERYTHING})).claims[0]
    two = noted(hand.done(after, second), one.id)
    await hand.turn(two)
    return task, one, two


async def finish(hand: Hand, task: NewTask) -> None:
    number = hand.numbers[task.id] + 1
    counts = {"completed": len(task.subtasks)}
    await hand.graph.finish([Finish(task.id, TaskStatus.COMPLETED, hand.now, 1, counts, number, None, None, None)])
    hand.numbers[task.id] = number


async def edges(hand: Hand) -> dict[str, int]:
    sizes = await hand.graph.sizes()
    return {name: sizes.get(name, 0) for name in ("PRODUCED", "CONSUMED", "KEEPS", "Result")}


async def test_attempts_note_what_they_were_made_from(hand: Hand) -> None:
    task, one, _ = await pair(hand)

    found = await hand.graph.subtask(task.id, task.subtasks[1].key)

    assert found is not None
    assert found[1][-1].consumed == (one.id,)
    assert found[1][-1].version == "1"


@pytest.mark.parametrize("sure", [True, False])
async def test_edges_are_written_once_however_often_they_are_asked_for(hand: Hand, sure: bool) -> None:
    _, one, two = await pair(hand)
    assert one.output_hash

    await hand.graph.link([made(one, sure)], [Use(two.id, two.token, one.output_hash, sure)])
    await hand.graph.link([made(one)], [Use(two.id, two.token, one.output_hash)])

    assert await edges(hand) == {"PRODUCED": 1, "CONSUMED": 1, "KEEPS": 1, "Result": 1}


async def test_an_edge_costs_the_same_however_many_a_result_has(neo4j_hand: Hand) -> None:
    _, one, two = await pair(neo4j_hand)
    await neo4j_hand.graph.link([made(one, sure=True)], [])
    alone = await link_hits(neo4j_hand, two, one)

    crowd = "MATCH (x:Result {hash: $hash}) UNWIND range(1, 500) AS n CREATE (x)<-[:CONSUMED]-(:Crowd)"
    await execute(neo4j_hand.graph, crowd, hash=one.output_hash)
    crowded = await link_hits(neo4j_hand, two, one)
    await execute(neo4j_hand.graph, "MATCH (n:Crowd) DETACH DELETE n")

    assert crowded == alone > 0


async def link_hits(hand: Hand, user: Settle, maker: Settle) -> int:
    """How often a sure edge asks the store for something while it is written; the least of three, for what others do
    on the server meanwhile may add to it.
    """
    return min([await link_hits_once(hand, user, maker) for _ in range(3)])


async def link_hits_once(hand: Hand, user: Settle, maker: Settle) -> int:
    """The same of one edge, which is taken away again."""
    assert isinstance(hand.graph, Neo4jGraph)
    statement = hand.graph._neo4j._statements["provenance/link"].text
    rows = {"made": [], "uses": [[user.id, user.token, maker.output_hash, True]]}
    async with hand.graph._neo4j._session("WRITE") as session:
        result = await session.run(f"PROFILE {statement}", namespace=hand.namespace, rows=rows)
        profile = (await result.consume()).profile
    await execute(hand.graph, "MATCH (:Attempt)-[e:CONSUMED]->(:Result {hash: $hash}) DELETE e", hash=maker.output_hash)
    return hits(profile)


def hits(operator: dict[str, Any]) -> int:
    """Of an operator of a plan and all below it."""
    return int(operator["args"].get("DbHits", 0)) + sum(map(hits, operator.get("children", [])))


async def test_the_result_of_a_small_output_is_stored_with_its_edge(hand: Hand) -> None:
    output = {"a": f"ü{hand.namespace}"}
    _, one, _ = await pair(hand, output)

    await hand.graph.link([made(one, sure=True)], [])

    assert await hand.graph.result_bodies([one.output_hash or ""]) == {one.output_hash: pack(output).text}


async def test_one_output_of_several_is_one_result(hand: Hand) -> None:
    _, one, two = await pair(hand, second=hand.namespace)

    await hand.graph.link([made(one, sure=True), made(two, sure=True)], [])

    assert await edges(hand) == {"PRODUCED": 2, "CONSUMED": 0, "KEEPS": 2, "Result": 1}


async def test_an_attempt_that_is_gone_keeps_no_other_from_its_result(hand: Hand) -> None:
    _, one, _ = await pair(hand)
    gone = msgspec.structs.replace(made(one, sure=True), id=f"{'0' * 26}.0000000")

    await hand.graph.link([gone, made(one, sure=True)], [])

    assert await edges(hand) == {"PRODUCED": 1, "CONSUMED": 0, "KEEPS": 1, "Result": 1}


async def test_a_large_output_that_is_gone_gets_no_edge(hand: Hand) -> None:
    _, one, two = await pair(hand)

    await hand.graph.link([Made(one.id, one.token, "f" * 64, 5000, None)], [Use(two.id, two.token, "f" * 64)])

    assert await edges(hand) == {"PRODUCED": 0, "CONSUMED": 0, "KEEPS": 0, "Result": 0}


async def test_what_has_no_edges_yet_is_found_until_it_has_them(hand: Hand) -> None:
    task, one, two = await pair(hand, hand.namespace * 300)
    missing = await hand.graph.unlinked(task.id, "", 10)

    assert missing == [
        Unlinked(one.id, one.token, (), made(one)),
        Unlinked(two.id, two.token, (one.id,), None),
    ]
    assert await hand.graph.unlinked(task.id, two.id, 10) == missing[1:]
    assert await hand.graph.unlinked(task.id, "", 1) == missing[:1]

    await hand.graph.link([made(one)], [Use(two.id, two.token, one.output_hash or "")])
    assert await hand.graph.unlinked(task.id, "", 10) == []


async def test_the_current_outputs_are_read(hand: Hand) -> None:
    task, one, two = await pair(hand)
    open_task = await hand.store(plan(step("a")))

    found = await hand.graph.made([one.id, two.id, open_task.subtasks[0].id, f"{task.id}.9999999"])

    assert sorted(found, key=lambda row: row.id) == [made(one), made(two)]


@pytest.mark.parametrize("times", [1, 40], ids=["one by one", "at once"])
async def test_edges_lead_on_to_who_used_a_result_and_to_who_took_it_over(hand: Hand, times: int) -> None:
    _, one, two = await pair(hand)
    other = await hand.store(plan(step("again")))
    claim = (await hand.claimed(other))["again"]
    hit = noted(hand.done(claim, hand.namespace), outcome="cached", origin=one.id)
    await hand.turn(hit)
    hash_ = one.output_hash or ""
    await hand.graph.link([made(one), made(hit)], [Use(two.id, two.token, hash_)])
    asked = [hash_, *(f"{n:064d}" for n in range(times))]

    users, takers = await hand.graph.users(asked), await hand.graph.takers(asked)

    assert [(row.id, row.hash, row.consumed) for row in users] == [(two.id, hash_, (one.id,))]
    assert [(row.id, row.hash, row.origin) for row in takers] == [(claim.id, hash_, one.id)]


async def test_attempts_are_found_by_what_they_gave_by_version_and_by_time(hand: Hand) -> None:
    _, one, two = await pair(hand)
    hand.now += 1000
    late = await hand.store(plan(step("late")))
    claim = (await hand.claimed(late))["late"]
    await hand.turn(msgspec.structs.replace(hand.done(claim, hand.namespace), version="2"))
    graph, end = hand.graph, two.finished_at + 1

    assert set(await graph.made_by(10, hash=one.output_hash or "")) == {one.id, claim.id}
    assert set(await graph.made_by(10, type="noop", version="1")) == {one.id, two.id}
    assert await graph.made_by(10, since=end) == [claim.id]
    assert set(await graph.made_by(10, until=end)) == {one.id, two.id}
    assert await graph.made_by(10, type="sleep") == []
    assert len(await graph.made_by(1)) == 1


async def test_subtasks_are_named_in_their_namespace_only(hand: Hand) -> None:
    task, one, _ = await pair(hand)
    (found,) = await hand.graph.named([one.id, "nobody"])
    assert (found.id, found.task_id, found.type, found.status) == (one.id, task.id, "noop", SubtaskStatus.COMPLETED)

    await execute(hand.graph, "MATCH (s:Subtask) WHERE s.id = $id SET s.namespace = 'elsewhere'", id=one.id)
    assert await hand.graph.named([one.id]) == []


@pytest.mark.parametrize("edge", ["PRODUCED", "CONSUMED"])
async def test_a_missing_edge_of_a_final_task_is_caught_and_repaired(hand: Hand, edge: str) -> None:
    task, one, two = await pair(hand, hand.namespace * 300)
    await hand.graph.link([made(one)], [Use(two.id, two.token, one.output_hash or "")])
    await finish(hand, task)
    assert await breaches(hand.graph) == {}

    await execute(hand.graph, f"MATCH (a:Attempt)-[e:{edge}]->(x:Result) DELETE e")

    rule = f"{edge.lower()}_unlinked"
    assert set(await breaches(hand.graph)) == {rule}
    assert await hand.graph.repair() == {rule: 1}
    assert await hand.graph.repair() == {}
    assert await edges(hand) == {"PRODUCED": 1, "CONSUMED": 1, "KEEPS": 1, "Result": 1}


async def test_an_open_task_may_still_be_without_its_edges(hand: Hand) -> None:
    await pair(hand, hand.namespace * 300)

    assert await breaches(hand.graph) == {}
