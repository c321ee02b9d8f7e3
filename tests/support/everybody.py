"""A server that everybody asks, for the tests of who may do what: keys of every kind, tasks of ann and of bob."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from api.app import Api, create_app
from api.metrics import Metrics
from engine.model import Json
from engine.service import Engine
from tests.integration.test_api_document import OPERATIONS, PREPARED, Server, final_task
from tests.integration.test_keys import bearer
from tests.support.engines import Lab
from tests.support.matrix import ADMIN, OPEN, SCOPES, TABLE, Row, contents
from tests.support.plans import plan, step
from tests.support.services import eventually

DOCUMENTED = {(operation.method, operation.path): operation for operation in OPERATIONS}
BODIES: dict[tuple[str, str], Json] = {
    ("POST", "/mcp"): {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
    ("PUT", "/tasks/{task_id}/files/{name:path}"): {"content": "# planted"},
}
MCP_TAKES = {"accept": "application/json, text/event-stream"}


@dataclass
class Told:
    """An answer: its status, headers and body; of one that never ends its beginning."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def problem(self) -> str:
        """The kind of problem, "" where it is none."""
        return str(json.loads(self.body)["type"]).rpartition(":")[2] if self.status >= 400 and self.body else ""


@dataclass
class Matrix:
    """A server with keys of every kind, a task of ann's and one of bob's, both waiting for a person."""

    engine: Engine
    app: Api
    client: httpx2.AsyncClient
    keys: dict[str, str]
    tasks: dict[str, str]

    async def ask(self, row: Row, key: str, place: dict[str, str], **headers: str) -> Told:
        """One request of a route with a key, "" for none, about a place."""
        path = row.path.replace(":path}", "}").format_map({**place})
        given = {**(bearer(key) if key else {}), **headers}
        if row.method == "WS" or row.path == "/events":
            return await self._begin(row.method, path, given)
        shown = DOCUMENTED.get((row.method, row.path.replace(":path}", "}")))
        body = BODIES.get((row.method, row.path)) or (shown.examples[0] if shown and shown.examples else None)
        sent: dict[str, Any] = {} if body is None else {"content": json.dumps(body)}
        typed = {} if body is None else {"content-type": "application/json"}
        if row.path == "/mcp":
            typed |= MCP_TAKES
        answer = await self.client.request(
            row.method, path, headers={**typed, **given}, params=query(row, place), **sent
        )
        return Told(answer.status_code, dict(answer.headers), answer.content)

    async def head(self, row: Row, key: str, place: dict[str, str]) -> Told:
        """The same as HEAD."""
        path = row.path.replace(":path}", "}").format_map({**place})
        answer = await self.client.head(path, headers=bearer(key) if key else {}, params=query(row, place))
        return Told(answer.status_code, dict(answer.headers), answer.content)

    async def _begin(self, method: str, path: str, headers: dict[str, str]) -> Told:
        """What a stream or a WebSocket begins with; then its reader leaves."""
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        left, opening = asyncio.Event(), ["websocket.connect" if method == "WS" else "http.request"]

        async def receive() -> dict[str, Any]:
            if opening:
                return {"type": opening.pop(), "body": b"", "more_body": False}
            await left.wait()
            return {"type": "websocket.disconnect" if method == "WS" else "http.disconnect", "code": 1001}

        async def send(message: Any) -> None:
            kind = message["type"]
            if kind in ("websocket.accept", "http.response.start", "websocket.http.response.start") and not told.done():
                given = {name.decode(): value.decode() for name, value in message.get("headers", [])}
                told.set_result(Told(message.get("status", 101), given))
            if "body" in message and told.done():
                told.result().body += message["body"]
            if kind == "websocket.close" and not told.done():
                told.set_result(Told(message["code"]))

        scope = {
            "type": "websocket" if method == "WS" else "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws" if method == "WS" else "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in {"host": "test", **headers}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
            "extensions": {"websocket.http.response": {}},
        }
        if method == "WS":
            del scope["method"]
        answering = asyncio.create_task(self.app(scope, receive, send))
        try:
            found = await asyncio.wait_for(asyncio.shield(told), 30)
        finally:
            left.set()
            await asyncio.wait_for(answering, 30)
        return found


def query(row: Row, place: dict[str, str]) -> dict[str, str]:
    """What the query of a route has to have."""
    return {"/search": {"query": "sales"}, "/logs": {"task": place["task_id"]}}.get(row.path, {})


@asynccontextmanager
async def matrix(lab: Lab, **fields: Json) -> AsyncIterator[Matrix]:
    """The server of one test."""
    engine = await lab.start(**fields)
    app = create_app(engine, engine.settings, Metrics())
    ring = engine.keyring
    root, keys = await ring.create("root", [ADMIN]), {}
    keys["root"] = root[1]
    for scope in SCOPES:
        keys[scope] = (await ring.create(f"of {scope}", [scope]))[1]
        keys[f"ann {scope}"] = (await ring.create(f"ann {scope}", [scope], "ann"))[1]
    keys["bob"] = (await ring.create("bob", list(SCOPES), "bob"))[1]
    gone, keys["revoked"] = await ring.create("gone", list(SCOPES))
    await ring.revoke(gone.id)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        tasks = {}
        for user in ("ann", "bob"):
            body = plan(step("a"), step("ask", "a", requires_approval=True), user_id=user)
            tasks[user] = (await engine.submit(body)).task_id
        made = Matrix(engine, app, client, keys, tasks)
        for task_id in tasks.values():
            await eventually(lambda task_id=task_id: asks_somebody(engine, task_id))
        yield made


async def asks_somebody(engine: Engine, task_id: str) -> bool:
    stored = await engine._graph.task(task_id)
    told = (await engine.subtask(task_id, "ask"))[0].status == "awaiting_approval"
    return told and stored is not None and stored.status == "processing"


async def still(made: Matrix) -> set[str]:
    """The graph once nothing is being written any more."""
    found: list[set[str]] = [set()]

    async def settled() -> bool:
        found.append(await contents(made.engine._graph))
        return found[-1] == found[-2]

    await eventually(settled)
    return found[-1]


def place_of(made: Matrix, user: str) -> dict[str, str]:
    """What a path names: a subtask that waits for a person, in the task of a user."""
    other = made.tasks["bob" if user == "ann" else "ann"]
    return {**place_of_task(made.tasks[user]), "other_id": other, "key_id": made.engine.keyring.keys[0].id}


def place_of_task(task_id: str) -> dict[str, str]:
    """The same where nobody has a key."""
    return {"task_id": task_id, "other_id": task_id, "key": "ask", "name": "taken", "agent_id": "agent-1"}


def rows(*scopes: str) -> Iterable[Row]:
    """The rows that need one of these scopes; without any all that need one."""
    return [row for row in TABLE if (row.scope in scopes if scopes else row.scope != OPEN)]


async def good_place(made: Matrix, row: Row, user: str) -> dict[str, str]:
    """Where a request of a route succeeds, in a task of a user's."""
    shown = DOCUMENTED.get((row.method, row.path.replace(":path}", "}")))
    server = Server(made.engine, made.client, user)
    prepared = PREPARED.get(shown.id if shown else "")
    if prepared is None and "ended" not in made.tasks:
        made.tasks["ended"] = (await final_task(server))["task_id"]
    ended = {"task_id": made.tasks.get("ended", made.tasks[user]), "key": "count"}
    place = {"name": "critical_path", **(await prepared(server) if prepared else ended)}
    place.setdefault("task_id", made.tasks[user])
    place |= {"other_id": place["task_id"]}
    if row.path == "/page/{name:path}":
        place["name"] = "app.js"
    return {"key": "a", "agent_id": "agent-1", **{name: quote(value, safe="") for name, value in place.items()}}
