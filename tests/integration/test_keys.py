"""Keys from end to end: how the first one is made, what is noted of who did something, and that all hear of a
revocation. Every operation by every scope: ``test_matrix.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from api.access import scope_of
from api.app import create_app, document
from api.metrics import Metrics
from engine.service import Engine
from tests.support.engines import GATES, Lab, finished, story
from tests.support.live import live_server
from tests.support.plans import plan, step
from tests.support.services import eventually

OPERATIONS = [
    (method.upper(), path, scope_of(says["operationId"]), says["operationId"])
    for path, methods in document()["paths"].items()
    for method, says in methods.items()
]
ENDLESS = {"watch_tasks"}


@asynccontextmanager
async def served(engine: Engine, host: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(engine, engine.settings, Metrics())
    transport = httpx2.ASGITransport(app=app, client=(host, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def made(client: httpx2.AsyncClient, subject: str, *scopes: str, by: str = "", **more: str) -> dict[str, Any]:
    body = {"subject": subject, "scopes": list(scopes), **more}
    answer = await client.post("/keys", json=body, headers=bearer(by) if by else {})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_first_key_is_made_here_and_makes_the_others(lab: Lab) -> None:
    engine = await lab.start()
    body = {"subject": "root", "scopes": ["admin"]}
    async with served(engine, "192.0.2.7") as away:
        assert (await away.get("/tasks")).status_code == 200
        assert (await away.post("/keys", json=body)).status_code == 403
    async with served(engine) as client:
        for name in ("X-Forwarded-For", "Forwarded", "Origin", "Sec-Fetch-Site"):
            answer = await client.post("/keys", json=body, headers={name: "none"})
            assert answer.status_code == 403, name
        assert (await client.post("/keys", json={**body, "scopes": ["read"]})).json()["errors"][0][
            "pointer"
        ] == "/scopes"
        admin = await made(client, "root", "admin")
        assert (await client.get("/tasks")).status_code == 401
        assert (await client.post("/keys", json=body)).status_code == 401
        other = await made(client, "ci", "read", by=admin["key"], user_id="ann")
        listed = (await client.get("/keys", headers=bearer(admin["key"]))).json()["keys"]
        assert [(key["subject"], key["created_by"], key["user_id"]) for key in listed] == [
            ("root", "", ""),
            ("ci", "root", "ann"),
        ]
        assert not [text for text in (admin["key"], other["key"]) if text in str(listed)]
        assert (await client.delete("/keys/none", headers=bearer(admin["key"]))).status_code == 404
    await lab.stop(engine)
    async with served(await lab.start()) as client:  # they are in the graph
        assert (await client.get("/tasks")).status_code == 401
        assert (await client.get("/tasks", headers=bearer(other["key"]))).status_code == 200


async def test_what_a_person_causes_names_who_it_was(lab: Lab) -> None:
    engine = await lab.start()
    name = f"keys {lab.kind}"
    async with served(engine) as client:
        admin = (await made(client, "root", "admin"))["key"]
        ci = (await made(client, "ci", "submit", by=admin, user_id="ann"))["key"]
        body = plan(step("wait", type="gate", input={"name": name}), step("a", "wait"), step("b", "wait"))
        assert (await client.post("/tasks", json={**body, "user_id": "bob"}, headers=bearer(ci))).status_code == 403
        task_id = (await client.post("/tasks", json=body, headers=bearer(ci))).json()["task_id"]
        for verb in ("pause", "resume", "subtasks/b/skip"):
            answer = await client.post(f"/tasks/{task_id}/{verb}", headers=bearer(admin))
            assert answer.status_code == 200, answer.text
        GATES.setdefault(name, asyncio.Event()).set()
        await finished(engine, task_id)
        rerun = await client.post(f"/tasks/{task_id}/rerun", json={"from": "start"}, headers=bearer(ci))
        await finished(engine, rerun.json()["task_id"])
        other = (await engine.submit(plan(step("a")))).task_id
        await finished(engine, other)
        assert (
            await client.post(f"/tasks/{other}/rerun", json={"from": "start"}, headers=bearer(ci))
        ).status_code == 404
    said = {(event.event, event.key): event.detail for event in await story(engine, task_id)}
    assert said["created", ""] == "ci"
    assert said["pause", ""] == said["resume", ""] == said["skip", "b"] == "root"
    assert (await story(engine, rerun.json()["task_id"]))[0].detail == "ci"
    assert (await story(engine, other))[0].detail == ""
    assert (await engine.task(task_id)).user_id == "ann"


async def test_a_key_that_is_revoked_elsewhere_is_of_no_use_within_a_heartbeat(neo4j_lab: Lab, tmp_path: Any) -> None:
    first = await neo4j_lab.start()
    second = await neo4j_lab.start(data_path=str(tmp_path / "second"), blob_path=str(first.settings.blobs))
    _, admin = await first.keyring.create("root", ["admin"])
    key, text = await first.keyring.create("ci", ["read"])
    async with served(second) as client:

        async def status(wanted: int) -> bool:
            return (await client.get("/tasks", headers=bearer(text))).status_code == wanted

        async def asks() -> bool:
            return (await client.get("/tasks")).status_code == 401

        await eventually(asks, 10)
        assert await status(200)
        await first.keyring.revoke(key.id)
        await eventually(lambda: status(401), 10)
        assert (await client.get("/tasks", headers=bearer(admin))).status_code == 200


async def test_what_is_followed_live_ends_with_its_key(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    _, admin = await engine.keyring.create("root", ["admin"])
    key, text = await engine.keyring.create("viewer", ["read"])
    name = "keys live"
    task_id = (await engine.submit(plan(step("wait", type="gate", input={"name": name}), step("a", "wait")))).task_id
    async with live_server(engine) as server, httpx2.AsyncClient(base_url=server.url) as client:
        path = f"/tasks/{task_id}/events"
        stream = {"Accept": "text/event-stream"}
        assert (await client.get(path, headers=stream)).status_code == 401
        async with client.stream("GET", path, headers={**stream, **bearer(text)}) as response:
            parts = response.aiter_text()
            assert "retry" in await anext(parts)
            while "created" not in await anext(parts):
                pass
            await engine.keyring.revoke(key.id)
            GATES.setdefault(name, asyncio.Event()).set()
            await finished(engine, task_id)
            assert "completed" not in "".join([part async for part in parts])
        async with client.stream("GET", path, headers={**stream, **bearer(admin)}) as response:
            assert "completed" in "".join([part async for part in response.aiter_text()])


@pytest.mark.parametrize("kind", ["none", "wrong", "narrow", "good"])
async def test_a_websocket_asks_for_a_key_too(embedded_lab: Lab, kind: str) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    engine = await embedded_lab.start()
    _, admin = await engine.keyring.create("root", ["admin"])
    _, narrow = await engine.keyring.create("ci", ["submit"])
    task_id = (await engine.submit(plan(step("a")))).task_id
    await finished(engine, task_id)
    shown = {"none": {}, "wrong": bearer("a3_x"), "narrow": bearer(narrow), "good": bearer(admin)}[kind]
    async with live_server(engine) as server:
        url = f"ws://127.0.0.1:{server.port}/ws/tasks/{task_id}"
        if kind == "good":
            async with connect(url, additional_headers=shown) as socket:
                assert '"created"' in await socket.recv()
            return
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=shown)
        assert refused.value.response.status_code == (403 if kind == "narrow" else 401)
