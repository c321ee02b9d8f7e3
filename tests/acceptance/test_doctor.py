"""``agent03 doctor`` on graphs that were broken by hand: it says what is wrong, and repairs what is certain."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.ports import Graph
from graph.ladybug.store import LadybugGraph
from tests.acceptance.test_cli import GOOD, SECONDS, Cli, cli_on_graph
from tests.support.graphs import BUFFER_MB, execute, neo4j_graph
from tests.support.services import eventually

MISCOUNT = "MATCH (t:Task) WHERE t.namespace = $namespace SET t.subtasks_count = 99"
FORGET = "MATCH (v:Event) WHERE v.namespace = $namespace AND v.first = 2 DELETE v"
LARGE = {
    "plan": {
        "subtasks": [
            {"key": "a", "type": "python", "input": {"code": "result = 'x' * 50000"}},
            {"key": "b", "type": "noop", "dependencies": ["a"]},
        ]
    }
}


@pytest.fixture(params=["embedded", "neo4j"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> Cli:
    return cli_on_graph(request, tmp_path, namespace, 2)


def graph_of(cli: Cli, request: pytest.FixtureRequest, namespace: str) -> Graph:
    if "NEO4J_URL" in cli.settings:
        return neo4j_graph(request.getfixturevalue("neo4j_server"), namespace)
    return LadybugGraph(cli.folder / "data", namespace, BUFFER_MB)


async def plant(graph: Graph, statement: str, namespace: str) -> None:
    await graph.open()
    try:
        await execute(graph, statement, namespace=namespace)
    finally:
        await graph.close()


async def test_what_is_certain_is_repaired_and_said(cli: Cli, request: pytest.FixtureRequest, namespace: str) -> None:
    assert cli("run", cli.plan(GOOD)).returncode == 0
    await plant(graph_of(cli, request, namespace), MISCOUNT, namespace)

    found = cli("doctor")
    repaired = cli("doctor", "--repair")
    well = cli("doctor")

    assert found.returncode == 1
    assert "WRONG invariant subtask_count" in found.stdout
    assert "agent03 doctor --repair" in found.stdout
    assert repaired.returncode == 0, repaired.stdout
    assert '"said":99' in repaired.stdout
    assert "repaired subtask_count: 1 mended" in repaired.stdout
    assert well.returncode == 0, well.stdout


async def test_history_is_not_repaired(cli: Cli, request: pytest.FixtureRequest, namespace: str) -> None:
    assert cli("run", cli.plan(GOOD)).returncode == 0
    await plant(graph_of(cli, request, namespace), FORGET, namespace)

    done = cli("doctor", "--repair")

    assert done.returncode == 1
    assert "WRONG invariant event_gap" in done.stdout
    assert "doctor --repair" not in done.stdout


async def test_a_blob_that_is_gone_is_named(cli: Cli) -> None:
    assert cli("run", cli.plan(LARGE)).returncode == 0
    assert "ok    blobs" in cli("doctor").stdout
    blob = next(path for path in (cli.folder / "data" / "blobs").rglob("*") if len(path.name) == 64)
    blob.unlink()

    done = cli("doctor")

    assert done.returncode == 1
    assert blob.name in done.stdout
    assert "WRONG blobs" in done.stdout


async def test_it_repairs_nothing_while_an_engine_works(
    cli: Cli, request: pytest.FixtureRequest, namespace: str
) -> None:
    assert cli("run", cli.plan(GOOD)).returncode == 0
    await plant(graph_of(cli, request, namespace), MISCOUNT, namespace)
    async with cli.started("serve", "--port", "0", until="listens") as server:
        refused = await asyncio.to_thread(cli, "doctor", "--repair")
        server.kill()
        await server.wait()

    assert refused.returncode == (1 if "NEO4J_URL" in cli.settings else 3), refused.stdout
    assert "refused: " in refused.stdout or "held by process" in refused.stdout
    assert "mended" not in refused.stdout
    # an engine that was killed counts until its time is over
    done = await eventually(lambda: _repaired(cli), timeout=SECONDS)
    assert json.loads(done)["ok"] is True


async def _repaired(cli: Cli) -> str:
    done = await asyncio.to_thread(cli, "doctor", "--repair", "--json")
    return done.stdout if done.returncode == 0 else ""
