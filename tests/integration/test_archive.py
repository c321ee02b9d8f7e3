"""Archives end to end: out of one graph, into the other, and equal; cut off at bad moments; damaged."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow.parquet
import pytest

from api.wiring import build_blobs
from engine import service
from engine.adapters.archives import FolderArchives
from engine.adapters.blobs import FolderBlobs
from engine.archive.bundle import Bundle, Opened
from engine.archive.manifest import ArchiveDamaged
from engine.errors import EngineError, SettingsError
from engine.ports import Graph
from engine.service import Engine
from engine.states import TaskStatus
from graph.ladybug.store import LadybugGraph
from tests.support.archives import everything, exported, imported
from tests.support.engines import Lab, finished, outputs, run
from tests.support.graphs import breaches, embedded_graph, neo4j_graph
from tests.support.plans import Body, independent, plan, step
from tests.support.services import eventually

FORMS = ("parquet", "json")


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BLOB_GRACE_SECONDS", 0.0)


LARGE = 6_000
"""Times eight letters: a blob."""


def every_kind() -> Body:
    """Outputs of every size, a map, a failure that does not fail the task, a repeat, dependencies of all kinds. No two
    are equal, for tests share a database, and equal outputs are one Result.
    """
    letters = uuid.uuid4().hex[:8]
    made = [
        step(key, type="text", input={"size": size, "letter": letters})
        for key, size in {"small": 100, "middle": 2_000, "large": LARGE}.items()
    ]
    return plan(
        *made,
        step("m", "small", map={"over": [1, 2, 3]}),
        step("j", "m", "large", type="noop", input={"got": "{{subtasks.large.output}}", "n": 1.5}),
        step("twice", type="fail", input={"times": 1, "category": "transient"}),
        step("bad", type="fail", critical=False),
        step("after", "bad", critical=False),
    )


async def filled(engine: Engine) -> list[str]:
    """Runs a task of every kind and a rerun of it; their ids."""
    first = await run(engine, every_kind() | {"name": "näme", "tags": ["a", "b"]})
    second = await finished(engine, (await engine.rerun(first.id, "j")).task_id)
    await eventually(lambda: _linked(engine))
    return [first.id, second.id]


async def _linked(engine: Engine) -> bool:
    return not await breaches(engine._graph)


@pytest.fixture(params=["embedded", "neo4j"])
async def other(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Graph]:
    """An empty graph: of the same kind as that of the lab, and of the other one."""
    if request.param == "neo4j":
        graph: Graph = neo4j_graph(request.getfixturevalue("neo4j_server"), f"{namespace}-other")
    else:
        graph = embedded_graph(tmp_path / "other", f"{namespace}-other", template)
    await graph.open()
    try:
        yield graph
        assert await breaches(graph) == {}
    finally:
        await graph.close()


def emptied(graph: Graph) -> bool:
    return isinstance(graph, LadybugGraph)


@pytest.mark.parametrize("form", FORMS)
async def test_what_comes_back_is_what_was_there(lab: Lab, other: Graph, tmp_path: Path, form: str) -> None:
    engine = await lab.start()
    ids = await filled(engine)
    before = await everything(engine._graph)
    blobs = build_blobs(engine.settings)

    manifest = await exported(engine._graph, blobs, tmp_path / "archives", form)
    if lab.kind == "neo4j" and not emptied(other):  # both are in one database, whose ids are unique
        for id_ in ids:
            await engine.remove(id_)
            await eventually(lambda id_=id_: _gone(engine, id_), timeout=60)
    new = FolderBlobs(tmp_path / "new-blobs")
    came = await imported(other, new, tmp_path / "archives")

    assert came.tasks == 2
    after = await everything(other)
    for table, rows in before.items():
        assert after[table] == rows, table
    assert {table: file.rows for table, file in manifest.tables.items()} == {
        table: len(rows) for table, rows in before.items()
    }
    assert len(manifest.blobs) >= 1
    for digest in manifest.blobs:
        assert await new.get(digest) == await blobs_or(blobs, digest, new)
    assert (await imported(other, new, tmp_path / "archives")).known == 2


async def blobs_or(blobs: FolderBlobs, digest: str, new: FolderBlobs) -> bytes:
    """The payload of the first store, or of the second where the first one's went with its task."""
    try:
        return await blobs.get(digest)
    except KeyError:
        return await new.get(digest)


async def _gone(engine: Engine, task_id: str) -> bool:
    return task_id not in await engine._graph.removals()


async def test_an_archive_is_read_without_the_engine(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    ids = await filled(engine)
    for form in FORMS:
        await exported(engine._graph, build_blobs(engine.settings), tmp_path / form, form)

    (columns,) = (tmp_path / "parquet").iterdir()
    (lines,) = (tmp_path / "json").iterdir()
    told = json.loads((columns / "manifest.json").read_bytes())
    table = pyarrow.parquet.read_table(columns / "subtasks.parquet")
    with gzip.open(lines / "subtasks.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]

    assert told["format"] == 1
    assert sorted(told["tasks"]) == sorted(ids)
    assert table.num_rows == told["tables"]["subtasks"]["rows"] == len(rows)
    assert {row["key"]: row["status"] for row in table.to_pylist()} == {row["key"]: row["status"] for row in rows}


async def test_old_tasks_are_archived_and_then_removed(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    ids = await filled(engine)
    before = await everything(engine._graph)
    await lab.stop(engine)
    place = FolderArchives(tmp_path / "archives")

    engine = await lab.start(retention_days=0.0, archive_path=place.name)
    await eventually(lambda: _empty(engine), timeout=60)

    held = {id_ for manifest in await place.manifests() for id_ in manifest.tasks}
    assert held == set(ids)
    assert not [path for path in (lab.folder / "blobs").rglob("*") if len(path.name) == 64]
    await lab.stop(engine)
    engine = await lab.start()
    await imported(engine._graph, build_blobs(engine.settings), tmp_path / "archives")
    after = await everything(engine._graph)
    assert after["subtasks"] == before["subtasks"]
    assert len((await outputs(engine, ids[0]))["large"]) == 8 * (LARGE - 2)
    third = await finished(engine, (await engine.rerun(ids[1], "j")).task_id)
    assert third.status is TaskStatus.COMPLETED


async def _empty(engine: Engine) -> bool:
    graph = engine._graph
    return not await graph.dump_ids(final=False, after="", limit=1) and not await graph.removals()


async def test_an_engine_does_not_start_where_it_cannot_archive(
    embedded_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match=r"cannot be written: .*; correct ARCHIVE_PATH"):
        await embedded_lab.start(retention_days=1.0, archive_path=str(tmp_path / "file"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"needs? pyarrow: .* or set ARCHIVE_FORMAT=json"):
        await embedded_lab.start(retention_days=1.0, archive_path=str(tmp_path / "archives"))
    await embedded_lab.start(retention_days=1.0, archive_path=str(tmp_path / "archives"), archive_format="json")


@pytest.mark.parametrize("moment", ["begin", "add", "finish", "publish"])
async def test_what_is_cut_off_before_it_is_kept_removes_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    engine = await lab.start()
    task = await run(engine, independent(5))
    await lab.stop(engine)
    owner = FolderArchives if moment == "publish" else Bundle
    tried = asyncio.Event()

    def broken(*_: object, **__: object) -> None:
        tried.set()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(owner, moment, broken)
        engine = await lab.start(retention_days=0.0, archive_path=str(tmp_path / "archives"))
        await asyncio.wait_for(tried.wait(), 30)
        await lab.stop(engine)
    assert (await _tasks(lab, tmp_path)) == [task.id]

    engine = await lab.start(retention_days=0.0, archive_path=str(tmp_path / "archives"))
    await eventually(lambda: _empty(engine), timeout=60)
    (manifest,) = await FolderArchives(tmp_path / "archives").manifests()
    assert manifest.tasks == [task.id]
    assert [path.name for path in (tmp_path / "archives").iterdir()] == [manifest.id]


async def _tasks(lab: Lab, tmp_path: Path) -> list[str]:
    graph = lab.graph()
    await graph.open()
    try:
        return await graph.dump_ids(final=True, after="", limit=10)
    finally:
        await graph.close()


async def test_what_is_cut_off_while_it_is_removed_is_not_archived_again(lab: Lab, tmp_path: Path) -> None:
    engine = await lab.start()
    ids = [(await run(engine, independent(5))).id for _ in range(3)]
    await lab.stop(engine)
    engine = await lab.start(retention_days=0.0, archive_path=str(tmp_path / "archives"))
    begun = asyncio.Event()
    begin = engine._removal.begin

    async def first_only(task_id: str) -> object:
        if begun.is_set():
            raise asyncio.CancelledError
        begun.set()
        return await begin(task_id)

    engine._removal.begin = first_only  # type: ignore[method-assign,assignment]
    await asyncio.wait_for(begun.wait(), 30)
    await lab.stop(engine)

    engine = await lab.start(retention_days=0.0, archive_path=str(tmp_path / "archives"))
    await eventually(lambda: _empty(engine), timeout=60)

    (manifest,) = await FolderArchives(tmp_path / "archives").manifests()
    assert sorted(manifest.tasks) == sorted(ids)


@pytest.mark.parametrize("form", FORMS)
async def test_a_damaged_archive_is_refused_and_nothing_comes_in(
    embedded_lab: Lab, tmp_path: Path, form: str, template: Path
) -> None:
    engine = await embedded_lab.start()
    await filled(engine)
    manifest = await exported(engine._graph, build_blobs(engine.settings), tmp_path / "archives", form)
    folder = tmp_path / "archives" / manifest.id
    other = embedded_graph(tmp_path / "other", "other", template)
    await other.open()
    path = folder / manifest.tables["attempts"].file
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ArchiveDamaged, match=r"attempts\..* is not what manifest\.json says of attempts"):
            await imported(other, FolderBlobs(tmp_path / "new"), tmp_path / "archives")
        path.write_bytes(whole)
        (folder / "blobs" / manifest.blobs[0]).write_bytes(b"x")
        with pytest.raises(ArchiveDamaged, match="does not match its hash"):
            await imported(other, FolderBlobs(tmp_path / "new"), tmp_path / "archives")
        assert await other.dump_ids(final=False, after="", limit=1) == []
        told = json.loads((folder / "manifest.json").read_bytes())
        (folder / "manifest.json").write_text(json.dumps(told | {"format": 99}))
        with pytest.raises(ArchiveDamaged, match="has format 99, and this engine reads up to 1"):
            Opened(folder, [])
    finally:
        await other.close()
