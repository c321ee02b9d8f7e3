"""The HTTP layer alone, on a stand-in for the engine: routing, wire format, problems, headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import structlog

from api import schemas, stats
from engine import errors
from engine.errors import Fault, InvalidInput
from engine.estimates.prediction import Prediction
from engine.forecasts import Alternative, Forecast
from engine.model import Attempt, Event
from engine.plan.ids import first_ulid
from engine.states import SubtaskStatus, TaskStatus
from tests.support.fake_engine import NOW, FakeEngine, a_subtask, a_task
from tests.support.http import client_of, problem, read

FAILURE = '{"category":"configuration","message":"no such file","suggestion":"name one that exists"}'


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(held_tasks=[a_task()], held_subtasks=[a_subtask("a"), a_subtask("b", 1)])


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(engine) as client:
        yield client


# --- submitting ------------------------------------------------------------------------------------------------------


async def test_submitting_answers_with_the_place_of_the_task(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    response = await client.post("/tasks", content=b'{"plan": {"n": 123456789012345678901234567890}}', headers=JSON)
    assert response.json() == {
        "task_id": "T0001",
        "status": "created",
        "subtasks_count": 2,
        "initial_subtasks_queued": 1,
        "estimate": None,
        "needs_approval": [],
    }
    assert response.headers["location"] == "/tasks/T0001"
    assert engine.bodies == [{"plan": {"n": 123456789012345678901234567890}}]


JSON = {"content-type": "application/json"}


async def test_parameters_pass_into_the_body(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    await client.post("/tasks?description=Add one and two&user_id=ann")
    await client.post("/tasks?user_id=ann", json={"user_id": "ann", "plan": {}})
    await client.post("/tasks")
    await client.post("/tasks?user_id=ann", json=[1])
    assert engine.bodies == [
        {"description": "Add one and two", "user_id": "ann"},
        {"user_id": "ann", "plan": {}},
        {},
        [1],
    ]


async def test_saying_a_thing_twice_and_differently_is_a_fault(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    found = problem(await client.post("/tasks?user_id=ann", json={"user_id": "bob"}), 400, "invalid-input")
    assert [error.pointer for error in found.errors] == ["/user_id"]
    assert engine.bodies == []


async def test_every_fault_of_a_plan_is_named(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.failure = InvalidInput([Fault("/plan/subtasks/0/key", "is missing"), Fault("", "no plan")])
    found = problem(await client.post("/tasks", json={}), 400, "invalid-input")
    assert [(error.pointer, error.detail) for error in found.errors] == [
        ("/plan/subtasks/0/key", "is missing"),
        ("", "no plan"),
    ]


async def test_a_body_that_is_too_large_is_413(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    problem(await client.post("/tasks", json={"x": "y" * 5000}), 413, "too-large")
    assert engine.bodies == []


async def test_a_body_that_is_not_declared_as_json_is_415(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    found = problem(await client.post("/tasks", content=b"{}"), 415, "unsupported-media-type")
    assert "Content-Type: application/json" in found.detail
    assert engine.bodies == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_of_another_site_changes_nothing(
    client: httpx2.AsyncClient, engine: FakeEngine, site: str
) -> None:
    problem(await client.post("/tasks?description=anything", headers={"sec-fetch-site": site}), 403, "cross-site")
    assert engine.bodies == []
    assert (await client.get("/tasks", headers={"sec-fetch-site": site})).status_code == 200
    assert (await client.post("/tasks", headers={"sec-fetch-site": "same-origin"})).status_code == 200


async def test_a_preview_stores_nothing_and_has_its_documented_form(client: httpx2.AsyncClient) -> None:
    preview = read(schemas.PlanPreview, await client.post("/plans/preview", json={"plan": {}}))
    assert preview.generations == [["a"], ["b"]]
    assert (preview.planned and preview.planned.name, preview.plan) == ("rules.steps", {"subtasks": []})


async def test_templates_and_learned_plans_are_listed(client: httpx2.AsyncClient) -> None:
    listed = read(schemas.Templates, await client.get("/templates"))
    assert [(found.name, found.parameters["city"]["type"]) for found in listed.templates] == [("weather", "string")]
    assert [(found.text, found.median_seconds) for found in listed.learned] == [("add <number>", 1.5)]


FORETOLD = Forecast(Prediction(10.0, 5.0, 20.5, 12.0, 8.0, {"kind": 2}), NOW, late=True)
SHOWN = {
    "seconds": 10.0,
    "low": 5.0,
    "high": 20.5,
    "work_seconds": 12.0,
    "critical_path_seconds": 8.0,
    "evidence": {"kind": 2},
}


async def test_what_is_foretold_is_shown(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.foretold = FORETOLD

    assert (await client.post("/tasks", json={"plan": {}})).json()["estimate"] == SHOWN
    assert read(schemas.PlanPreview, await client.post("/plans/preview", json={"plan": {}})).estimate is not None
    progress = (await client.get("/tasks/T0001")).json()["task"]["progress"]
    assert (progress["eta"], progress["late"]) == ("2026-11-18T11:06:50.123Z", True)
    assert (progress["eta_low"], progress["eta_high"]) == ("2026-11-18T11:06:45.123Z", "2026-11-18T11:07:00.623Z")


async def test_what_would_be_if_something_were_different(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.foretold = FORETOLD
    body = {"slots": 8, "max_parallel": 4, "factors": {"noop": 2.5}, "without": ["a"]}
    answer = read(schemas.WhatIfAnswer, await client.post("/tasks/T0001/what-if", json=body))

    assert (answer.now.seconds, answer.then.seconds, answer.difference) == (10.0, 5.0, -5.0)
    assert engine.alternatives == [Alternative(8, 4, {"noop": 2.5}, ["a"])]
    found = problem(await client.post("/tasks/T0001/what-if", json={"factors": {"noop": 0}}), 400, "invalid-input")
    assert [error.pointer for error in found.errors] == ["/factors/noop"]
    problem(await client.post("/tasks/nope/what-if"), 404, "not-found")


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_a_task_and_its_subtasks(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_subtasks[1] = a_subtask(
        "b", 1, status=SubtaskStatus.PROCESSING, output=None, completed_at=None, attempts=0
    )
    document = (await client.get("/tasks/T0001")).json()
    assert document == {
        "seq": 0,
        "callbacks": [],
        "task": {
            "id": "T0001",
            "user_id": "ann",
            "name": "demo",
            "type": "plan",
            "description": "",
            "tags": ["a", "b"],
            "priority": 5,
            "status": "processing",
            "created_at": "2026-11-18T11:06:40.123Z",
            "updated_at": "2026-11-18T11:06:40.123Z",
            "started_at": "2026-11-18T11:06:40.123Z",
            "completed_at": None,
            "deadline_at": None,
            "subtasks": {"completed": 1, "processing": 1},
            "gate": None,
            "gate_detail": None,
            "pause": None,
            "progress": {
                "percent": 50.0,
                "completed": 1,
                "total": 2,
                "eta": None,
                "eta_low": None,
                "eta_high": None,
                "late": False,
            },
            "phase": "aggregating",
            "current": ["b"],
            "result": None,
            "browser_url": None,
            "error": None,
            "warnings": [],
            "impact": {},
            "failure_policy": "continue",
            "planned": None,
            "note": None,
            "rerun_of": None,
        },
        "subtask_results": [
            {
                "subtask_id": "T0001.0000000",
                "key": "a",
                "type": "noop",
                "status": "completed",
                "output": 1,
                "error": None,
                "attempts": 1,
                "retry_at": None,
                "reason": None,
                "cached": False,
                "agent_id": None,
                "queued_at": "2026-11-18T11:06:40.123Z",
                "started_at": "2026-11-18T11:06:40.123Z",
                "completed_at": "2026-11-18T11:06:41.623Z",
                "execution_time": 1.5,
            },
            {
                "subtask_id": "T0001.0000001",
                "key": "b",
                "type": "noop",
                "status": "processing",
                "output": None,
                "error": None,
                "attempts": 0,
                "retry_at": None,
                "reason": None,
                "cached": False,
                "agent_id": None,
                "queued_at": "2026-11-18T11:06:40.123Z",
                "started_at": "2026-11-18T11:06:40.123Z",
                "completed_at": None,
                "execution_time": None,
            },
        ],
    }


async def test_a_failed_task_says_why(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    counts = {"failed": 1, "blocked": 1}
    error = FAILURE[:-1] + ',"subtasks":[{"key":"a","status":"failed"}]}'
    engine.held_tasks = [a_task(status=TaskStatus.FAILED, counts=counts, error=error, completed_at=NOW)]
    engine.held_subtasks = [a_subtask("a", status=SubtaskStatus.FAILED, output=None, error=FAILURE, attempts=2)]
    document = read(schemas.TaskDocument, await client.get("/tasks/T0001"))
    assert document.task.error.suggestion == "name one that exists"
    assert [(row.key, row.status) for row in document.task.error.subtasks] == [("a", SubtaskStatus.FAILED)]
    assert document.task.phase is None
    assert (document.task.progress.percent, document.task.progress.completed) == (100.0, 0)
    error = document.subtask_results[0].error
    assert (error.category, error.message, error.attempt) == ("configuration", "no such file", 2)


async def test_large_integers_leave_exactly(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_subtasks = [a_subtask("a", output="2432902008176640000123456789")]
    document = (await client.get("/tasks/T0001")).json()
    assert document["subtask_results"][0]["output"] == 2432902008176640000123456789


async def test_pages_of_tasks_follow_each_other(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(number) for number in range(1, 6)]
    seen: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = read(schemas.TaskPage, await client.get(f"/tasks?limit=2{cursor and f'&cursor={cursor}'}"))
        seen += [task.id for task in page.tasks]
        cursor, pages = page.next_cursor, pages + 1
    assert seen == ["T0005", "T0004", "T0003", "T0002", "T0001"]
    assert pages == 3


async def test_the_last_full_page_knows_that_it_is_the_last(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks = [a_task(number) for number in range(1, 5)]
    first = read(schemas.TaskPage, await client.get("/tasks?limit=2"))
    second = read(schemas.TaskPage, await client.get(f"/tasks?limit=2&cursor={first.next_cursor}"))
    assert second.next_cursor is None


async def test_pages_of_subtasks_follow_each_other(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_subtasks = [a_subtask(f"k{number}", number) for number in range(3)]
    first = read(schemas.SubtaskPage, await client.get("/tasks/T0001/subtasks?limit=2"))
    second = read(schemas.SubtaskPage, await client.get(f"/tasks/T0001/subtasks?cursor={first.next_cursor}"))
    assert [row.key for row in (*first.subtask_results, *second.subtask_results)] == ["k0", "k1", "k2"]
    assert second.next_cursor is None


async def test_filters_reach_the_engine(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_tasks.append(a_task(2, status=TaskStatus.FAILED))
    page = read(schemas.TaskPage, await client.get("/tasks?status=failed&tag=a&type=plan&user_id=ann"))
    assert [task.id for task in page.tasks] == ["T0002"]


async def test_a_search_that_has_not_looked_at_all_says_where_to_go_on(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    engine.held_tasks = [a_task(number) for number in range(1, 6)]
    engine.looked_back_to = "T0004"
    page = read(schemas.TaskPage, await client.get("/tasks?search=Some Text"))
    assert [task.id for task in page.tasks] == ["T0005", "T0004"]
    assert engine.wanted["search"] == "Some Text"
    engine.looked_back_to = None
    rest = read(schemas.TaskPage, await client.get(f"/tasks?search=x&cursor={page.next_cursor}"))
    assert ([task.id for task in rest.tasks], rest.next_cursor) == (["T0003", "T0002", "T0001"], None)


async def test_times_bound_the_ids_because_these_begin_with_them(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    moments = [NOW - 1, NOW, NOW + 1]
    engine.held_tasks = [a_task(id=first_ulid(moment)) for moment in moments]

    async def found(query: str) -> list[str]:
        return [task.id for task in read(schemas.TaskPage, await client.get(f"/tasks?{query}")).tasks]

    newest, middle, oldest = (first_ulid(moment) for moment in reversed(moments))
    assert await found("from=2026-11-18T11:06:40.123Z") == [newest, middle]
    assert await found("to=2026-11-18T12:06:40.124%2B01:00") == [middle, oldest]
    assert await found("from=2026-11-18T11:06:40.123Z&to=2026-11-18T11:06:40.124Z") == [middle]
    for wrong in ("2026-11-18T11:06:40", "1795000000", "yesterday"):
        problem(await client.get(f"/tasks?from={wrong}"), 400, "invalid-input")


async def test_tools_are_listed(client: httpx2.AsyncClient) -> None:
    (tool,) = read(schemas.Tools, await client.get("/tools")).tools
    assert (tool.name, tool.running, tool.limit, tool.profile) == ("noop", 1, 4, None)


async def test_a_tool_is_reset(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    tool = read(schemas.ToolView, await client.post("/tools/http_request/reset", json={"endpoint": "a:1"}))
    assert (tool.breakers, engine.bodies) == ([], [{"name": "http_request", "endpoint": "a:1"}])
    problem(await client.post("/tools/x/reset", json={"endpoint": 1}), 400, "invalid-input")


@pytest.mark.parametrize("key", ["a.b", "a:b", "a+b", "a-b_c", "KEY[0]", "0"])
async def test_keys_of_every_form_can_be_asked_for(client: httpx2.AsyncClient, engine: FakeEngine, key: str) -> None:
    attempt = Attempt(
        token=1,
        outcome="failed",
        ran_on="E1",
        started_at=NOW,
        finished_at=NOW + 250,
        output=None,
        output_hash=None,
        output_bytes=0,
        error=FAILURE,
    )
    engine.held_subtasks, engine.attempts = [a_subtask(key)], [attempt]
    detail = read(schemas.SubtaskDetail, await client.get(f"/tasks/T0001/subtasks/{key}"))
    assert detail.subtask.key == key
    assert (detail.input, detail.resolved_input) == ({"n": 1}, {"n": 2})
    assert detail.dependencies == ["a"]
    assert (detail.attempts[0].execution_time, detail.attempts[0].error.attempt) == (0.25, 1)


async def test_the_graph_has_its_documented_form(client: httpx2.AsyncClient) -> None:
    graph = read(schemas.GraphView, await client.get("/tasks/T0001/graph"))
    assert graph.edges == [("a", "b")]


async def test_events_go_on_where_they_ended(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_events = [
        Event(task_id="T0001", seq=1, at=NOW, key="", status="processing", token=0),
        Event(task_id="T0001", seq=2, at=NOW, key="a", status="processing", token=7),
    ]
    page = read(schemas.EventPage, await client.get("/tasks/T0001/events?after=0"))
    assert [(event.seq, event.key, event.token) for event in page.events] == [(1, None, None), (2, "a", 7)]
    assert page.next_after == 2
    end = read(schemas.EventPage, await client.get("/tasks/T0001/events?after=2"))
    assert (end.events, end.next_after) == ([], 2)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "slug", "retry_after"),
    [
        (errors.TooLarge("too large; split it"), 413, "too-large", None),
        (errors.NotFound("no such task"), 404, "not-found", None),
        (errors.Conflict("it is completed"), 409, "conflict", None),
        (errors.Busy("1,000,000 are queued", 2.1), 429, "busy", "3"),
        (errors.Busy("full", 0.0), 429, "busy", "1"),
        (errors.GraphUnavailable("no answer"), 503, "graph-unavailable", "5"),
        (errors.GraphLocked("held by 42"), 503, "graph-unavailable", "5"),
        (errors.GraphRefused("wrong password"), 503, "graph-refused", "5"),
        (errors.Fenced(), 503, "fenced", "5"),
        (errors.EngineError("the blob is gone; restore BLOB_PATH"), 500, "engine", None),
    ],
)
async def test_every_error_of_the_engine_has_its_status(
    client: httpx2.AsyncClient, engine: FakeEngine, error: Exception, status: int, slug: str, retry_after: str | None
) -> None:
    engine.failure = error
    response = await client.get("/tasks/T0001")
    assert problem(response, status, slug).detail == str(error)
    assert response.headers.get("retry-after") == retry_after


@pytest.mark.parametrize("error", [RuntimeError("password=hunter2"), KeyError("password=hunter2")])
async def test_what_nobody_foresaw_is_told_in_general_words(
    client: httpx2.AsyncClient, engine: FakeEngine, error: Exception
) -> None:
    engine.failure = error
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logged:
        response = await client.get("/tasks", headers={"x-request-id": "trace-7"})
    found = problem(response, 500, "internal")
    assert "hunter2" not in response.text
    assert "trace-7" in found.detail
    failure = next(entry for entry in logged if entry["event"] == "request failed")
    assert failure["request_id"] == "trace-7"
    assert failure["exc_info"]


async def test_an_unknown_route_and_a_wrong_method_are_problems(client: httpx2.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "unknown-route")
    response = await client.delete("/tasks")
    problem(response, 405, "method-not-allowed")
    assert set(response.headers["allow"].split(", ")) >= {"POST"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("status=dnoe", "status"),
        ("cursor=!!", "cursor"),
        ("stauts=failed", "stauts"),
    ],
)
async def test_wrong_parameters_are_named(client: httpx2.AsyncClient, query: str, parameter: str) -> None:
    found = problem(await client.get(f"/tasks?{query}"), 400, "invalid-input")
    assert [error.parameter for error in found.errors] == [parameter]
    assert parameter in found.detail


@pytest.mark.parametrize("path", ["", "/subtasks", "/subtasks/a", "/graph", "/events"])
async def test_an_unknown_task_is_404_everywhere(client: httpx2.AsyncClient, path: str) -> None:
    problem(await client.get(f"/tasks/T9999{path}"), 404, "not-found")


# --- health, metrics, document ---------------------------------------------------------------------------------------


async def test_liveness_touches_nothing(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.failure = errors.GraphUnavailable()
    assert (await client.get("/health/live")).json() == {"status": "alive"}


async def test_readiness_gives_its_reasons(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    assert (await client.get("/health/ready")).json() == {"status": "ready"}
    engine.reasons = ["it drains", "the graph does not answer"]
    response = await client.get("/health/ready")
    found = problem(response, 503, "not-ready")
    assert [error.detail for error in found.errors] == engine.reasons
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize(("state", "status"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)])
async def test_health_is_for_people_and_for_plain_probes(
    client: httpx2.AsyncClient, engine: FakeEngine, state: str, status: int
) -> None:
    engine.state = state
    response = await client.get("/health")
    assert response.status_code == status
    assert schemas.Health.model_validate_json(response.content).status == state


async def test_metrics_name_routes_by_template(client: httpx2.AsyncClient) -> None:
    await client.get("/tasks/T0001")
    await client.get("/nowhere/at/all")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'route="/tasks/{task_id}",status="200"' in response.text
    assert 'route="unmatched",status="404"' in response.text
    assert "T0001" not in response.text
    assert "agent03_subtasks_ready 3.0" in response.text


async def test_the_request_id_is_echoed_when_it_is_harmless(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/health/live", headers={"x-request-id": "a-1"})).headers["x-request-id"] == "a-1"
    fresh = (await client.get("/health/live", headers={"x-request-id": "a\tb" * 90})).headers["x-request-id"]
    assert len(fresh) == 32


async def test_large_answers_are_compressed(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    engine.held_subtasks = [a_subtask(f"k{number}", number) for number in range(100)]
    response = await client.get("/tasks/T0001", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert len(read(schemas.TaskDocument, response).subtask_results) == 100


async def test_statistics_are_told_by_type_and_day(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    found = read(stats.Stats, await client.get("/stats?days=3"))

    assert (found.days, found.totals.attempts, found.totals.success_rate) == (3, 5, 0.8)
    assert [(row.type, row.completed, row.failed) for row in found.types] == [("noop", 4, 1)]
    assert [(row.day, row.type) for row in found.trends] == [("2026-11-18", "noop")]
    assert found.bottlenecks[0].detail == "noop: 100% of all time, 9.0 s"
    assert found.resources.memory_bytes > 1_000_000
    for wrong in ("0", "91", "week"):
        problem(await client.get(f"/stats?days={wrong}"), 400, "invalid-input")
    engine.failure = errors.GraphUnavailable("away")
    problem(await client.get("/stats"), 503, "graph-unavailable")


async def test_estimates_are_told_by_kind(client: httpx2.AsyncClient) -> None:
    found = read(stats.Estimates, await client.get("/estimates?type=noop")).estimates

    assert [(row.type, row.version, row.input_bytes, row.count) for row in found] == [("noop", "1", [8, 15], 2)]
    assert 1.9 < (found[0].p90 or 0) < 2.1 and found[0].updated_at == "2026-11-18T11:06:40.123Z"
    assert read(stats.Estimates, await client.get("/estimates?type=other")).estimates == []


async def test_the_root_is_the_page_to_look_at(client: httpx2.AsyncClient) -> None:
    response = await client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in response.headers["content-security-policy"]


async def test_the_document_is_complete(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {name: operation["operationId"] for name, operation in operations.items()} == {
        "POST /keys": "create_key",
        "GET /keys": "list_keys",
        "DELETE /keys/{key_id}": "revoke_key",
        "POST /tasks": "create_task",
        "GET /tasks": "list_tasks",
        "GET /tasks/{task_id}": "get_task",
        "POST /tasks/{task_id}/cancel": "cancel_task",
        "POST /tasks/{task_id}/pause": "pause_task",
        "POST /tasks/{task_id}/resume": "resume_task",
        "POST /tasks/{task_id}/subtasks/{key}/approve": "approve_subtask",
        "POST /tasks/{task_id}/subtasks/{key}/reject": "reject_subtask",
        "GET /approvals": "list_approvals",
        "GET /tasks/{task_id}/taint": "get_taint",
        "GET /tasks/{task_id}/approvals": "list_approvals_of_task",
        "POST /tasks/{task_id}/approvals": "decide_approvals",
        "POST /tasks/{task_id}/subtasks/{key}/retry": "retry_subtask",
        "POST /tasks/{task_id}/subtasks/{key}/skip": "skip_subtask",
        "POST /tasks/{task_id}/rerun": "rerun_task",
        "POST /recall": "recall_outputs",
        "GET /logs": "list_logs",
        "GET /search": "search_embeddings",
        "GET /tasks/{task_id}/files/{name}": "read_task_file",
        "PUT /tasks/{task_id}/files/{name}": "write_task_file",
        "GET /tasks/{task_id}/state/{name}": "get_shared_value",
        "PUT /tasks/{task_id}/state/{name}": "set_shared_value",
        "DELETE /tasks/{task_id}": "delete_task",
        "GET /tasks/{task_id}/subtasks": "list_subtasks",
        "GET /tasks/{task_id}/subtasks/{key}": "get_subtask",
        "GET /tasks/{task_id}/subtasks/{key}/files/{name}": "get_subtask_file",
        "GET /tasks/{task_id}/report": "get_report",
        "GET /tasks/{task_id}/reports": "list_reports",
        "GET /tasks/{task_id}/diff/{other_id}": "diff_tasks",
        "GET /tasks/{task_id}/why": "why_task",
        "GET /tasks/{task_id}/why/{key}": "why_subtask",
        "GET /tasks/{task_id}/graph": "get_graph",
        "GET /events": "watch_tasks",
        "GET /tasks/{task_id}/events": "list_events",
        "POST /tasks/{task_id}/what-if": "what_if",
        "POST /plans/preview": "preview_plan",
        "GET /tools": "list_tools",
        "GET /agents": "list_agents",
        "GET /agents/available": "list_available_agents",
        "GET /agents/pool": "list_pools",
        "POST /agents/pool": "scale_pool",
        "GET /agents/{agent_id}": "get_agent",
        "POST /agents": "register_agent",
        "PUT /agents/{agent_id}/heartbeat": "beat_agent",
        "DELETE /agents/{agent_id}": "remove_agent",
        "POST /agents/{agent_id}/results": "return_result",
        "POST /tools/{name}/reset": "reset_tool",
        "POST /graph/query": "query_graph",
        "GET /graph/queries": "list_graph_queries",
        "POST /graph/queries/{name}": "run_graph_query",
        "GET /templates": "list_templates",
        "GET /stats": "get_stats",
        "GET /estimates": "list_estimates",
        "POST /route/preview": "preview_route",
        "GET /route/schema": "get_router_schema",
        "GET /cache/stats": "get_cache_stats",
        "POST /cache/invalidate": "invalidate_cache",
        "GET /cache/explain/{task_id}/{key}": "explain_cache",
        "GET /browser/style.grass": "get_browser_style",
        "GET /browser/guide": "get_browser_guide",
        "GET /browser/guide/{task_id}": "get_browser_guide_of_task",
        "GET /health": "get_health",
        "GET /health/live": "get_liveness",
        "GET /health/ready": "get_readiness",
        "GET /metrics": "get_metrics",
    }
    for operation in operations.values():
        assert "422" not in operation["responses"]
        assert operation["tags"]
        assert operation["description"]
    assert "ValidationError" not in document["components"]["schemas"]
    assert _dangling(document) == set()


def _dangling(document: dict[str, Any]) -> set[str]:
    """References into the document that lead nowhere."""
    parts = document["components"]
    known = {f"#/components/{part}/{name}" for part in parts for name in parts[part]}
    found: set[str] = set()
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            found |= {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found - known
