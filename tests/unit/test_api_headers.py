"""What requests and answers carry beside their bodies: methods, media types, traces, encodings."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from typing import Any, cast

import httpx2
import pytest
import structlog

from api.app import create_app
from api.metrics import Metrics
from api.trace_context import trace_id
from engine.service import Engine
from engine.settings import Settings
from tests.support.fake_engine import FakeEngine, a_task
from tests.support.http import client_of, problem

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(held_tasks=[a_task()])


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(engine) as client:
        yield client


@pytest.mark.parametrize("path", ["/tasks", "/tasks/T0001", "/tasks/none", "/nowhere", "/metrics"])
async def test_head_answers_as_get_does_without_the_body(client: httpx2.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["x-request-id"]
    if path != "/metrics":  # its answer counts the requests
        assert int(head.headers["content-length"]) == len(got.content)


async def test_the_server_below_sees_head_whenever_something_is_sent(engine: FakeEngine) -> None:
    """It holds the length of a body against the length that was announced, unless it was asked for HEAD."""
    app = create_app(cast(Engine, engine), Settings(), Metrics())
    scope: dict[str, Any] = {"type": "http", "method": "HEAD", "path": "/tasks", "query_string": b"", "headers": []}
    seen: list[tuple[str, str]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        seen.append((message["type"].rpartition(".")[2], scope["method"]))

    await app(scope, receive, send)
    assert (seen, scope["method"]) == ([("start", "HEAD"), ("body", "HEAD")], "HEAD")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/tasks", "GET, POST, HEAD, OPTIONS"),
        ("/tasks/T0001", "GET, DELETE, HEAD, OPTIONS"),
        ("/tasks/T0001/pause", "POST, OPTIONS"),
    ],
)
async def test_a_path_names_its_methods(client: httpx2.AsyncClient, path: str, methods: str) -> None:
    asked, wrong = await client.options(path), await client.put(path)
    assert (asked.status_code, asked.headers["allow"]) == (204, methods)
    problem(wrong, 405, "method-not-allowed")
    assert wrong.headers["allow"] == methods


async def test_an_unknown_path_has_no_methods(client: httpx2.AsyncClient) -> None:
    problem(await client.options("/nowhere"), 404, "unknown-route")


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, */*;q=0.1", "application/json", ""])
async def test_whoever_takes_json_gets_it(client: httpx2.AsyncClient, accept: str) -> None:
    assert (await client.get("/tasks", headers={"accept": accept})).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/png, text/*"])
async def test_nothing_is_done_for_whoever_would_not_take_the_answer(
    client: httpx2.AsyncClient, engine: FakeEngine, accept: str
) -> None:
    found = problem(await client.post("/tasks", json={}, headers={"accept": accept}), 406, "not-acceptable")
    assert "application/json" in found.detail
    assert engine.bodies == []


async def test_a_compressed_body_is_refused(client: httpx2.AsyncClient, engine: FakeEngine) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = await client.post("/tasks", content=b"\x1f\x8b", headers=headers)
    problem(response, 415, "unsupported-media-type")
    assert response.headers["accept-encoding"] == "identity"
    assert engine.bodies == []


async def test_a_large_answer_is_compressed_for_whoever_takes_that(
    client: httpx2.AsyncClient, engine: FakeEngine
) -> None:
    engine.held_tasks = [a_task(number) for number in range(10)]
    packed = await client.get("/tasks", headers={"accept-encoding": "gzip"})
    plain = await client.get("/tasks", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


async def test_the_trace_of_the_caller_is_in_the_log_and_in_the_answer(client: httpx2.AsyncClient) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logged:
        response = await client.get("/tasks", headers={"traceparent": PARENT})
        plain = await client.get("/tasks", headers={"traceparent": PARENT.upper()})
    assert response.headers["traceparent"] == PARENT
    assert [entry.get("trace_id") for entry in logged if entry["event"] == "request"] == [TRACE, None]
    assert (plain.status_code, "traceparent" in plain.headers) == (200, False)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (PARENT, TRACE),
        (f"{PARENT}-more", None),
        (f"cc{PARENT[2:]}-what-the-future-will-be", TRACE),
        (f"ff{PARENT[2:]}", None),
        (PARENT.replace(TRACE, "0" * 32), None),
        (PARENT.replace("b7ad6b7169203331", "0" * 16), None),
        (PARENT[:-1], None),
        ("", None),
    ],
)
def test_a_malformed_traceparent_is_none(header: str, found: str | None) -> None:
    assert trace_id(header) == found
