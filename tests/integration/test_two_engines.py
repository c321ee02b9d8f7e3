"""Two engines on one Neo4j: they share the tasks, follow each other, and carry out commands for each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.errors import Conflict, GraphRefused, NotFound
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, marks, story, subtasks
from tests.support.graphs import execute
from tests.support.plans import plan, step
from tests.support.services import eventually


async def _pair(lab: Lab, **fields: object) -> tuple[Engine, Engine]:
    """Two engines with data folders of their own and one blob store."""
    shared = {"blob_path": lab.folder / "blobs", "heartbeat_seconds": 0.2, "engine_timeout_seconds": 1.5, **fields}
    first = await lab.start(data_path=lab.folder / "first", **shared)
    return first, await lab.start(data_path=lab.folder / "second", **shared)


def _gated(name: str, log: Path, width: int = 5) -> dict[str, object]:
    path = {"path": str(log)}
    return plan(
        *(step(f"early{n}", type="mark", input=path) for n in range(width)),
        step("gate", *(f"early{n}" for n in range(width)), type="gate", input={"name": name}),
        *(step(f"late{n}", "gate", type="mark", input=path) for n in range(width)),
    )


async def test_what_one_leaves_the_other_ends_at_once(neo4j_lab: Lab, tmp_path: Path) -> None:
    first, second = await _pair(neo4j_lab)
    name = f"{neo4j_lab.namespace}-leave"
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == 1)

    await neo4j_lab.stop(first)
    await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    task = await finished(second, task_id)

    assert (task.status, task.owner) == (TaskStatus.COMPLETED, second.id)
    rows = await subtasks(second, task_id)
    assert [row.attempts for row in rows.values()] == [1] * 5 + [2] + [1] * 5
    assert len(marks(tmp_path / "marks")) == 10
    check_story(await story(second, task_id), rows, [])


async def test_an_engine_that_was_taken_for_dead_lets_go_and_goes_on_anew(neo4j_lab: Lab, tmp_path: Path) -> None:
    first, second = await _pair(neo4j_lab)
    name = f"{neo4j_lab.namespace}-dead"
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == 1)

    # As if the first engine had been frozen: its sign of life is old when the second one looks.
    async with first._ownership._beating:
        await execute(first._graph, "MATCH (e:Engine {id: $id}) SET e.heartbeat_at = 1", id=first.id)
        await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    task = await finished(second, task_id)

    assert (task.status, task.owner) == (TaskStatus.COMPLETED, second.id)
    assert [task.status for task in [await finished(first, task_id)]] == [TaskStatus.COMPLETED]
    rows = await subtasks(second, task_id)
    assert rows["gate"].attempts == 2
    assert len(marks(tmp_path / "marks")) == 10
    check_story(await story(second, task_id), rows, [])
    again = await first.submit(plan(step("a", type="mark", input={"path": str(tmp_path / "again")})))
    ended = await finished(first, again.task_id)
    assert (ended.status, ended.owner) == (TaskStatus.COMPLETED, first.id)
    assert (first.snapshot()["fencings"], second.snapshot()["fencings"]) == (1, 0)


async def test_any_engine_may_be_asked_to_pause_resume_and_cancel(neo4j_lab: Lab, tmp_path: Path) -> None:
    first, second = await _pair(neo4j_lab)
    name = f"{neo4j_lab.namespace}-any"
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == 1)

    assert (await second.pause(task_id, by="ada")).status is TaskStatus.PAUSED
    assert (await first.task(task_id)).status is TaskStatus.PAUSED
    assert (await second.resume(task_id, by="ada")).status is TaskStatus.PROCESSING
    assert (await second.cancel(task_id, by="ada")).status is TaskStatus.CANCELLED
    assert (await second.cancel(task_id)).status is TaskStatus.CANCELLED
    with pytest.raises(Conflict, match="is cancelled, so pause is not possible"):
        await second.pause(task_id)
    asked = [(event.event, event.detail) for event in await story(first, task_id) if not event.key]
    assert asked == [("created", ""), ("pause", "ada"), ("resume", "ada"), ("cancel", "ada")]


async def test_a_refusal_of_the_owner_comes_back_as_it_was(neo4j_lab: Lab, tmp_path: Path) -> None:
    first, second = await _pair(neo4j_lab)
    name = f"{neo4j_lab.namespace}-refused"
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == 1)

    with pytest.raises(Conflict, match="subtask early0 is completed, so approve is not possible"):
        await second.approve(task_id, "early0")
    with pytest.raises(NotFound, match="no subtask 'nobody'"):
        await second.retry(task_id, "nobody")
    await second.cancel(task_id)


async def test_a_follower_at_another_engine_sees_every_event(neo4j_lab: Lab, tmp_path: Path) -> None:
    first, second = await _pair(neo4j_lab)
    name = f"{neo4j_lab.namespace}-follow"
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id

    async def follow() -> list[int]:
        return [event.seq async for event in second.events(task_id)]

    following = asyncio.create_task(follow())
    await eventually(lambda: STARTED[name] == 1)
    GATES[name].set()

    assert (await finished(second, task_id)).status is TaskStatus.COMPLETED
    assert await asyncio.wait_for(following, 20) == [event.seq for event in await story(first, task_id)]


async def test_another_blob_store_is_refused_with_what_to_do(neo4j_lab: Lab, tmp_path: Path) -> None:
    await neo4j_lab.start(data_path=tmp_path / "first")

    with pytest.raises(GraphRefused, match=r"second/blobs is not the blob store of namespace .* set BLOB_PATH"):
        await neo4j_lab.start(data_path=tmp_path / "second")
