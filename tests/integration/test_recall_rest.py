"""Recalls over REST: what is asked, what is answered, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.app import create_app
from api.metrics import Metrics
from api.recalls import RecallAnswer, told
from engine.model import Json
from engine.service import Engine
from tests.support.engines import Lab, finished, run
from tests.support.http import problem, read
from tests.support.plans import plan, step


@pytest.fixture
async def engine(embedded_lab: Lab) -> Engine:
    return await embedded_lab.start()


@pytest.fixture
async def client(engine: Engine, embedded_lab: Lab) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(engine, embedded_lab.settings(), Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        yield client


async def test_a_dry_run_says_what_a_recall_does_and_the_recall_does_it_once(
    engine: Engine, client: httpx2.AsyncClient
) -> None:
    task = await run(engine, plan(step("a", input={"n": 1}), step("b", "a", input={"of": "{{previous_output}}"})))
    detail = (await client.get(f"/tasks/{task.id}/subtasks/a")).json()
    body: dict[str, Json] = {"result": detail["attempts"][0]["output_hash"]}

    dry = read(RecallAnswer, await client.post("/recall", json=body))
    headers = {"Idempotency-Key": "once"}
    twice = [
        read(RecallAnswer, await client.post("/recall", json=body | {"dry_run": False}, headers=headers))
        for _ in range(2)
    ]

    assert [(row.key, row.recalled, row.generation) for row in dry.subtasks] == [("a", True, 0), ("b", False, 1)]
    assert (dry.dry_run, dry.results, dry.tasks, dry.held) == (True, 2, [task.id], [])
    assert [(again.start, again.new_task_id) for again in dry.will_rerun] == [(["a"], None)]
    first, second = ({again.task_id: again.new_task_id for again in answer.will_rerun}[task.id] for answer in twice)
    assert first == second
    assert first is not None
    assert (await finished(engine, first)).rerun_of == task.id
    assert next(told(dry)) == "2 subtask(s) in 1 task(s), 2 different output(s)"
    assert list(told(dry))[-1] == "nothing was changed; to do it: --yes"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"tool": "noop"}, "/tool"),
        ({"version": "1"}, "/version"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-11-21T10:15:30Z", "until": "2026-11-20T10:15:30Z"}, "/until"),
    ],
)
async def test_a_faulty_wish_is_refused(client: httpx2.AsyncClient, body: Json, pointer: str) -> None:
    found = problem(await client.post("/recall", json=body), 400, "invalid-input")

    assert [error.pointer for error in found.errors] == [pointer]


@pytest.mark.parametrize("body", [{"subtask": "nobody/a"}, {"subtask": "nobody"}, {"result": "f" * 64}])
async def test_what_is_not_there_is_not_found(client: httpx2.AsyncClient, body: Json) -> None:
    problem(await client.post("/recall", json=body), 404, "not-found")
