"""Two engines on one Neo4j: they share the tasks, follow each other, and carry out commands for each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.errors import Conflict, GraphRefused, NotFound
from engine.model import OpenTask
from engine.ownership import Ownership
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


def _slow(monkeypatch: pytest.MonkeyPatch, slow: Engine) -> list[int]:
    """Has one engine take so long over each task that it takes up that others would take it for dead meanwhile."""
    real, waited = Ownership.take_up, list[int]()

    async def take_up(self: Ownership, found: OpenTask, own: bool = True) -> None:
        if self is slow._ownership:
            begun = await _sign(slow)
            waited.append(await eventually(lambda: _later(slow, begun), 15))
        await real(self, found, own)

    monkeypatch.setattr(Ownership, "take_up", take_up)
    return waited


async def _sign(engine: Engine) -> int:
    rows = await execute(engine._graph, "MATCH (e:Engine {id: $id}) RETURN e.heartbeat_at AS at", id=engine.id)
    return int(rows[0]["at"])


async def _later(engine: Engine, begun: int) -> int:
    """By how much its sign of life is later, once that is more than others wait for."""
    later = await _sign(engine) - begun
    return later if later > 2_000 else 0


async def test_who_takes_long_to_take_over_gives_signs_of_life_meanwhile(
    neo4j_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a third one takes it for dead and takes over from it, takes as long, and so on without end."""
    first, second = await _pair(neo4j_lab)
    third = await neo4j_lab.start(
        data_path=tmp_path / "third",
        blob_path=neo4j_lab.folder / "blobs",
        heartbeat_seconds=0.2,
        engine_timeout_seconds=1.5,
        max_open_tasks=1,
    )
    name = f"{neo4j_lab.namespace}-long"
    full = (await third.submit(_gated(f"{name}-full", tmp_path / "marks"))).task_id  # so that it is the second's
    task_id = (await first.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == STARTED[f"{name}-full"] == 1)
    waited = _slow(monkeypatch, second)

    await neo4j_lab.stop(first)
    await eventually(lambda: STARTED[name] == 2, 30)

    assert len(waited) == 1
    assert second.snapshot()["fencings"] == 0
    for gate in (name, f"{name}-full"):
        GATES[gate].set()
    assert (await finished(second, task_id)).owner == second.id
    assert (await finished(third, full)).status is TaskStatus.COMPLETED


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


async def test_clocks_that_are_wrong_by_ten_minutes_harm_nothing(
    neo4j_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases are compared by the database's clock alone, and each engine takes that over at its first sign of life."""
    right, fast = await _skewed_pair(neo4j_lab, monkeypatch, 600_000)
    slow = await _skewed(neo4j_lab, monkeypatch, "slow", -600_000)
    begun = right._clock.now()
    name = f"{neo4j_lab.namespace}-skew"

    for engine in (fast, slow):
        assert abs(engine._clock.now() - right._clock.now()) < 2_000
        submitted = await engine.submit(plan(step("flaky", type="mark", input={"path": str(tmp_path / "m")})))
        ended = await finished(right, submitted.task_id)
        assert (ended.status, ended.owner) == (TaskStatus.COMPLETED, engine.id)
        assert abs((ended.completed_at or 0) - begun) < 30_000, "times are the database's"
    task_id = (await fast.submit(_gated(name, tmp_path / "marks"))).task_id
    await eventually(lambda: STARTED[name] == 1)
    for _ in range(10):  # each has been looked at by the others
        begun = await _sign(right)
        await eventually(lambda begun=begun: _signed(right, begun))  # type: ignore[misc]
    assert STARTED[name] == 1, "nobody is taken for dead"
    await neo4j_lab.stop(fast)
    await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    assert (await finished(right, task_id)).status is TaskStatus.COMPLETED
    assert [engine.snapshot()["fencings"] for engine in (right, slow)] == [0, 0]


async def _signed(engine: Engine, begun: int) -> bool:
    return await _sign(engine) > begun


async def _skewed(lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str, skew: int) -> Engine:
    """An engine whose machine has the time wrong by so many milliseconds."""

    class Skewed(SystemClock):
        def _wall(self) -> int:
            return super()._wall() + skew

    beats = {"heartbeat_seconds": 0.2, "engine_timeout_seconds": 1.5}
    with monkeypatch.context() as patched:
        patched.setattr("engine.machinery.SystemClock", Skewed)
        return await lab.start(data_path=lab.folder / name, blob_path=lab.folder / "blobs", **beats)


async def _skewed_pair(lab: Lab, monkeypatch: pytest.MonkeyPatch, skew: int) -> tuple[Engine, Engine]:
    return await _skewed(lab, monkeypatch, "right", 0), await _skewed(lab, monkeypatch, "fast", skew)
