"""Tasks move between engines while they are open: to one that joins, away from one that stops; nothing runs twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, marks, story, subtasks
from tests.support.graphs import breaches
from tests.support.plans import Body, plan, step
from tests.support.services import eventually


async def start(lab: Lab, name: str, **fields: object) -> Engine:
    beats = {"heartbeat_seconds": 0.2, "engine_timeout_seconds": 5.0}
    shared = {"blob_path": lab.folder / "blobs", "max_parallel_tasks": 2, **beats, **fields}
    return await lab.start(data_path=lab.folder / name, **shared)


def body(name: str, log: Path) -> Body:
    return plan(
        step("wait", type="gate", input={"name": name}),
        *(step(f"after{n}", "wait", type="mark", input={"path": str(log)}) for n in range(3)),
    )


async def all_ended_once(engine: Engine, ids: list[str], log: Path) -> None:
    for task_id in ids:
        assert (await finished(engine, task_id)).status is TaskStatus.COMPLETED
        rows = await subtasks(engine, task_id)
        assert {row.attempts for row in rows.values()} == {1}, "no attempt is lost by a move"
        check_story(await story(engine, task_id), rows, [])
    assert len(marks(log)) == 3 * len(ids)
    assert await breaches(engine._graph) == {}


async def test_an_engine_that_joins_gets_its_part_of_what_waits(neo4j_lab: Lab, tmp_path: Path) -> None:
    first = await start(neo4j_lab, "first")
    name, log = f"{neo4j_lab.namespace}-join", tmp_path / "marks"
    ids = [(await first.submit(body(name, log))).task_id for _ in range(8)]
    await eventually(lambda: STARTED[name] == 2)
    followed = [asyncio.create_task(_numbers(first, task_id)) for task_id in ids]

    second = await start(neo4j_lab, "second")

    await eventually(lambda: STARTED[name] == 4)
    await eventually(lambda: (len(first._ledger.tasks), len(second._ledger.tasks)) == (4, 4))
    assert first._ownership._moving is not None
    assert first._ownership._moving.moved == 4
    GATES[name].set()
    await all_ended_once(second, ids, log)
    for task_id, follower in zip(ids, followed, strict=True):
        assert await follower == list(range(1, len(await story(second, task_id)) + 1)), "also by who followed it here"


async def test_what_runs_is_not_cut_off_by_a_move_and_what_takes_long_stays(neo4j_lab: Lab, tmp_path: Path) -> None:
    first = await start(neo4j_lab, "first", max_parallel_tasks=4)
    name, log = f"{neo4j_lab.namespace}-stay", tmp_path / "marks"
    two = plan(*(step(f"g{n}", type="gate", input={"name": name}) for n in range(6)), max_parallel=2)
    ids = [(await first.submit(two)).task_id for _ in range(2)]
    await eventually(lambda: STARTED[name] == 4)
    second = await start(neo4j_lab, "second", max_parallel_tasks=4)

    await eventually(lambda: any(task.leaving for task in first._ledger.tasks.values()))
    assert len(second._ledger.tasks) == 0
    GATES[name].set()

    for task_id in ids:
        assert (await finished(second, task_id)).status is TaskStatus.COMPLETED
        assert {row.attempts for row in (await subtasks(first, task_id)).values()} == {1}
    assert not log.exists()


async def test_what_is_asked_of_a_task_finds_it_where_it_has_moved_to(neo4j_lab: Lab, tmp_path: Path) -> None:
    first = await start(neo4j_lab, "first")
    name, log = f"{neo4j_lab.namespace}-ask", tmp_path / "marks"
    ids = [(await first.submit(body(name, log))).task_id for _ in range(6)]
    await eventually(lambda: STARTED[name] == 2)
    before = dict(first._ledger.tasks)
    second = await start(neo4j_lab, "second")
    await eventually(lambda: STARTED[name] == 4)
    moved = next(iter(second._ledger.tasks))

    with_task_in_hand = before[moved]
    assert with_task_in_hand.moved
    first._ledger.tasks[moved] = with_task_in_hand  # as if it moved while the command was on its way
    try:
        paused = asyncio.create_task(first.pause(moved, by="ada"))
        await eventually(lambda: second._ledger.tasks[moved].pause is not None)
    finally:
        del first._ledger.tasks[moved]
    assert (await paused).status is TaskStatus.PAUSED
    assert (await first.resume(moved, by="ada")).status is TaskStatus.PROCESSING
    GATES[name].set()
    await all_ended_once(first, ids, log)


async def test_an_engine_that_stops_gives_away_at_once_what_does_not_run(neo4j_lab: Lab, tmp_path: Path) -> None:
    first = await start(neo4j_lab, "first", shutdown_grace_seconds=20.0)
    name, log = f"{neo4j_lab.namespace}-stop", tmp_path / "marks"
    ids = [(await first.submit(body(name, log))).task_id for _ in range(3)]
    await eventually(lambda: STARTED[name] == 2)
    second = await start(neo4j_lab, "second", max_parallel_tasks=8)
    paused = (await first.submit(body(name, log))).task_id
    assert (await first.pause(paused)).status is TaskStatus.PAUSED

    stopping = asyncio.create_task(neo4j_lab.stop(first))
    await eventually(lambda: STARTED[name] == 3 and paused in second._ledger.tasks)
    assert not stopping.done(), "while the rest still runs there"
    GATES[name].set()
    await stopping

    assert (await second.resume(paused)).status in (TaskStatus.PENDING, TaskStatus.PROCESSING)
    await all_ended_once(second, [*ids, paused], log)


async def _numbers(engine: Engine, task_id: str) -> list[int]:
    return [event.seq async for event in engine.events(task_id)]
