"""Every route by everybody: with no key, a wrong one, a revoked one, each scope, and the key of another user.

What each may do is written down in ``tests/support/matrix.py``. Each refused request is one that would do something:
a good body, about a task that there is. Afterwards the whole graph is compared with what it was before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import httpx2
import pytest

from api.app import Api, create_app, create_probes
from api.metrics import Metrics
from engine.model import Json
from engine.service import Engine
from engine.settings import Settings
from tests.integration.test_api_document import OPERATIONS, PREPARED, Server, final_task
from tests.integration.test_keys import bearer
from tests.support.engines import Lab
from tests.support.matrix import ADMIN, MCP, NONE, OPEN, PATH, SCOPES, TABLE, Row, contents
from tests.support.plans import plan, step
from tests.support.services import eventually

DOCUMENTED = {(operation.method, operation.path): operation for operation in OPERATIONS}
BODIES: dict[tuple[str, str], Json] = {
    ("POST", "/mcp"): {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
    ("PUT", "/tasks/{task_id}/files/{name:path}"): {"content": "# planted"},
}
MCP_TAKES = {"accept": "application/json, text/event-stream"}
CHALLENGE = 'Bearer realm="agent03"'


def routes_of(app: Api) -> set[tuple[str, str]]:
    """Method and path of everything that an application answers."""
    found: list[Any] = list(app.router.routes)
    flat = [
        one
        for route in found
        for one in (route.original_router.routes if hasattr(route, "original_router") else [route])
    ]
    return {
        (method, route.path)
        for route in flat
        for method in (sorted(route.methods - {"HEAD"}) if getattr(route, "methods", None) else ["WS"])
    }


def test_every_route_is_in_the_table_and_nothing_else() -> None:
    app = create_app(cast(Engine, None), Settings(), Metrics())
    listed = [(row.method, row.path) for row in TABLE]
    assert routes_of(app) - set(listed) == set(), "say in tests/support/matrix.py who may ask it"
    assert set(listed) - routes_of(app) == set()
    assert len(listed) == len(set(listed))
    probes = routes_of(create_probes(cast(Engine, None), Settings(), Metrics()))
    assert probes <= set(listed)
    assert {row.path for row in TABLE if (row.method, row.path) in probes and row.scope == OPEN} == {
        *("/health/live", "/health/ready", "/openapi.json")
    }


# --- what is asked --------------------------------------------------------------------------------------------------


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
            await eventually(lambda task_id=task_id: _asks(engine, task_id))
        yield made


async def _asks(engine: Engine, task_id: str) -> bool:
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


# --- who is refused -------------------------------------------------------------------------------------------------


async def test_whoever_may_not_is_refused_and_nothing_changes(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        place, before = place_of(made, "ann"), await still(made)
        strangers = {
            "none": "",
            "wrong": "a3_" + "x" * 43,
            "revoked": made.keys["revoked"],
            "half": made.keys["root"][:-1],
        }
        for row in rows():
            what = (row.method, row.path)
            for who, key in strangers.items():
                told = await made.ask(row, key, place)
                assert (told.status, told.problem) == (401, "unauthorized"), (*what, who, told)
                assert told.headers["www-authenticate"].startswith(CHALLENGE), (*what, who)
            assert (await made.ask(row, "", place, authorization="Basic cm9vdDpyb290")).status == 401, what
            for scope in SCOPES:
                if scope not in (row.scope, ADMIN):
                    told = await made.ask(row, made.keys[scope], place)
                    assert (told.status, told.problem) == (403, "missing-scope"), (*what, scope, told)
                    assert f'scope="{row.scope}"' in told.headers["www-authenticate"], (*what, scope)
            if row.reach in (PATH, NONE):
                told = await made.ask(row, made.keys["bob"], place)
                wanted = (404, "not-found") if row.reach == PATH else (403, "other-user")
                assert (told.status, told.problem) == wanted, (*what, told)
            if row.method == "GET" and row.path != "/events":
                told = await made.head(row, "", place)
                assert (told.status, told.body) == (401, b""), what
                if row.scope != SCOPES[1]:
                    assert (await made.head(row, made.keys[SCOPES[1]], place)).status == 403, what
        assert await still(made) == before


async def test_a_page_of_another_site_changes_nothing_even_with_a_key(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        place, before = place_of(made, "ann"), await still(made)
        for row in TABLE:
            what = (row.method, row.path)
            if row.method not in ("GET", "OPTIONS", "WS"):
                for site in ("cross-site", "same-site"):
                    told = await made.ask(row, made.keys["root"], place, **{"sec-fetch-site": site})
                    assert (told.status, told.problem) == (403, "cross-site"), (*what, told)
                for site in ("https://evil.example", "null", "http://test:81", "http://[", ""):
                    told = await made.ask(row, made.keys["root"], place, origin=site)
                    assert (told.status, told.problem) == (403, "cross-site"), (*what, site, told)
            elif row.method == "WS":
                told = await made.ask(row, made.keys["root"], place, origin="https://evil.example")
                assert told.status == 1008, what
            else:
                told = await made.ask(row, "", place, origin="https://evil.example")
                open_to_all = row.path.startswith("/browser/")
                assert ("access-control-allow-origin" in told.headers) == (open_to_all and told.status < 300), what
                assert "access-control-allow-credentials" not in told.headers, what
        assert await still(made) == before


async def test_without_keys_a_name_that_another_site_may_have_gets_nothing(embedded_lab: Lab) -> None:
    """Its owner can let it lead here: to a browser the page under it and this server are then one site."""
    engine = await embedded_lab.start(allowed_hosts=["engine.example.com"])
    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        task_id = (await engine.submit(plan(step("a"), step("ask", "a", requires_approval=True)))).task_id
        await eventually(lambda: _asks(engine, task_id))
        made = Matrix(engine, app, client, {}, {"ann": task_id, "bob": task_id})
        place = {**place_of_task(task_id), "key_id": "none"}
        before = await still(made)
        for row in TABLE:
            told = await made.ask(row, "", place, host="evil.example:8003", origin="http://evil.example:8003")
            if row.scope == OPEN:
                assert told.status not in (401, 403), (row.method, row.path, told)
            else:
                assert (told.status, told.problem) == (403, "unknown-name"), (row.method, row.path, told)
                assert b"ALLOWED_HOSTS" in told.body
        assert await still(made) == before
        for host in ("127.0.0.1:8003", "[::1]:8003", "localhost", "engine:8003", "engine.example.com"):
            assert (await client.get("/tasks", headers={"host": host})).status_code == 200, host
        _, key = await engine.keyring.create("root", [ADMIN])
        named = {"host": "evil.example:8003"}
        assert (await client.get("/tasks", headers=named)).status_code == 401
        assert (await client.get("/tasks", headers={**named, **bearer(key)})).status_code == 200


# --- who is let in --------------------------------------------------------------------------------------------------


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


async def test_the_scope_of_a_route_and_admin_are_let_in(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        for row in TABLE:
            place = await good_place(made, row, "ann")
            told = await made.ask(row, made.keys.get(row.scope, ""), place)
            assert told.status == row.good, (row.method, row.path, told)
            told = await made.ask(row, made.keys["root"], place)
            assert told.status not in (401, 403), (row.method, row.path, told)


async def test_the_key_of_one_user_does_all_that_its_scope_says_to_that_users_tasks(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        for row in rows():
            if row.reach == NONE:
                continue
            place = await good_place(made, row, "ann")
            told = await made.ask(row, made.keys[f"ann {row.scope}"], place)
            assert told.status == row.good, (row.method, row.path, told)


# --- the tools of MCP -----------------------------------------------------------------------------------------------


def arguments(made: Matrix, tool: str, task_id: str) -> dict[str, Json]:
    """What a tool is called with so that it would do something."""
    about: dict[str, Json] = {"task_id": task_id}
    return {
        "submit": {"task": plan(step("planted"))},
        "preview": {"task": plan(step("planted"))},
        "tasks": {"limit": 5},
        "subtask_types": {},
        "approvals": {},
        "graph_query": {"cypher": "MATCH (t:Task) RETURN t.id LIMIT 1"},
        "recall_dry_run": {"subtask": f"{task_id}/a"},
        "embedding_search": {"query": "sales"},
        "watch": {**about, "timeout_seconds": 0.01},
        "approve": {**about, "key": "ask"},
        "reject": {**about, "key": "ask"},
        "read_file": {**about, "path": "notes.md"},
        "write_file": {**about, "path": "notes.md", "content": "planted"},
        "get_shared_state": {**about, "name": "taken"},
        "set_shared_state": {**about, "name": "taken", "value": 1},
    }.get(tool, about)


async def called(made: Matrix, key: str, tool: str, given: dict[str, Json]) -> tuple[bool, str]:
    """Whether a tool refuses, and what it says."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": given}}
    answer = await made.client.post("/mcp", json=message, headers={**MCP_TAKES, **bearer(key)})
    assert answer.status_code == 200, (tool, answer.text)
    data = next(line for line in answer.text.splitlines() if line.startswith("data:")).removeprefix("data:")
    result = json.loads(data)["result"]
    return bool(result.get("isError")), " ".join(part.get("text", "") for part in result["content"])


async def test_a_tool_of_mcp_does_what_the_key_may_do_and_no_more(embedded_lab: Lab) -> None:
    async with matrix(embedded_lab) as made:
        listed = await made.client.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
            headers={**MCP_TAKES, **bearer(made.keys["read"])},
        )
        data = next(line for line in listed.text.splitlines() if line.startswith("data:")).removeprefix("data:")
        offered = {tool["name"] for tool in json.loads(data)["result"]["tools"]}
        assert offered == set(MCP), "say in tests/support/matrix.py which scope the tool needs"
        both = {scope: (await made.engine.keyring.create(f"mcp {scope}", ["read", scope]))[1] for scope in SCOPES}
        before = await still(made)
        for tool, needed in MCP.items():
            given = arguments(made, tool, made.tasks["ann"])
            for scope in SCOPES:
                if needed not in (scope, "read") and scope != ADMIN:
                    refused, said = await called(made, both[scope], tool, given)
                    assert refused and f"needs the scope {needed}" in said, (tool, scope, said)
            refused, said = await called(made, made.keys["bob"], tool, given)
            if "task_id" in given and tool != "recall_dry_run":
                assert refused and "no task has the id" in said, (tool, said)
            elif tool in ("graph_query", "recall_dry_run"):
                assert refused and "for the user bob alone" in said, (tool, said)
            else:
                assert made.tasks["ann"] not in said, (tool, said)
            if tool == "submit":
                before = await still(made)  # bob may submit, for himself
        assert await still(made) == before
        for tool, needed in MCP.items():
            _, said = await called(made, both[needed], tool, arguments(made, tool, made.tasks["ann"]))
            assert "needs the scope" not in said, (tool, said)


# --- agents ---------------------------------------------------------------------------------------------------------


async def test_the_token_of_agents_is_good_for_what_agents_say_and_for_nothing_else(embedded_lab: Lab) -> None:
    token = "open sesame please"
    async with matrix(embedded_lab, agent_token=token) as made:
        place = place_of(made, "ann")
        for row in rows():
            told = await made.ask(row, token, await good_place(made, row, "ann") if row.reach == NONE else place)
            says = row.scope == ADMIN and row.path.startswith("/agents")
            assert told.status == (row.good if says else 401), (row.method, row.path, told)
            if says:
                for scope in SCOPES[:-1]:
                    assert (await made.ask(row, made.keys[scope], place)).status == 403, (row.method, row.path, scope)
                assert (await made.ask(row, made.keys["bob"], place)).status == 403
                assert (await made.ask(row, token + "!", place)).status == 401
                assert (await made.ask(row, "", place)).status == 401


@pytest.mark.parametrize("scopes", [["read", "admin"], ["submit"]])
async def test_a_key_that_was_revoked_is_of_no_use_from_the_next_request_on(
    embedded_lab: Lab, scopes: list[str]
) -> None:
    async with matrix(embedded_lab) as made:
        key, text = await made.engine.keyring.create("short", scopes)
        place = place_of(made, "ann")
        mine = [row for row in rows() if row.scope in scopes and row.method == "GET"]
        for row in mine:
            assert (await made.ask(row, text, place)).status != 401
        await made.engine.keyring.revoke(key.id)
        for row in rows():
            assert (await made.ask(row, text, place)).status == 401, (row.method, row.path)
