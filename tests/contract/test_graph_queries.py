"""The graph port: questions of people, what bounds them, and the saved ones; the same on both graphs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time

import pytest
from neo4j.exceptions import Neo4jError

from engine.errors import Busy, EngineError, InvalidInput, NotFound, TooCostly
from engine.model import Json
from engine.queries.asking import Bounds
from engine.queries.desk import AT_ONCE, WAITING, GraphDesk
from engine.queries.guard import guarded
from engine.queries.tokens import Refused
from graph.neo4j.store import Neo4jGraph
from tests.support.graphs import Hand, execute
from tests.support.plans import chain, diamond, independent

MANY = "MATCH (a:Subtask), (b:Subtask), (c:Subtask), (d:Subtask) "


@pytest.fixture
def desk(hand: Hand) -> GraphDesk:
    return GraphDesk(hand.graph, hand.namespace)


async def rows(desk: GraphDesk, cypher: str, **parameters: Json) -> list[list[Json]]:
    return (await desk.query(cypher, parameters)).rows


async def asked(desk: GraphDesk, name: str, **parameters: Json) -> list[dict[str, Json]]:
    table = await desk.run(name, parameters)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


async def test_nodes_edges_paths_and_values_come_as_json(hand: Hand, desk: GraphDesk) -> None:
    task = await hand.store(chain(2, name="é 'quoted'", tags=["a"]))
    text = "MATCH p = (s:Subtask)-[r:DEPENDS_ON]->(d:Subtask) WHERE d.id = $id RETURN s, r, p"
    table = await desk.query(text, {"id": task.subtasks[0].id})
    ((s, r, p),) = table.rows

    assert (table.columns, table.cut) == (["s", "r", "p"], "")
    assert (s["kind"], s["labels"], s["properties"]["key"]) == ("node", ["Subtask"], "k1")
    assert (r["kind"], r["type"], r["start"], r["properties"]) == ("relationship", "DEPENDS_ON", s["id"], {})
    assert [node["properties"]["key"] for node in p["nodes"]] == ["k1", "k0"]
    assert (p["kind"], p["nodes"][0], p["relationships"]) == ("path", s, [r])
    ((name, tags, values, nothing),) = await rows(
        desk, "MATCH (t:Task {id: $id}) RETURN t.name, t.tags, [1.5, 2.5], t.error", id=task.id
    )
    assert (name, tags, values, nothing) == ("é 'quoted'", ["a"], [1.5, 2.5], None)
    assert await rows(desk, "RETURN date('2026-11-21') AS day, 0.0 / 0.0 AS nan, 1 AS one") == [
        ["2026-11-21", "nan", 1]
    ]


async def test_what_is_asked_sees_the_whole_database(hand: Hand, desk: GraphDesk) -> None:
    await hand.store(independent(1))
    elsewhere = GraphDesk(hand.graph, "another")

    counted = "MATCH (t:Task) WHERE t.namespace = $namespace RETURN count(*)"
    assert await rows(elsewhere, counted, namespace=hand.namespace) == [[1]]
    assert await asked(elsewhere, "tasks_by_owner") == []
    assert [row["tasks"] for row in await asked(desk, "tasks_by_owner")] == [1]


async def test_rows_and_bytes_are_cut_and_said_to_be(hand: Hand) -> None:
    await hand.store(independent(30))
    text = "MATCH (s:Subtask) WHERE s.namespace = $n RETURN s.key AS key, $filler AS filler"
    given = {"n": hand.namespace, "filler": "x" * 100}

    few = await GraphDesk(hand.graph, "", Bounds(rows=7)).query(text, given)
    small = await GraphDesk(hand.graph, "", Bounds(bytes=1_000)).query(text, given)
    all_ = await GraphDesk(hand.graph, "", Bounds(rows=30)).query(text, given)
    assert (len(few.rows), few.cut[:21]) == (7, "only the first 7 rows")
    assert (len(small.rows), "1,000 bytes" in small.cut) == (9, True)
    assert (len(all_.rows), all_.cut) == (30, "")


async def test_a_query_that_does_not_end_is_ended_and_the_turns_go_on(hand: Hand) -> None:
    await hand.store(independent(300))
    desk = GraphDesk(hand.graph, "", Bounds(seconds=0.3))

    with pytest.raises(TooCostly, match=r"did not end within 0\.3 s"):
        await desk.query(MANY + "WHERE a.position + b.position + c.position + d.position = -1 RETURN count(*)", {})
    assert await rows(desk, "RETURN 1") == [[1]]
    assert await hand.run_through(await hand.store(chain(3))) == 3


@pytest.mark.parametrize(
    "cypher",
    ["RETURN $x.y.z AND", "MATCH (n:Task) RETURN m", "RETURN unknown(1)", "MATCH (n) WITH n"],
)
async def test_what_the_database_finds_fault_with_is_told_with_its_words(desk: GraphDesk, cypher: str) -> None:
    with pytest.raises(InvalidInput, match=r"/cypher: the database says: ."):
        await desk.query(cypher, {"x": 1} if "$x" in cypher else {})
    assert await rows(desk, "RETURN 1") == [[1]]


RUNAWAYS = {
    "product": MANY + "WHERE a.key + b.key + c.key + d.key = '' RETURN count(*)",
    "sorted product": MANY + "RETURN a.id, b.id, c.id, d.id ORDER BY a.key, b.key, c.key, d.key",
    "gathered product": MANY + "RETURN collect(a.id + b.id + c.id + d.id)",
    "distinct product": MANY + "RETURN DISTINCT a.id + b.id + c.id + d.id",
    "paths": "MATCH p = (a)-[*1..30]-(b) RETURN count(p)",
    "lists in lists": "".join(f"UNWIND [1, 2, 3, 4, 5, 6, 7, 8, 9] AS a{n} " for n in range(12))
    + "RETURN count(DISTINCT a0 + a1 * a2 + a3 * a4 * a5 + a6 * a7 + a8 * a9 * a10 * a11)",
}
REFUSED = {
    "doubling": "WITH 'abcdefgh' AS s " + "WITH s + s AS s " * 30 + "RETURN size(s)",
    "cases": "RETURN " + "CASE WHEN true THEN " * 24 + "1" + " END" * 24,
    "nots": "RETURN " + "NOT " * 12_000 + "true",
    "subqueries": "MATCH (n) WHERE " + "EXISTS { MATCH (m) WHERE " * 48 + "true" + "}" * 48 + " RETURN 1",
    "sums": "RETURN " + "1 + " * 12_000 + "1",
}


async def test_what_would_never_end_is_ended_or_refused_and_the_engine_goes_on(hand: Hand) -> None:
    await hand.store(independent(300))
    await hand.store(diamond(30))
    desk, late = GraphDesk(hand.graph, "", Bounds(seconds=0.5)), 0.0

    async def looks() -> None:
        nonlocal late
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late = max(late, time.monotonic() - before)

    looking = asyncio.ensure_future(looks())
    for name, text in RUNAWAYS.items():
        started = time.monotonic()
        with contextlib.suppress(TooCostly):
            table = await desk.query(text, {})
            assert table.cut or len(table.rows) <= 1, name
        assert time.monotonic() - started < 10, name
    for name, text in REFUSED.items():
        with pytest.raises(InvalidInput, match="/cypher: line"):
            await desk.query(text, {})
        assert name
    looking.cancel()
    assert late < 2, "the event loop stood still"
    with pytest.raises(InvalidInput, match="/parameters: have more than 1,048,576 bytes"):
        await desk.query("RETURN size($x)", {"x": "x" * 2**20})
    assert await rows(desk, "RETURN 1") == [[1]]
    assert await hand.run_through(await hand.store(chain(3))) == 3


async def test_the_database_refuses_writes_by_itself(hand: Hand, desk: GraphDesk) -> None:
    """What the guard would let through by a mistake meets a transaction that only reads."""
    task = await hand.store(independent(1))
    for text in (
        "MATCH (t:Task) SET t.name = 'changed'",
        "MATCH (t:Task) DETACH DELETE t",
        "CREATE (:Engine {id: 'x'})",
    ):
        with pytest.raises(InvalidInput):
            await hand.graph.ask(text, {}, Bounds())
    kept = await hand.graph.task(task.id)
    assert kept is not None and kept.name != "changed"


async def test_parameters_are_those_that_the_query_names(desk: GraphDesk) -> None:
    with pytest.raises(InvalidInput) as found:
        await desk.query("RETURN $a, $b, $c", {"b": 1, "c": 2**63, "d": 1})
    assert [fault.pointer for fault in found.value.faults] == ["/parameters/a", "/parameters/d", "/parameters/c"]
    assert await rows(desk, "RETURN $a AS a, $b AS b", a=2**63 - 1, b=["x"]) == [[2**63 - 1, ["x"]]]


@pytest.mark.parametrize(
    "value", [None, {"": {}}, [None, 1, "a"], {"a": [1, {"b": None}]}, [[]], {}, 1e300, "\0", "\U0001f600", {"a b`": 1}]
)
async def test_any_parameter_gets_an_answer_or_is_found_fault_with(desk: GraphDesk, value: Json) -> None:
    try:
        assert len(await rows(desk, "RETURN $x AS x", x=value)) == 1
    except InvalidInput as error:
        assert [fault.pointer for fault in error.faults] == ["/cypher"]
    assert await rows(desk, "RETURN 1") == [[1]]


async def test_only_so_many_wait(hand: Hand) -> None:
    desk = GraphDesk(hand.graph, "", Bounds(seconds=5))
    async with desk._place(), desk._place():
        desk._waiting = WAITING
        with pytest.raises(Busy, match=rf"{AT_ONCE} queries run and {WAITING} wait"):
            await desk.query("RETURN 1", {})
        desk._waiting = 0
    assert await rows(desk, "RETURN 1") == [[1]]


# --- saved queries ---------------------------------------------------------------------------------------------------


async def test_the_frontier_and_who_owns_what(hand: Hand, desk: GraphDesk) -> None:
    one, two = await hand.store(diamond(3, user_id="ann")), await hand.store(independent(2, user_id="bob"))
    await hand.run_through(await hand.store(independent(1, user_id="bob")))

    assert [(row["task"], row["key"]) for row in await asked(desk, "ready_frontier")] == [
        (one.id, "top"),
        (two.id, "k0"),
        (two.id, "k1"),
    ]
    assert [row["key"] for row in await asked(desk, "ready_frontier", task=two.id, limit=1)] == ["k0"]
    owners = [(row["user_id"], row["tasks"], row["open"]) for row in await asked(desk, "tasks_by_owner")]
    assert owners == [("bob", 2, 2), ("ann", 1, 1)]
    assert len(await asked(desk, "tasks_by_owner", user_id="ann")) == 1


async def test_the_critical_path_and_the_blast_radius(hand: Hand, desk: GraphDesk) -> None:
    task = await hand.store(diamond(3))
    await hand.run_through(task)
    times = {"top": (0, 10), "m0": (10, 20), "m1": (10, 50), "m2": (10, 30), "end": (50, 60)}
    for key, (start, end) in times.items():
        text = "MATCH (s:Subtask) WHERE s.id = $id SET s.started_at = $first, s.completed_at = $last"
        (id_,) = (subtask.id for subtask in task.subtasks if subtask.key == key)
        await execute(hand.graph, text, id=id_, first=1000 * start, last=1000 * end)

    path = await asked(desk, "critical_path", task=task.id)
    assert [(row["key"], row["seconds"], row["after"]) for row in path] == [
        ("top", 10.0, None),
        ("m1", 40.0, "top"),
        ("end", 10.0, "m1"),
    ]
    assert [row["key"] for row in await asked(desk, "blast_radius", task=task.id, key="m1")] == ["end"]
    assert [row["key"] for row in await asked(desk, "blast_radius", task=task.id, key="top")] == [
        *("m0", "m1", "m2", "end")
    ]
    assert (
        await asked(desk, "critical_path", task="nope") == await asked(desk, "blast_radius", task="nope", key="") == []
    )


async def test_the_blast_radius_of_a_long_chain_is_whole(hand: Hand, desk: GraphDesk) -> None:
    task = await hand.store(chain(120))
    assert len(await asked(desk, "blast_radius", task=task.id, key="k0")) == 119


async def test_what_failed_and_what_was_slow(hand: Hand, desk: GraphDesk) -> None:
    task = await hand.store(independent(3))
    claims = await hand.claimed(task)
    claimed = list(claims.values())
    await hand.turn(hand.failed(claimed[0], 'no "such" file'), hand.failed(claimed[1], 'no "such" file'))
    await hand.turn(hand.done(claimed[2]))

    (cause,) = await asked(desk, "failure_causes")
    assert (cause["type"], cause["category"], cause["subtasks"], cause["tasks"]) == ("noop", "logic", 2, 1)
    assert (cause["message"], cause["example"]) == ('no \\"such\\" file', task.id)
    (kind,) = await asked(desk, "slowest_kinds", limit=1)
    assert (kind["type"], kind["attempts"], kind["mean_seconds"]) == ("noop", 1, 0.0)
    assert await asked(desk, "slowest_kinds", first="Z") == await asked(desk, "failure_causes", first="Z") == []


async def test_unknown_names_and_parameters_are_told_what_there_is(desk: GraphDesk) -> None:
    with pytest.raises(NotFound, match="there are blast_radius, critical_path, failure_causes, provenance"):
        await desk.run("nope", {})
    with pytest.raises(InvalidInput, match="blast_radius; it has key, task") as found:
        await desk.run("blast_radius", {"task": 3, "tusk": "x"})
    assert [fault.pointer for fault in found.value.faults] == [
        "/parameters/key",
        "/parameters/task",
        "/parameters/tusk",
    ]


# --- what the guard and the databases agree on ----------------------------------------------------------------------

READS = [
    "MATCH (s:Subtask)-[r:DEPENDS_ON]->(d:Subtask) WHERE s.key = 'a' RETURN s, count(d) AS n ORDER BY n DESC LIMIT 3",
    "MATCH (t:Task {id: 'x'}) WITH t, 1 AS one WHERE one > 0 RETURN t.name AS name UNION RETURN 'y' AS name",
    "UNWIND [1, 2] AS x RETURN CASE WHEN x = 1 THEN 'a' ELSE 'b' END AS y // nothing",
    "MATCH (t:Task) WHERE EXISTS { MATCH (t)-[:HAS_SUBTASK]->(:Subtask) } RETURN t.`name` AS n /* x */",
]
INSERTED = [
    "CREATE (:Engine {id: 'planted'})",
    "CALL { CREATE (:Engine {id: 'planted'}) }",
    "FOREACH (x IN [1] | CREATE (:Engine))",
    "COPY Task TO 'x.csv'",
    *["SET t.name = 'x'", "DETACH DELETE t", "DELETE (t)", "MERGE (t)", "REMOVE t.name", "WITH *", "RETURN 1", "UNION"],
    *["AS", ";", "'", '"', "`", "//", "/*", "*/", "\\", "(", ")", "{", "}", "+", "*", ".", ":", "|", "!", "CHECKPOINT"],
    "\n",
    "\r",
]


def mutated(number: int) -> list[str]:
    """Reading queries with something written into them that the guard lets through all the same."""
    chance, found = random.Random(7), []
    for _ in range(number):
        text = chance.choice(READS)
        for _ in range(chance.randint(1, 3)):
            at = chance.choice([place.start() for place in re.finditer(r"\b|\W", text)])
            text = f"{text[:at]} {chance.choice(INSERTED)} {text[at:]}"
        with contextlib.suppress(Refused):
            found.append(guarded(text).text)
    return found


async def test_what_the_guard_lets_through_writes_nothing_even_where_it_might(hand: Hand) -> None:
    """In a transaction that may write; on Neo4j the server says of each whether it would."""
    await hand.store(chain(2))
    before = await hand.graph.sizes()
    texts, understood = mutated(3_000), 0
    for text in texts:
        kind = ""
        with contextlib.suppress(Neo4jError, RuntimeError, EngineError):
            if isinstance(hand.graph, Neo4jGraph):
                async with hand.graph._neo4j._session("WRITE") as session:
                    kind = (await (await session.run(f"EXPLAIN {text}")).consume()).query_type
            else:
                await execute(hand.graph, text)
                kind = "r"
        assert kind in ("", "r"), text
        understood += kind == "r"
    assert len(texts) > 50
    assert understood > 20
    assert await hand.graph.sizes() == before
