"""What subtasks log is kept with them: over REST, in the graph, and after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.app import create_app
from api.metrics import Metrics
from api.schemas import SubtaskDetail
from api.schemas.logs import LogPage
from engine.logstore import LogWish
from engine.service import Engine
from tests.support.engines import Lab, run
from tests.support.http import problem, read
from tests.support.plans import plan, step


@pytest.fixture
async def engine(lab: Lab) -> Engine:
    return await lab.start(log_level="debug")


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        yield client


SAID = plan(
    step("a", type="say", input={"lines": ["one", "two"], "level": "warning"}),
    step("b", "a", type="say", input={"lines": ["three"], "level": "debug"}),
    step("quiet", "b"),
)


async def test_what_subtasks_log_is_found_by_task_subtask_level_and_time(
    engine: Engine, client: httpx2.AsyncClient
) -> None:
    task = await run(engine, SAID)
    await run(engine, plan(step("other", type="say", input={"lines": ["else"]})))

    async def found(**wanted: str | int) -> list[str]:
        return [line.message for line in read(LogPage, await client.get("/logs", params=wanted)).logs]

    assert await found(task=task.id) == ["three", "two", "one"]
    assert await found() == ["else", "three", "two", "one"]
    assert await found(task=task.id, key="a") == ["two", "one"]
    assert await found(task=task.id, level="info") == ["two", "one"]
    assert await found(agent_id="agent-1") == []
    first = read(LogPage, await client.get("/logs", params={"task": task.id, "limit": 2}))
    assert first.next_cursor is not None
    assert await found(task=task.id, cursor=first.next_cursor) == ["one"]
    moment = first.logs[0].at
    assert "three" not in await found(task=task.id, to=moment)
    assert "three" in await found(**{"from": moment})
    problem(await client.get("/logs", params={"key": "a"}), 400, "invalid-input")

    detail = read(SubtaskDetail, await client.get(f"/tasks/{task.id}/subtasks/a"))
    assert [(line.message, line.level, line.attempt, line.fields) for line in detail.logs] == [
        ("one", "warning", 1, {"number": 0}),
        ("two", "warning", 1, {"number": 1}),
    ]
    assert read(SubtaskDetail, await client.get(f"/tasks/{task.id}/subtasks/quiet")).logs == []


async def test_the_log_is_there_after_a_restart_and_goes_with_its_task(lab: Lab) -> None:
    before = await lab.start(log_level="debug")
    task = await run(before, SAID)
    await lab.stop(before)
    after = await lab.start(log_level="debug")

    assert [line.message for line in await after.logbook.lines(LogWish(task_id=task.id))] == ["three", "two", "one"]
    assert await after.remove(task.id)
    assert await after.logbook.lines(LogWish(task_id=task.id)) == []
