"""The engine on a disk that runs full: it says so, waits, and goes on by itself when there is room; nothing is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from graph.ladybug.store import LadybugGraph
from tests.support.disks import small_disk
from tests.support.graphs import BUFFER_MB, breaches, execute
from tests.support.plans import Body, plan, step
from tests.support.services import Neo4jService, eventually
from tests.support.serving import Serving

SIZE_MB = 48
OUTPUTS = 40
LARGE = 100_000
"""Bytes of an output: more than stays in the graph."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes, mounted for this test."""
    with small_disk(tmp_path / "disk", f"size={SIZE_MB}m") as folder:
        yield folder


def _serving(disk: Path, beside: Path, namespace: str, **settings: str) -> Serving:
    place = {"DATA_PATH": str(disk), "NAMESPACE": namespace, "AGENT03_TOOLS": "tests.support.engines"}
    return Serving(beside / "log", place | {"FILE_ROOTS": str(beside)} | settings)


@pytest.fixture
async def embedded(disk: Path, tmp_path: Path, namespace: str) -> AsyncIterator[Serving]:
    """A server whose graph and blobs are on the small disk."""
    server = _serving(disk, tmp_path, namespace)
    yield server
    server.discard()


@pytest.fixture
async def on_neo4j(disk: Path, tmp_path: Path, namespace: str, neo4j_server: Neo4jService) -> AsyncIterator[Serving]:
    """A server whose blobs only are on the small disk."""
    server = _serving(disk, tmp_path, namespace, NEO4J_URL=neo4j_server.url, NEO4J_AUTH=neo4j_server.auth)
    yield server
    server.discard()


def _fill(disk: Path) -> Path:
    """Takes all the room there is."""
    target = disk / "filling"
    with target.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    if file.write(b"x" * size) < size:
                        break
            except OSError:
                continue
    assert os.statvfs(disk).f_bavail == 0
    return target


def _behind_a_door(door: Path) -> Body:
    """Large outputs, all different, as soon as somebody writes to ``door``."""
    os.mkfifo(door)
    large = [step(f"t{n}", "door", type="text", input={"size": LARGE + n}) for n in range(OUTPUTS)]
    wait = step("door", type="shell", input={"argv": ["cat", str(door)]}, on_interrupt="retry")
    return plan(wait, *large)


async def _open(door: Path) -> None:
    await asyncio.to_thread(door.write_bytes, b"come in\n")


async def _ended(server: Serving, task_id: str) -> None:
    async def final() -> bool:
        return (await server.task(task_id))["status"] not in ("pending", "processing")

    await eventually(final, 60)
    task = await server.task(task_id)
    assert (task["status"], task["subtasks"]) == ("completed", {"completed": OUTPUTS + 1})


async def _at_rest(server: Serving, task_id: str) -> None:
    """Waits until the counts of the running task are written: the graph writes nothing more until the door opens."""

    async def written() -> bool:
        task = await server.task(task_id)
        return bool(task["updated_at"] != task["created_at"])

    await eventually(written)


async def _says(server: Serving, words: str) -> None:
    await eventually(lambda: words in server.log.read_text(), 30)


async def test_the_embedded_graph_waits_for_room(embedded: Serving, disk: Path, tmp_path: Path) -> None:
    await embedded.start()
    task_id = await embedded.submit(_behind_a_door(tmp_path / "door"))
    await _at_rest(embedded, task_id)
    filling = _fill(disk)
    await _open(tmp_path / "door")

    await _says(embedded, "is full: the embedded graph is written only while 16 MiB are free")
    unready = await embedded.call("GET", "/health/ready", check=False)
    assert (unready.status_code, "Make room" in unready.text) == (503, True)
    refused = await embedded.call("POST", "/tasks", plan(step("a")), check=False)
    assert (refused.status_code, "Make room" in refused.text) == (503, True)
    assert (await embedded.task(task_id))["status"] == "processing"

    filling.unlink()
    await _ended(embedded, task_id)
    assert await embedded.stop() == 0
    await _sound(disk, task_id)


async def test_a_kill_on_a_full_disk_loses_nothing(embedded: Serving, disk: Path, tmp_path: Path) -> None:
    await embedded.start()
    task_id = await embedded.submit(_behind_a_door(tmp_path / "door"))
    await _at_rest(embedded, task_id)
    filling = _fill(disk)
    await _open(tmp_path / "door")
    await _says(embedded, "16 MiB are free")
    embedded.kill()

    before = len(embedded.log.read_text())
    embedded.spawn()
    assert await asyncio.to_thread(embedded.wait) == 3
    assert "Make room" in embedded.log.read_text()[before:]

    filling.unlink()
    await embedded.start()
    await _open(tmp_path / "door")
    await _ended(embedded, task_id)
    assert await embedded.stop() == 0
    await _sound(disk, task_id)


async def test_a_stop_on_a_full_disk_is_clean(embedded: Serving, disk: Path, tmp_path: Path) -> None:
    await embedded.start()
    task_id = await embedded.submit(_behind_a_door(tmp_path / "door"))
    await _at_rest(embedded, task_id)
    filling = _fill(disk)

    assert await embedded.stop() in (0, 1)

    filling.unlink()
    await embedded.start()
    await _open(tmp_path / "door")
    await _ended(embedded, task_id)
    assert await embedded.stop() == 0
    await _sound(disk, task_id)


async def test_outputs_wait_for_room(on_neo4j: Serving, disk: Path, tmp_path: Path) -> None:
    await on_neo4j.start()
    task_id = await on_neo4j.submit(_behind_a_door(tmp_path / "door"))
    filling = _fill(disk)
    await _open(tmp_path / "door")

    await _says(on_neo4j, f"the disk of the blob store {disk / 'blobs'} is full")
    assert (await on_neo4j.call("GET", "/health/ready")).status_code == 200
    assert (await on_neo4j.task(task_id))["status"] == "processing"

    filling.unlink()
    await _ended(on_neo4j, task_id)
    stored = [path for path in (disk / "blobs").glob("??/??/*") if path.stat().st_size >= LARGE]
    assert len(stored) == OUTPUTS + 1, "every output, and the task's result"
    assert not list((disk / "blobs").rglob(".new-*"))
    assert await on_neo4j.stop() == 0


async def _sound(disk: Path, task_id: str) -> None:
    """The graph that was left on the disk opens, and breaks no invariant."""
    graph = LadybugGraph(disk, "looker", BUFFER_MB)
    await graph.open()
    try:
        assert await breaches(graph) == {}
        text = "MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask) WHERE t.id = $id RETURN count(*) AS n"
        assert await execute(graph, text, id=task_id) == [{"n": OUTPUTS + 1}]
    finally:
        await graph.close()
