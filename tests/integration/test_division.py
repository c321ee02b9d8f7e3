"""Servers that run nothing beside engines that do, on one Neo4j: tasks are handed over, spread, followed and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.errors import GraphUnavailable, SettingsError
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, STARTED, Lab, check_story, finished, marks, story, subtasks
from tests.support.graphs import breaches
from tests.support.plans import plan, step
from tests.support.services import eventually


class Division:
    """A server without tasks of its own, and engines, with data folders of their own and one blob store."""

    def __init__(self, lab: Lab, **fields: object) -> None:
        self._lab = lab
        beats = {"heartbeat_seconds": 0.2, "engine_timeout_seconds": 1.5}
        self._fields = {"blob_path": lab.folder / "blobs", **beats, **fields}

    async def start(self, name: str, *, runs: bool = True) -> Engine:
        return await self._lab.start(data_path=self._lab.folder / name, runs_tasks=runs, **self._fields)

    async def three(self) -> tuple[Engine, Engine, Engine]:
        """The server, and two engines that it knows of."""
        one, two = await self.start("one"), await self.start("two")
        server = await self.start("server", runs=False)
        return server, one, two

    async def stop(self, engine: Engine) -> None:
        await self._lab.stop(engine)


async def test_what_one_server_takes_in_the_engines_run_between_them(neo4j_lab: Lab) -> None:
    division = Division(neo4j_lab)
    server, one, two = await division.three()
    name = f"{neo4j_lab.namespace}-spread"
    ids = [
        (await server.submit(plan(step("wait", type="gate", input={"name": name}), step("end", "wait")))).task_id
        for _ in range(6)
    ]
    await eventually(lambda: STARTED[name] == 6)
    # what a look at the engines found may be a heartbeat old, so one of them may have got one more than its half
    assert sorted(map(len, (one._ledger.tasks, two._ledger.tasks))) in ([3, 3], [2, 4])
    assert not server._ledger.tasks
    assert {task.owner for task in [await server.task(id_) for id_ in ids]} == {one.id, two.id}

    seen = asyncio.create_task(_numbers(server, ids[0]))
    GATES[name].set()
    for task_id in ids:
        assert (await finished(server, task_id)).status is TaskStatus.COMPLETED
    assert await seen == list(range(1, len(await story(one, ids[0])) + 1))
    assert server.snapshot()["turns"] == 0
    assert await breaches(server._graph) == {}


async def _numbers(engine: Engine, task_id: str) -> list[int]:
    return [event.seq async for event in engine.events(task_id)]


async def test_an_engine_that_stops_leaves_its_tasks_to_the_other_and_a_new_one_takes_its_part(
    neo4j_lab: Lab, tmp_path: Path
) -> None:
    division = Division(neo4j_lab)
    server, one, two = await division.three()
    name, log = f"{neo4j_lab.namespace}-drain", tmp_path / "marks"
    body = plan(
        step("early", type="mark", input={"path": str(log)}),
        step("wait", "early", type="gate", input={"name": name}),
        step("late", "wait", type="mark", input={"path": str(log)}),
    )
    ids = [(await server.submit(body)).task_id for _ in range(4)]
    await eventually(lambda: STARTED[name] == 4)
    await division.stop(one)
    await eventually(lambda: len(two._ledger.tasks) == 4)
    three = await division.start("three")
    late = (await server.submit(plan(step("a", type="gate", input={"name": name})))).task_id

    async def taken() -> bool:
        return (await server.task(late)).owner == three.id

    await eventually(taken)
    GATES[name].set()
    for task_id in [*ids, late]:
        assert (await finished(server, task_id)).status is TaskStatus.COMPLETED
    for task_id in ids:
        check_story(await story(server, task_id), await subtasks(server, task_id), [])
    assert len(marks(log)) == 8, "nothing that was settled ran again"


async def test_a_task_that_no_engine_takes_waits_for_one_also_over_a_restart(neo4j_lab: Lab) -> None:
    division = Division(neo4j_lab)
    worker = await division.start("one")
    server = await division.start("server", runs=False)
    hands = server._ownership.hands
    assert hands is not None
    await hands.refuse_when_full(1)
    await division.stop(worker)
    task_id = (await server.submit(plan(step("a"), step("b", "a")))).task_id
    assert (await server.task(task_id)).status is TaskStatus.PENDING
    with pytest.raises(GraphUnavailable, match="no engine works on this namespace"):
        hands._looked = None
        await server.submit(plan(step("a")))
    await division.stop(server)

    server = await division.start("server", runs=False)
    assert (await server.task(task_id)).status is TaskStatus.PENDING
    worker = await division.start("two")
    assert (await finished(server, task_id)).status is TaskStatus.COMPLETED
    assert (await server.task(task_id)).owner == worker.id


async def test_what_is_asked_at_the_server_reaches_the_engine(neo4j_lab: Lab) -> None:
    division = Division(neo4j_lab)
    server, *_ = await division.three()
    name = f"{neo4j_lab.namespace}-asked"
    task_id = (await server.submit(plan(step("wait", type="gate", input={"name": name}), step("end", "wait")))).task_id
    await eventually(lambda: STARTED[name] == 1)
    assert (await server.pause(task_id, by="ada")).status is TaskStatus.PAUSED
    assert (await server.resume(task_id, by="ada")).status is TaskStatus.PROCESSING
    assert (await server.cancel(task_id, by="ada")).status is TaskStatus.CANCELLED
    again = (await server.rerun(task_id, "start")).task_id
    await eventually(lambda: STARTED[name] == 2)
    GATES[name].set()
    assert (await finished(server, again)).status is TaskStatus.COMPLETED


async def test_the_embedded_graph_has_no_engine_that_runs_nothing(embedded_lab: Lab) -> None:
    with pytest.raises(SettingsError, match="set NEO4J_URL"):
        await embedded_lab.start(runs_tasks=False)
