"""The REST API on a real engine and a real graph: what a caller can rely on, end to end."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, SecretStr

from api import schemas
from api.app import create_app
from api.metrics import Metrics
from api.wiring import open_engine
from engine.service import Engine
from engine.settings import Settings
from engine.states import SubtaskStatus, TaskStatus
from tests.support.services import Neo4jService, eventually


@dataclass
class Service:
    """An engine and a client of its API."""

    engine: Engine
    client: httpx2.AsyncClient

    async def submit(self, *subtasks: dict[str, Any], **fields: Any) -> str:
        response = await self.client.post("/tasks", json={"plan": {"subtasks": list(subtasks)}, **fields})
        assert response.status_code == 200, response.text
        task_id = schemas.Created.model_validate_json(response.content).task_id
        assert response.headers["location"] == f"/tasks/{task_id}"
        return task_id

    async def finished(self, task_id: str) -> schemas.TaskDocument:
        await self.engine.wait(task_id)
        document: schemas.TaskDocument = await self.get(schemas.TaskDocument, f"/tasks/{task_id}")
        return document

    async def get(self, model: type[BaseModel], path: str) -> Any:
        response = await self.client.get(path)
        assert response.status_code == 200, response.text
        return model.model_validate_json(response.content)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(settings, observer=metrics))
        metrics.watch(engine.snapshot)
        transport = httpx2.ASGITransport(app=create_app(engine, settings, metrics))
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://test"))
        yield Service(engine, client)


@pytest.fixture(params=["embedded", "neo4j"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> Settings:
    place: dict[str, Any] = {"data_path": tmp_path, "namespace": namespace, "max_body_bytes": 1_000_000}
    place |= {"file_roots": [str(tmp_path)], "shutdown_grace_seconds": 0.2, "embedded_buffer_mb": 128}
    if request.param == "neo4j":
        server: Neo4jService = request.getfixturevalue("neo4j_server")
        place |= {"neo4j_url": server.url, "neo4j_auth": SecretStr(server.auth)}
    return Settings(**place)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        yield service


def noop(key: str, value: Any = None, *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "type": "noop", "input": value, "dependencies": list(dependencies), **fields}


def sleep(key: str, seconds: float, *dependencies: str) -> dict[str, Any]:
    return {"key": key, "type": "sleep", "input": {"seconds": seconds}, "dependencies": list(dependencies)}


def by_key(document: schemas.TaskDocument) -> dict[str, schemas.SubtaskResult]:
    return {row.key: row for row in document.subtask_results}


async def test_a_plan_runs_to_its_end(service: Service) -> None:
    task_id = await service.submit(
        {"key": "number", "type": "calculate", "input": {"expression": "factorial(25)"}},
        noop("copy", {"n": "{{subtasks.number.output.value}}", "text": "got {{previous_output.value}}"}, "number"),
        name="exact",
        tags=["a"],
        user_id="ann",
    )
    document = await service.finished(task_id)
    task, rows = document.task, by_key(document)
    assert (task.status, task.name, task.tags, task.user_id) == (TaskStatus.COMPLETED, "exact", ["a"], "ann")
    assert rows["number"].output == {"value": math.factorial(25)}
    assert rows["copy"].output == {"n": math.factorial(25), "text": f"got {math.factorial(25)}"}
    assert task.result == rows["copy"].output
    assert task.subtasks == {"completed": 2}
    assert (task.progress.percent, task.progress.completed, task.progress.total) == (100.0, 2, 2)
    assert (task.error, task.phase, task.current) == (None, None, [])
    for row in rows.values():
        assert (row.attempts, row.error, row.cached) == (1, None, False)
        assert row.queued_at and row.started_at and row.completed_at
        assert task.created_at <= row.queued_at <= row.started_at <= row.completed_at
    assert rows["number"].completed_at <= rows["copy"].started_at  # type: ignore[operator]


async def test_a_map_grows_and_is_joined_in_order(service: Service) -> None:
    task_id = await service.submit(
        noop("numbers", [3, 1, 2]),
        {
            "key": "square",
            "type": "calculate",
            "map": {"over": "{{subtasks.numbers.output}}"},
            "input": {"expression": "n ** 2", "variables": {"n": "{{item}}"}},
            "dependencies": ["numbers"],
        },
        noop("join", "{{previous_output}}", "square"),
    )
    document = await service.finished(task_id)
    assert document.task.result == [{"value": 9}, {"value": 1}, {"value": 4}]
    assert document.task.subtasks == {"completed": 6}
    assert document.task.progress.total == 6
    item = await service.get(schemas.SubtaskDetail, f"/tasks/{task_id}/subtasks/square[1]")
    assert item.resolved_input == {"expression": "n ** 2", "variables": {"n": 1}}


async def test_what_depends_on_a_failure_is_blocked_and_the_rest_is_kept(service: Service) -> None:
    task_id = await service.submit(
        {"key": "bad", "type": "calculate", "input": {"expression": "1 / 0"}},
        noop("below", 1, "bad"),
        noop("beside", "kept"),
    )
    document = await service.finished(task_id)
    rows = by_key(document)
    assert document.task.status is TaskStatus.FAILED
    assert document.task.error is not None
    assert {row.key for row in document.task.error.subtasks} == {"bad", "below"}
    assert rows["beside"].output == "kept"
    assert rows["bad"].status is SubtaskStatus.FAILED
    assert rows["bad"].error is not None
    assert rows["bad"].error.category
    assert rows["bad"].error.message
    assert rows["bad"].error.attempt == 1
    assert rows["below"].status is SubtaskStatus.BLOCKED
    assert rows["below"].error is not None
    assert "bad" in rows["below"].error.message
    assert (rows["below"].attempts, rows["below"].error.attempt) == (0, 0)


@pytest.mark.parametrize("size", [10, 2_000, 40_000], ids=["inline", "result", "blob"])
async def test_outputs_of_every_size_come_back_whole(service: Service, size: int) -> None:
    text = "\u00e4" * size
    document = await service.finished(await service.submit(noop("a", text), noop("b", "{{previous_output}}", "a")))
    assert by_key(document)["a"].output == text
    assert document.task.result == text
    detail = await service.get(schemas.SubtaskDetail, f"/tasks/{document.task.id}/subtasks/b")
    assert (detail.subtask.output, detail.attempts[0].output) == (text, text)


async def test_events_are_numbered_without_gaps(service: Service) -> None:
    task_id = await service.submit(noop("a"), noop("b", None, "a"))
    await service.finished(task_id)
    page = await service.get(schemas.EventPage, f"/tasks/{task_id}/events")
    assert [event.seq for event in page.events] == list(range(1, len(page.events) + 1))
    assert page.events[-1].key is None
    assert page.events[-1].status == "completed"
    story = [(event.key, event.status) for event in page.events]
    assert story.index(("a", "completed")) < story.index(("b", "ready")) < story.index(("b", "processing"))
    rest = await service.get(schemas.EventPage, f"/tasks/{task_id}/events?after=2&limit=1")
    assert (rest.events, rest.next_after) == (page.events[2:3], 3)
    assert [event.seq async for event in service.engine.follow(task_id)] == [event.seq for event in page.events]


async def test_the_graph_of_a_task(service: Service) -> None:
    diamond = [noop("top"), noop("left", 1, "top"), noop("right", 1, "top"), noop("last", 1, "left", "right")]
    task_id = await service.submit(*diamond, noop("beside"))
    await service.finished(task_id)
    graph = await service.get(schemas.GraphView, f"/tasks/{task_id}/graph")
    assert {(node.key, node.generation, node.status) for node in graph.nodes} == {
        ("top", 0, SubtaskStatus.COMPLETED),
        ("left", 1, SubtaskStatus.COMPLETED),
        ("right", 1, SubtaskStatus.COMPLETED),
        ("last", 2, SubtaskStatus.COMPLETED),
        ("beside", 0, SubtaskStatus.COMPLETED),
    }
    assert set(graph.edges) == {("top", "left"), ("top", "right"), ("left", "last"), ("right", "last")}
    assert (graph.critical_path[0], graph.critical_path[-1], len(graph.critical_path)) == ("top", "last", 3)
    assert {node.key for node in graph.nodes if node.critical_path} == set(graph.critical_path)


async def test_a_preview_says_the_same_and_stores_nothing(service: Service) -> None:
    plan = {"plan": {"subtasks": [noop("a"), noop("b", 1, "a"), noop("c", 1, "a")]}}
    response = await service.client.post("/plans/preview", json=plan)
    preview = schemas.PlanPreview.model_validate_json(response.content)
    assert preview.generations == [["a"], ["b", "c"]]
    assert (preview.subtasks_count, preview.edges_count, preview.width, len(preview.critical_path)) == (3, 2, 2, 2)
    assert preview.graph is not None and preview.graph.edges == [("a", "b"), ("a", "c")]
    assert [(node.key, node.x, node.y) for node in preview.graph.nodes] == [("a", 0, 0.5), ("b", 1, 0), ("c", 1, 1)]
    assert (await service.get(schemas.TaskPage, "/tasks")).tasks == []


async def test_every_fault_is_named_and_nothing_is_stored(service: Service) -> None:
    before = (await service.engine.doctor())["sizes"]
    plan = [
        noop("a", 1, "c"),
        noop("b", 1, "a"),
        noop("c", 1, "b"),
        noop("a", 1),
        noop("d", 1, "d", "nobody"),
        {"key": "e", "type": "nonsense"},
        noop("f", 1, priority=11),
        {"key": "g", "type": "sleep", "input": {"seconds": "long"}},
        noop("h", "{{subtasks.nobody.output}}"),
        noop("i i", 1),
    ]
    response = await service.client.post("/tasks", json={"plan": {"subtasks": plan}, "surprise": True})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    faults = schemas.Problem.model_validate_json(response.content).errors
    pointers = {fault.pointer for fault in faults}
    assert {
        "/surprise",
        "/plan/subtasks/3/key",
        "/plan/subtasks/4/dependencies/0",
        "/plan/subtasks/4/dependencies/1",
        "/plan/subtasks/5/type",
        "/plan/subtasks/6/priority",
        "/plan/subtasks/7/input/seconds",
        "/plan/subtasks/8/input",
        "/plan/subtasks/9/key",
    } <= pointers
    assert (await service.engine.doctor())["sizes"] == before
    assert (await service.get(schemas.TaskPage, "/tasks")).tasks == []


async def test_a_cycle_is_named(service: Service) -> None:
    plan = [noop("a", 1, "c"), noop("b", 1, "a"), noop("c", 1, "b")]
    response = await service.client.post("/tasks", json={"plan": {"subtasks": plan}})
    assert response.status_code == 400
    assert all(key in response.json()["detail"] for key in ("a", "b", "c"))
    assert "cycle" in response.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"plan": 1}', b'{"plan": {"subtasks": []}}', b"{"])
async def test_what_is_no_plan_is_400(service: Service, body: bytes) -> None:
    for path in ("/tasks", "/plans/preview"):
        response = await service.client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code == 400, response.text
        assert response.json()["errors"]


async def test_a_body_above_the_limit_is_413(service: Service) -> None:
    response = await service.client.post("/tasks", json={"plan": {"subtasks": [noop("a", "x" * 1_000_000)]}})
    assert response.status_code == 413
    assert (await service.get(schemas.TaskPage, "/tasks")).tasks == []


async def test_cancelling_stops_what_runs_and_what_waits(service: Service) -> None:
    task_id = await service.submit(sleep("long", 60), noop("after", 1, "long"))
    await eventually(lambda: _current(service, task_id))
    response = await service.client.post(f"/tasks/{task_id}/cancel")
    assert response.status_code == 200
    task = schemas.TaskAnswer.model_validate_json(response.content).task
    assert (task.status, task.subtasks) == (TaskStatus.CANCELLED, {"cancelled": 2})
    again = await service.client.post(f"/tasks/{task_id}/cancel")
    assert again.status_code == 200
    assert schemas.TaskAnswer.model_validate_json(again.content).task.status is TaskStatus.CANCELLED


async def _current(service: Service, task_id: str) -> bool:
    document = await service.get(schemas.TaskDocument, f"/tasks/{task_id}")
    return bool(document.task.current == ["long"] and document.task.phase == "executing")


async def test_another_final_state_cannot_be_cancelled(service: Service) -> None:
    task_id = await service.submit(noop("a"))
    await service.finished(task_id)
    response = await service.client.post(f"/tasks/{task_id}/cancel")
    assert response.status_code == 409
    assert "completed" in response.json()["detail"]


@pytest.mark.parametrize("path", ["", "/subtasks", "/subtasks/a", "/graph", "/events"])
async def test_an_unknown_id_is_404(service: Service, path: str) -> None:
    assert (await service.client.get(f"/tasks/01KAJ7M2Q8Z5T3V9W4X6Y7B8C9{path}")).status_code == 404


async def test_a_rerun_is_a_new_task_that_keeps_what_was_completed(service: Service) -> None:
    task_id = await service.submit(
        {"key": "a", "type": "noop", "input": {"n": 1}},
        {"key": "b", "type": "calculate", "input": {"expression": "1/0"}, "dependencies": ["a"]},
        name="again",
    )
    assert (await service.finished(task_id)).task.status is TaskStatus.FAILED
    wish = {"from": "failed", "overrides": {"b": {"input": {"expression": "1+1"}}}}

    response = await service.client.post(f"/tasks/{task_id}/rerun", json=wish)

    made = schemas.Created.model_validate_json(response.content)
    assert (response.status_code, made.subtasks_count, made.initial_subtasks_queued) == (200, 2, 1)
    assert response.headers["location"] == f"/tasks/{made.task_id}"
    document = await service.finished(made.task_id)
    assert (document.task.status, document.task.rerun_of, document.task.name) == ("completed", task_id, "again")
    rows = {row.key: (row.status, row.output, row.cached) for row in document.subtask_results}
    assert rows == {"a": ("completed", {"n": 1}, True), "b": ("completed", {"value": 2}, False)}
    key = {"Idempotency-Key": f"k-{task_id}"}
    once, twice = [await service.client.post(f"/tasks/{task_id}/rerun", json=wish, headers=key) for _ in range(2)]
    assert (once.json(), twice.headers["idempotency-replayed"]) == (twice.json(), "true")
    other = await service.client.post(f"/tasks/{task_id}/rerun", json={}, headers=key)
    assert (other.status_code, other.json()["type"]) == (409, "urn:agent03:problem:idempotency-key-reused")
    await service.finished(once.json()["task_id"])
    again = await service.client.post(f"/tasks/{made.task_id}/rerun")
    assert (again.status_code, "left to run" in again.json()["detail"]) == (409, True)


async def test_a_faulty_rerun_is_refused_with_every_fault(service: Service) -> None:
    task_id = await service.submit({"key": "a", "type": "noop"})
    await service.finished(task_id)
    wish = {"from": "b", "overrides": {"c": {}, "a": {"type": "nop"}}}

    wrong = await service.client.post(f"/tasks/{task_id}/rerun", json=wish)
    shape = await service.client.post(f"/tasks/{task_id}/rerun", json={"form": "start", "overrides": {"a": 1}})
    nobody = await service.client.post("/tasks/nobody/rerun", json={})

    assert {error["pointer"] for error in wrong.json()["errors"]} == {"/from", "/overrides/c", "/overrides/a/type"}
    assert {error["pointer"] for error in shape.json()["errors"]} == {"/form", "/overrides/a"}
    assert (wrong.status_code, shape.status_code, nobody.status_code) == (400, 400, 404)


async def test_a_final_task_is_removed_and_an_open_one_is_not(service: Service) -> None:
    task_id = await service.submit({"key": "a", "type": "noop"})
    await service.finished(task_id)
    open_id = await service.submit({"key": "a", "type": "sleep", "input": {"seconds": 60}})

    removed = await service.client.delete(f"/tasks/{task_id}")
    refused = await service.client.delete(f"/tasks/{open_id}")

    assert (removed.status_code, removed.content) == (204, b"")
    for path in (f"/tasks/{task_id}", f"/tasks/{task_id}/events", f"/tasks/{task_id}/subtasks"):
        assert (await service.client.get(path)).status_code == 404
    assert (await service.client.delete(f"/tasks/{task_id}")).status_code == 404
    assert (refused.status_code, "only a final task" in refused.json()["detail"]) == (409, True)
    await service.client.post(f"/tasks/{open_id}/cancel")


async def test_an_unknown_key_and_an_unknown_task_to_cancel_are_404(service: Service) -> None:
    task_id = await service.submit(noop("a"))
    assert (await service.client.get(f"/tasks/{task_id}/subtasks/b")).status_code == 404
    assert (await service.client.post("/tasks/01KAJ7M2Q8Z5T3V9W4X6Y7B8C9/cancel")).status_code == 404


async def test_lists_are_filtered_and_cut_into_pages(service: Service) -> None:
    ids = [await service.submit(noop("a"), user_id=user, tags=[user]) for user in ("ann", "bob", "ann")]
    failed = await service.submit({"key": "a", "type": "calculate", "input": {"expression": "1/0"}}, user_id="ann")
    for task_id in (*ids, failed):
        await service.finished(task_id)
    assert await _listed(service, "user_id=ann") == [failed, ids[2], ids[0]]
    assert await _listed(service, "tag=bob") == [ids[1]]
    assert await _listed(service, "status=failed") == [failed]
    assert await _listed(service, "status=completed&user_id=ann&tag=ann&type=plan") == [ids[2], ids[0]]
    assert await _listed(service, "type=nothing") == []
    assert await _listed(service, "limit=1") == [failed, *reversed(ids)]


async def _listed(service: Service, query: str) -> list[str]:
    """The ids on all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await service.get(schemas.TaskPage, f"/tasks?{query}{cursor}")
        found += [task.id for task in page.tasks]
        if page.next_cursor is None:
            return found
        cursor = f"&cursor={page.next_cursor}"


async def test_a_wide_task_is_shown_in_part_and_read_in_pages(service: Service) -> None:
    task_id = await service.submit(*[noop(f"k{number}", number) for number in range(1_100)])
    document = await service.finished(task_id)
    assert len(document.subtask_results) == 1_000
    assert document.task.result is None, "more leaves than a result may have"
    keys: list[str] = []
    cursor = ""
    while True:
        page = await service.get(schemas.SubtaskPage, f"/tasks/{task_id}/subtasks?limit=400{cursor}")
        keys += [row.key for row in page.subtask_results]
        if page.next_cursor is None:
            break
        cursor = f"&cursor={page.next_cursor}"
    assert keys == [f"k{number}" for number in range(1_100)]
    none = await service.get(schemas.SubtaskPage, f"/tasks/{task_id}/subtasks?status=failed")
    assert (none.subtask_results, none.next_cursor) == ([], None)


async def test_a_full_engine_asks_to_come_back(settings: Settings) -> None:
    async with serving(settings.model_copy(update={"max_queued_subtasks": 3})) as service:
        task_id = await service.submit(sleep("a", 60), sleep("b", 60))
        response = await service.client.post("/tasks", json={"plan": {"subtasks": [noop("c"), noop("d")]}})
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["type"] == "urn:agent03:problem:busy"
        await service.client.post(f"/tasks/{task_id}/cancel")
        await service.submit(noop("c"), noop("d"))


async def test_health_and_metrics_tell_what_happened(service: Service) -> None:
    await service.finished(await service.submit(noop("a"), noop("b", 1, "a")))
    health = await service.get(schemas.Health, "/health")
    assert health.status == "healthy"
    assert health.graph["ok"]
    assert (await service.client.get("/health/ready")).json() == {"status": "ready"}
    text = (await service.client.get("/metrics")).text
    assert 'agent03_attempts_total{category="",outcome="completed"} 2.0' in text
    assert 'agent03_attempt_seconds_count{type="noop"} 2.0' in text
    assert "agent03_tasks_open 0.0" in text
    assert "agent03_turn_seconds_count" in text


async def test_a_stopped_engine_is_alive_but_not_ready(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        async with serving(settings) as service:
            transport = service.client._transport
            client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://test"))
        assert (await client.get("/health/live")).status_code == 200
        for request in (client.get("/health/ready"), client.get("/health"), client.get("/tasks")):
            response = await request
            assert response.status_code == 503, response.text
        response = await client.post("/tasks", json={"plan": {"subtasks": [noop("a")]}})
        assert response.status_code == 503
        assert response.headers["retry-after"]
