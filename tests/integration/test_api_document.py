"""The OpenAPI document played: its examples are sent and succeed, and whatever is wrong gets a documented answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest

from api.app import create_app, document
from api.metrics import Metrics
from api.routes.agents import A_RESULT
from api.schemas import Problem
from engine.command import Command
from engine.model import Json
from engine.pooldesk import PoolDesk
from engine.remoteport import Registration
from engine.service import Engine
from engine.states import SubtaskStatus
from engine.tools.write_file import WriteFileInput
from tests.support.engines import Lab
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    says: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.says["operationId"])

    def at(self, **parameters: str) -> str:
        """The path with these parameters, and "nope" for the others; what its query has to have is the example."""
        path = self.path
        for name in ("task_id", "other_id", "key", "name", "key_id", "agent_id"):
            path = path.replace(f"{{{name}}}", quote(parameters.get(name, "nope"), safe=""))
        needed = {
            parameter["name"]: parameter["schema"]["examples"][0]
            for parameter in self.says.get("parameters", [])
            if parameter["in"] == "query" and parameter["required"]
        }
        return f"{path}?{urlencode(needed)}" if needed else path

    @property
    def examples(self) -> list[Json]:
        """The bodies that it shows."""
        content = self.says.get("requestBody", {}).get("content", {}).get(JSON, {})
        shown = [example["value"] for example in content.get("examples", {}).values()]
        return shown + ([content["example"]] if "example" in content else [])

    def check(self, response: httpx2.Response) -> None:
        """The answer is one that the document names; an error is a problem that says what to do."""
        where = f"{self.method} {response.request.url} {response.request.content[:300]!r}: {response.text[:500]}"
        assert str(response.status_code) in self.says["responses"], where
        assert response.status_code < 500, where
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", where
            assert Problem.model_validate_json(response.content).detail, where


OPERATIONS = [
    Operation(method.upper(), path, says)
    for path, methods in document()["paths"].items()
    for method, says in methods.items()
    if path != "/events"  # its answer never ends
]
WITH_BODY = [operation for operation in OPERATIONS if "requestBody" in operation.says]


@dataclass
class Server:
    """An engine and a client of its API."""

    engine: Engine
    client: httpx2.AsyncClient
    user: str = ""
    """Whose the tasks are that it makes; "" for nobody's."""

    async def send(self, operation: Operation, path: str, body: Json = None) -> httpx2.Response:
        sent = {} if body is None else {"content": json.dumps(body), "headers": {"content-type": JSON}}
        return await self.client.request(operation.method, path, **sent)

    async def submit(self, body: Body) -> str:
        return (await self.engine.submit(body | ({"user_id": self.user} if self.user else {}))).task_id


@asynccontextmanager
async def serving(lab: Lab) -> AsyncIterator[Server]:
    engine = await lab.start(max_body_bytes=20_000)
    app = create_app(engine, engine.settings, Metrics())
    _, key = await engine.keyring.create("the test", ["admin"])
    shown, transport = {"X-API-Key": key}, httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=shown) as client:
        yield Server(engine, client)


@pytest.fixture
async def server(lab: Lab) -> AsyncIterator[Server]:
    async with serving(lab) as found:
        yield found


@pytest.fixture
async def embedded(embedded_lab: Lab) -> AsyncIterator[Server]:
    """For what does not depend on the graph."""
    async with serving(embedded_lab) as found:
        yield found


# --- what is right -------------------------------------------------------------------------------------------------


def sleeping(**fields: Json) -> Body:
    """A task that does not end by itself."""
    return plan(step("count", type="sleep", input={"seconds": 600}, **fields), step("next", "count"))


async def open_task(server: Server) -> dict[str, str]:
    return {"task_id": await server.submit(sleeping()), "key": "next"}


async def with_an_agent(server: Server) -> dict[str, str]:
    """An agent, whose result is recorded already."""
    await server.engine.agents.register(Registration("agent-1", "http://127.0.0.1:8101"))
    server.engine.agents._recorded[A_RESULT["subtask_id"], A_RESULT["token"]] = None
    return {"agent_id": "agent-1"}


async def final_task(server: Server) -> dict[str, str]:
    task_id = await server.submit(plan(step("count")))
    await server.engine.wait(task_id)
    return {"task_id": task_id, "key": "count"}


async def paused_task(server: Server) -> dict[str, str]:
    place = await open_task(server)
    await server.engine.command(Command("pause", place["task_id"], mode="now"))
    return place


async def at_fault(server: Server) -> dict[str, str]:
    """A subtask that failed in a task that goes on."""
    body = plan(
        step("bad", type="calculate", input={"expression": "1 / 0"}), step("long", type="sleep", input={"seconds": 600})
    )
    return await in_state(server, await server.submit(body), "bad", SubtaskStatus.FAILED)


async def undecided(server: Server) -> dict[str, str]:
    """A subtask that was interrupted and waits for a person."""
    task_id = await server.submit(sleeping(on_interrupt="ask"))
    await in_state(server, task_id, "count", SubtaskStatus.PROCESSING)
    await server.engine.command(Command("pause", task_id, mode="now"))
    return await in_state(server, task_id, "count", SubtaskStatus.AWAITING_APPROVAL)


async def in_state(server: Server, task_id: str, key: str, status: SubtaskStatus) -> dict[str, str]:
    async def there() -> bool:
        return (await server.engine.subtask(task_id, key))[0].status is status

    await eventually(there)
    return {"task_id": task_id, "key": key}


async def with_a_file(server: Server) -> dict[str, str]:
    """A subtask that has made a picture."""
    digest = hashlib.sha256(b"picture").hexdigest()
    made = {"files": {"view": {"sha256": digest, "bytes": 7, "media_type": "image/png"}}}
    task_id = await server.submit(plan(step("look", input=made)))
    await server.engine.wait(task_id)
    await server.engine._payloads.keep_file((await server.engine.subtask(task_id, "look"))[0].id, b"picture", digest)
    return {"task_id": task_id, "key": "look", "name": "view"}


async def saved(server: Server) -> dict[str, str]:
    return {"name": "ready_frontier"}


async def with_file(server: Server) -> dict[str, str]:
    place = await open_task(server) | {"name": "notes/a.md"}
    await server.engine.write_file(place["task_id"], WriteFileInput(path=place["name"], content="# A"))
    return place


async def with_value(server: Server) -> dict[str, str]:
    place = await open_task(server) | {"name": "taken"}
    await server.engine.shared.set(place["task_id"], place["name"], {"by": "agent-1"}, 60.0)
    return place


async def web(server: Server) -> dict[str, str]:
    return {"name": "http_request"}


async def another_key(server: Server) -> dict[str, str]:
    key, _ = await server.engine.keyring.create("another", ["read"])
    return {"key_id": key.id}


class OnePool:
    """The pool of workers that the example names, without the Redis that it would say so in."""

    async def pools(self) -> list[Json]:
        return [{"pool": "host-1-a1b2c3", "state": "healthy", "wanted": 2}]

    async def scale(self, pool: str, workers: int) -> None:
        """Nobody looks."""


async def with_a_pool(server: Server) -> dict[str, str]:
    server.engine.pools = PoolDesk(OnePool())
    return {}


PREPARED: dict[str, Callable[[Server], Awaitable[dict[str, str]]]] = {
    "cancel_task": open_task,
    "pause_task": open_task,
    "resume_task": paused_task,
    "rerun_task": final_task,
    "what_if": open_task,
    "retry_subtask": at_fault,
    "skip_subtask": open_task,
    "approve_subtask": undecided,
    "reject_subtask": undecided,
    "decide_approvals": undecided,
    "run_graph_query": saved,
    "reset_tool": web,
    "get_subtask_file": with_a_file,
    "delete_task": final_task,
    "read_task_file": with_file,
    "write_task_file": with_file,
    "get_shared_value": with_value,
    "set_shared_value": with_value,
    "revoke_key": another_key,
    "scale_pool": with_a_pool,
    **dict.fromkeys(("get_agent", "beat_agent", "remove_agent", "return_result"), with_an_agent),
}


async def test_every_example_is_sent_and_succeeds_as_documented(server: Server) -> None:
    """And so does every operation without a body, on a task that completed."""
    place = await final_task(server) | {"name": "critical_path"}
    place["other_id"] = place["task_id"]
    for operation in OPERATIONS:
        for body in operation.examples or [None]:
            parameters = await PREPARED[operation.id](server) if operation.id in PREPARED else place
            response = await server.send(operation, operation.at(**parameters), body)
            operation.check(response)
            assert response.status_code < 300, f"{operation.id} {body}: {response.text}"


# --- what is wrong -------------------------------------------------------------------------------------------------

NAMES = ("nope", "x" * 300, "\u00e9\U0001f600", "a/b", "'; DROP", "\0", "%", " ")


async def test_ids_that_nothing_has(embedded: Server) -> None:
    for operation in OPERATIONS:
        for name in NAMES if "{" in operation.path else ():
            path = operation.at(task_id=name, other_id=name, key=name, name=name)
            operation.check(await embedded.send(operation, path, (operation.examples or [None])[0]))
        real = await final_task(embedded) if "{key}" in operation.path else {}
        for key in NAMES if real else ():
            operation.check(await embedded.send(operation, operation.at(task_id=real["task_id"], key=key)))


def _spoiled(body: Json) -> Iterator[Json]:
    """The body with one thing wrong, wherever that may be."""
    wrong: list[Json] = [[], "text", 3, True, 1e400, {"no such field": 1}, [None], {"": {}}]
    yield from wrong
    for name in body if isinstance(body, dict) else ():
        for value in (*wrong, None, "", -1, 2**70, "x" * 6_000):
            yield body | {name: value}


async def test_bodies_of_the_wrong_type_change_nothing(embedded: Server) -> None:
    for operation in WITH_BODY:
        place = await final_task(embedded) | {"name": "ready_frontier"}
        for body in (spoiled for example in operation.examples for spoiled in _spoiled(example)):
            operation.check(await embedded.send(operation, operation.at(**place), body))
        for text in (b"{", b"\xff", b"nul", b'{"a": 1, "a": 2}', b"[" * 15_000, b'"\\ud800"'):
            response = await embedded.client.request(
                operation.method, operation.at(**place), content=text, headers={"content-type": JSON}
            )
            operation.check(response)
            assert response.status_code == 400, f"{operation.id}: {text[:20]!r}: {response.status_code}"


async def test_parameters_of_the_wrong_type(embedded: Server) -> None:
    place = await final_task(embedded) | {"name": "ready_frontier"}
    place["other_id"] = place["task_id"]
    for operation in OPERATIONS:
        for parameter in operation.says.get("parameters", ()):
            for value in ("", "-1", "x" * 500, "\u00e9", "1e9", "2026-13-01T00:00:00Z", "9" * 30, "null", "' OR 1"):
                options: dict[str, Any] = {"params": {parameter["name"]: value}}
                if parameter["in"] == "header":
                    options = {"headers": {parameter["name"]: value.encode("ascii", "ignore") or b"x"}}
                if parameter["in"] != "path" and operation.method == "GET":
                    operation.check(await embedded.client.request(operation.method, operation.at(**place), **options))


async def test_too_much_the_wrong_method_and_the_wrong_media_type(embedded: Server) -> None:
    for operation in OPERATIONS:
        path = operation.at(name="ready_frontier")
        wrong = await embedded.client.request("PROPFIND", path)
        assert (wrong.status_code, operation.method in wrong.headers["allow"]) == (405, True), path
        refused = await embedded.client.request(operation.method, path, headers={"accept": "audio/midi"})
        assert (refused.status_code == 406) == ("406" in operation.says["responses"]), path
    for operation in WITH_BODY:
        path = operation.at(name="ready_frontier")
        for status, body, headers in (
            (413, b" " * 20_001, {"content-type": JSON}),
            (415, b"{}", {"content-type": "text/plain"}),
            (415, b"{}", {}),
            (415, b"{}", {"content-type": JSON, "content-encoding": "gzip"}),
        ):
            response = await embedded.client.request(operation.method, path, content=body, headers=headers)
            operation.check(response)
            assert response.status_code == status, f"{operation.id} {headers}: {response.text}"
