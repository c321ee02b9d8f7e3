"""``agent03 backup`` and ``restore``: everything comes back, into either graph, and goes on from where it stood."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.service import Engine
from engine.states import TaskStatus
from tests.acceptance.test_cli import Cli, cli_on_graph
from tests.support.archives import everything
from tests.support.engines import GATES, MODULE, STARTED, Lab, finished, outputs, run
from tests.support.plans import plan, step
from tests.support.services import Neo4jService, eventually


def cli_of(lab: Lab, folder: Path, server: Neo4jService | None, **settings: str) -> Cli:
    """The command line with the settings of an engine of the lab."""
    folder.mkdir(exist_ok=True)
    given = {"NAMESPACE": lab.namespace, "ENGINE_TIMEOUT_SECONDS": "1", "AGENT03_TOOLS": MODULE} | settings
    if server is not None:
        given |= {"NEO4J_URL": server.url, "NEO4J_AUTH": server.auth}
    return Cli(folder, given)


async def half_done(lab: Lab) -> tuple[Engine, str, str]:
    """An engine with a task that has ended and one that stands in the middle; the ids of both."""
    engine = await lab.start(engine_timeout_seconds=1)
    done = await run(engine, plan(step("a", type="text", input={"size": 50_000}), step("b", "a")))
    open_ = await engine.submit(
        plan(
            step("first", type="text", input={"size": 5_000}),
            step("gate", "first", type="gate", input={"name": "back"}),
        )
    )
    await eventually(lambda: STARTED["back"])
    await engine.keyring.create("somebody", ["admin"], "", "test")
    return engine, done.id, open_.task_id


@pytest.mark.parametrize("target", ["embedded", "neo4j"])
async def test_a_restored_namespace_goes_on_from_where_it_stood(
    lab: Lab, tmp_path: Path, request: pytest.FixtureRequest, target: str, template: Path
) -> None:
    STARTED.clear()
    GATES["back"] = asyncio.Event()
    engine, done, open_ = await half_done(lab)
    source = cli_of(lab, lab.folder, lab.server, DATA_PATH=str(lab.folder))
    beside = await asyncio.to_thread(source, "backup", str(tmp_path / "backups"))
    await lab.stop(engine)
    before = await everything_of(lab)
    server = request.getfixturevalue("neo4j_server") if target == "neo4j" else None
    other = Lab(target, tmp_path / "other", lab.namespace, template, server)
    cli = cli_of(other, tmp_path / "cli", server, DATA_PATH=str(other.folder))

    made = await asyncio.to_thread(source, "backup", str(tmp_path / "backups"))
    refused = await asyncio.to_thread(source, "restore", str(tmp_path / "backups"))
    replaced = ["--replace"] if lab.kind == target == "neo4j" else []
    came = await asyncio.to_thread(cli, "restore", str(tmp_path / "backups"), *replaced)
    assert beside.returncode in (1, 3), beside.stderr
    assert made.returncode == 0, made.stderr
    assert refused.returncode == 1
    assert "restore into an empty graph, or say --replace" in " ".join(refused.stderr.split())
    assert came.returncode == 0, came.stderr
    assert "restored and sound: 2 tasks, every invariant holds, every blob is there" in came.stdout
    after = await everything_of(other)
    assert after == before

    try:
        engine = await other.start(engine_timeout_seconds=1)
        GATES["back"].set()
        task = await finished(engine, open_)
        assert task.status is TaskStatus.COMPLETED
        assert len((await outputs(engine, done))["a"]) == 50_000 - 2
        assert [key.subject for key in engine.keyring.keys] == ["somebody"]
    finally:
        await other.close()


async def everything_of(lab: Lab) -> object:
    graph = lab.graph()
    await graph.open()
    try:
        return await everything(graph)
    finally:
        await graph.close()


@pytest.fixture(params=["embedded", "neo4j"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> Cli:
    return cli_on_graph(request, tmp_path, namespace, 1)


GOOD = {"plan": {"subtasks": [{"key": "a", "type": "noop", "input": {"n": 1}}]}}


def test_what_is_replaced_is_gone_or_kept_aside(cli: Cli, tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    assert cli("run", cli.plan(GOOD)).returncode == 0
    assert cli("backup", place).returncode == 0
    assert cli("run", cli.plan(GOOD)).returncode == 0

    came = cli("restore", place, "--replace")

    assert came.returncode == 0, came.stderr
    assert "restored and sound: 1 tasks" in came.stdout
    aside = list((tmp_path / "data").glob("graph.lbug.before-restore-*"))
    assert len(aside) == (0 if "NEO4J_URL" in cli.settings else 1)
    assert cli("doctor").returncode == 0
    assert cli("run", cli.plan(GOOD)).returncode == 0


def test_what_cannot_be_restored_is_said_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    place = str(tmp_path / "backups")
    assert cli("run", cli.plan(GOOD)).returncode == 0
    assert cli("backup", place).returncode == 0
    (folder,) = (tmp_path / "backups").iterdir()

    foreign = cli("restore", place, NAMESPACE="another")
    unknown = cli("restore", place, "--id", "nothing")
    archive = cli("archive", "import", place, NAMESPACE="another")
    table = folder / json.loads((folder / "manifest.json").read_bytes())["tables"]["subtasks"]["file"]
    table.write_bytes(table.read_bytes()[:-1])
    damaged = cli("restore", place, "--replace")

    assert (foreign.returncode, "is a backup of namespace" in foreign.stderr) == (2, True)
    assert (unknown.returncode, "holds no backup nothing" in unknown.stderr) == (1, True)
    assert archive.returncode == 0 or "they are there" in archive.stderr
    assert (damaged.returncode, "take another copy of it" in " ".join(damaged.stderr.split())) == (1, True)
    assert cli("doctor").returncode == 0
    assert "1 Task," in cli("doctor").stdout or "1 Task\n" in cli("doctor").stdout
