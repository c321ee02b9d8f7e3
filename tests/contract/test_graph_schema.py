"""The graph port: opening. The schema is applied once, also by several at the same time; what cannot be is refused."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import GraphLocked, GraphRefused, GraphUnavailable
from engine.ports import Graph
from graph import catalog
from graph.ladybug import schema as embedded_schema
from graph.ladybug.store import LadybugGraph
from graph.neo4j import schema as neo4j_schema
from graph.neo4j.connection import refuse_old
from graph.neo4j.store import Neo4jGraph
from graph.server.ports import free_port
from tests.support.graphs import BUFFER_MB, Hand, execute
from tests.support.plans import fresh_id, independent
from tests.support.services import LocalNeo4j

RESTORE = f"MATCH (x:Schema) SET x.version = {neo4j_schema.VERSION}, x.oldest = {neo4j_schema.OLDEST}"
HOLDER = """
import asyncio, sys
from pathlib import Path
from graph.ladybug.store import LadybugGraph
async def hold():
    graph = LadybugGraph(Path(sys.argv[1]), "holder", 64)
    await graph.open()
    print("held", flush=True)
    sys.stdin.read()
asyncio.run(hold())
"""


async def test_opening_again_finds_everything(hand: Hand) -> None:
    task = await hand.store(independent(3))
    await hand.claimed(task, 1)
    before = await hand.statuses(task)
    await hand.graph.close()

    again = _another(hand.graph)
    await again.open()
    try:
        rows = await again.subtasks(task.id, status=None, after="", limit=9)
        assert {row.key: row.status.value for row in rows} == before
    finally:
        await again.close()
        await _reopen(hand)


async def test_a_graph_says_where_it_is(hand: Hand) -> None:
    assert hand.graph.kind in ("neo4j", "embedded")
    assert hand.graph.location.startswith("bolt://") or hand.graph.location.endswith("graph.lbug")
    await hand.graph.ping()


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    graph = LadybugGraph(tmp_path, "n", BUFFER_MB)
    await graph.open()
    await execute(graph, "MATCH (x:Schema) SET x.version = 99")
    await graph.close()

    with pytest.raises(GraphRefused, match=f"schema version 99, this engine knows {embedded_schema.VERSION}"):
        await LadybugGraph(tmp_path, "n", BUFFER_MB).open()


async def test_a_newer_schema_is_refused_on_neo4j(own_neo4j: LocalNeo4j) -> None:
    graph = _own(own_neo4j)
    await graph.open()
    try:
        await execute(graph, "MATCH (x:Schema) SET x.version = 99, x.oldest = 99")
        with pytest.raises(GraphRefused, match=f"schema version 99, this engine knows {neo4j_schema.VERSION}"):
            await _own(own_neo4j).open()
        assert await execute(graph, "MATCH (x:Schema) RETURN x.version AS v") == [{"v": 99}]
    finally:
        await execute(graph, RESTORE)
        await graph.close()


async def test_a_newer_schema_that_says_it_may_be_worked_with_is_no_hindrance(own_neo4j: LocalNeo4j) -> None:
    """As in an update that is rolled out engine by engine: one of the old release that starts again goes on."""
    newer = _own(own_neo4j)
    await newer.open()
    await execute(newer, f"MATCH (x:Schema) SET x.version = 99, x.oldest = {neo4j_schema.VERSION}")
    older = _own(own_neo4j)
    try:
        await older.open()
        await older.register(fresh_id(), 1)
        await older.close()
        assert await execute(newer, "MATCH (x:Schema) RETURN x.version AS v") == [{"v": 99}], "it stays as it is"
    finally:
        await execute(newer, RESTORE)
        await newer.close()


async def test_a_schema_that_older_engines_could_not_bear_waits_until_they_have_stopped(own_neo4j: LocalNeo4j) -> None:
    older, newer = _own(own_neo4j), _own(own_neo4j)
    await older.open()
    await execute(older, "MATCH (e:Engine) DETACH DELETE e")
    await execute(older, "MATCH (x:Schema) SET x.version = 1, x.oldest = 1")
    engine = fresh_id()
    try:
        await older.register(engine, 1)
        with pytest.raises(GraphRefused, match=rf"older release \(schema 1\) work on this graph.*stop them.*{engine}"):
            await newer.open()
        await older.leave()
        await newer.open()
        found = await execute(older, "MATCH (x:Schema) RETURN x.version AS v, x.oldest AS o")
        assert found == [{"v": neo4j_schema.VERSION, "o": neo4j_schema.OLDEST}]
    finally:
        await execute(older, RESTORE)
        await older.close()
        await newer.close()


async def test_a_file_of_an_older_version_gets_what_is_new(tmp_path: Path) -> None:
    graph = LadybugGraph(tmp_path, "n", BUFFER_MB)
    await graph.open()
    await execute(graph, "DROP TABLE PlanTemplate")
    await execute(graph, "DROP TABLE Callback")
    for column in (new := {"memory_bytes", "cpu_seconds", "saved_seconds", "saved_cost"}):
        await execute(graph, f"ALTER TABLE Attempt DROP {column}")
    await execute(graph, "MATCH (x:Schema) SET x.version = 1")
    await graph.close()

    again = LadybugGraph(tmp_path, "n", BUFFER_MB)
    await again.open()
    try:
        assert (await again.learned_plans(1), await again.callbacks("T")) == ([], None)
        assert new <= {row["name"] for row in await execute(again, "CALL table_info('Attempt') RETURN name")}
        assert await execute(again, "MATCH (x:Schema) RETURN x.version AS v") == [{"v": embedded_schema.VERSION}]
    finally:
        await again.close()


async def test_several_engines_apply_the_schema_at_the_same_time(own_neo4j: LocalNeo4j) -> None:
    first = _own(own_neo4j)
    await first.open()
    for row in await execute(first, "SHOW CONSTRAINTS YIELD name RETURN name"):
        await execute(first, f"DROP CONSTRAINT {row['name']}")
    for row in await execute(first, "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"):
        await execute(first, f"DROP INDEX {row['name']}")
    await execute(first, "MATCH (x:Schema) DELETE x")
    graphs = [_own(own_neo4j) for _ in range(8)]

    try:
        await asyncio.gather(*(graph.open() for graph in graphs))

        await asyncio.gather(*(graph.register(fresh_id(), 1) for graph in graphs))
        assert await execute(first, "MATCH (x:Schema) RETURN x.version AS v") == [{"v": neo4j_schema.VERSION}]
        indexes = await execute(first, "SHOW INDEXES YIELD type WHERE type <> 'LOOKUP' RETURN count(*) AS n")
        numbered = [one for one in catalog.folder("neo4j", "schema") if one.name.removeprefix("schema/")[0].isdigit()]
        assert indexes[0]["n"] == len(numbered)
    finally:
        await asyncio.gather(*(graph.close() for graph in (first, *graphs)))


async def test_a_file_that_another_process_holds_is_refused_with_its_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        with pytest.raises(GraphLocked, match=rf"graph\.lbug is held by .*{holder.pid}.*agent03 submit"):
            await LadybugGraph(tmp_path, "n", BUFFER_MB).open()
        holder.communicate()

    graph = LadybugGraph(tmp_path, "n", BUFFER_MB)
    await graph.open()
    await graph.close()


async def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.lbug").write_bytes(b"something else" * 1_000)

    with pytest.raises(GraphUnavailable, match=r"graph\.lbug cannot be opened"):
        await LadybugGraph(tmp_path, "n", BUFFER_MB).open()


@pytest.mark.parametrize(
    ("agent", "refused"),
    [
        *[(f"Neo4j/{version}", True) for version in ("4.4.38", "5.0.0", "5.25.1")],
        *[(f"Neo4j/{version}", False) for version in ("5.26.0", "5.26.14", "5.27.0-drop", "2025.06.2", "2026.1")],
        *[(agent, False) for agent in ("Neo4j/dev", "Memgraph/3.1", "")],
    ],
)
def test_a_server_that_is_too_old_is_refused_by_what_it_calls_itself(agent: str, refused: bool) -> None:
    with pytest.raises(GraphRefused, match=r"needs 5\.26") if refused else contextlib.nullcontext():
        refuse_old(agent, "bolt://x")


async def test_nobody_at_the_address_is_one_clear_line() -> None:
    graph = Neo4jGraph(f"bolt://127.0.0.1:{free_port()}", ("neo4j", "password"), "n", 0.5)
    begun = time.monotonic()

    with pytest.raises(GraphUnavailable, match=r"no Neo4j answers at bolt://.*tried for 0\.5 s.*agent03 neo4j start"):
        await graph.open()

    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("url", ["http://127.0.0.1:7687", "nonsense", "bolt://"])
async def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises((GraphRefused, GraphUnavailable), match=r"NEO4J_URL"):
        await Neo4jGraph(url, ("neo4j", "password"), "n", 0.2).open()


async def test_a_wrong_password_is_refused_and_not_shown(own_neo4j: LocalNeo4j) -> None:
    server = own_neo4j.start()

    with pytest.raises(GraphRefused, match=r"refused the login: correct NEO4J_AUTH") as refused:
        await Neo4jGraph(server.url, ("neo4j", "wrong-password"), "n", 5).open()

    assert "wrong-password" not in str(refused.value)


def _own(own: LocalNeo4j) -> Neo4jGraph:
    server = own.start()
    return Neo4jGraph(server.url, (server.user, server.password), "own")


def _another(graph: Graph) -> Graph:
    if isinstance(graph, Neo4jGraph):
        return Neo4jGraph(graph.location, graph._neo4j._login, graph._namespace)
    return LadybugGraph(Path(graph.location).parent, graph._namespace, BUFFER_MB)  # type: ignore[attr-defined]


async def _reopen(hand: Hand) -> None:
    """For the look at the invariants at the end."""
    hand.graph = _another(hand.graph)
    await hand.graph.open()
