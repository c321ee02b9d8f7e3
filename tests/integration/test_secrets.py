"""Secrets from end to end: canaries in every place that may hold one, and then no trace of them anywhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import structlog

from api.app import create_app
from api.logging import configure_logging
from api.metrics import Metrics
from engine.errors import InvalidInput
from engine.model import Json
from engine.secrets.masking import MASK
from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import GATES, MODULE, Lab, finished, outputs, run, subtasks
from tests.support.graphs import execute
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.tools_http import ScriptedServer, scripted_server
from tests.support.traces import Collected, collecting

TOOLS = [MODULE, "tests.support.secret_tools"]
VARIABLE, FILE = "canary-variable-5f0c6a3e", 'canary-file-"9d2b\\4c1a'
WEBHOOK = "Y2FuYXJ5LXdlYmhvb2staXMtbG9uZy1lbm91Z2g="
SETTINGS = {"anthropic_api_key": "canary-claude-8e7f6d5c", "webhook_secret": f"whsec_{WEBHOOK}"}
REDIS = "canary-redis-4b3a2910"
HEADERS = {"Authorization": "Bearer canary-header-1", "X-API-Key": "canary-header-2", "Cookie": "a=canary-header-3"}
EVERYWHERE = [VARIABLE, FILE, json.dumps(FILE)[1:-1], WEBHOOK, *SETTINGS.values(), REDIS, *HEADERS.values()]
EVERYWHERE += ["canary-header-1", "canary-header-2", "canary-header-3", "canary"]
TABLES = ("Task", "Subtask", "Attempt", "Result", "Event", "CacheEntry", "Callback", "PlanTemplate", "RequestKey")
TABLES += ("`Profile`", "Engine")


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield capsys
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    with collecting(monkeypatch) as found:
        yield found


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the secret in a file; another one is in the environment."""
    monkeypatch.setenv("AGENT03_SECRET_VARIABLE", VARIABLE)
    folder = tmp_path_factory.mktemp("kept")
    (folder / "FILE").write_text(FILE + "\n")
    return folder


@asynccontextmanager
async def served(engine: Engine, metrics: Metrics) -> AsyncIterator[httpx2.AsyncClient]:
    metrics.watch(engine.snapshot)
    transport = httpx2.ASGITransport(app=create_app(engine, engine.settings, metrics))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=HEADERS) as client:
        yield client


def leaky(receiver: str, path: Path) -> Body:
    """A task in which the secrets come back in every way that there is."""
    secret, other = "{{secrets.VARIABLE}}", "{{secrets.FILE}}"
    ask = {"method": "GET", "url": f"{receiver}/echo?key={secret}", "headers": {"Authorization": f"Bearer {secret}"}}
    login = receiver.replace("http://", f"http://me:{secret}@")
    printed = {"argv": ["sh", "-c", 'printf "%s" "$K"; printf "%s" "$K" >&2; exit 3'], "env": {"K": other}}
    return plan(
        step("ask", type="http_request", input=ask, cache={"ttl_seconds": 60}),
        step("login", type="http_request", input={"method": "GET", "url": f"{login}/basic"}),
        step("gone", type="http_request", input={"method": "GET", "url": f"{login}/gone"}, critical=False),
        step("echo", type="echo_secret", input={"token": secret, "path": str(path)}),
        step("large", type="echo_secret", input={"token": other, "size": 3_000}),
        step("middle", type="echo_secret", input={"token": secret, "size": 200}),
        step("tool", type="fail_secret", input={"token": secret, "how": "tool"}, critical=False),
        step("bug", type="fail_secret", input={"token": other, "how": "bug"}, critical=False),
        step("again", type="fail_secret", input={"token": secret, "how": "again"}),
        step("grow", type="grow_secret", input={"token": other}),
        step("shell", type="shell", input=printed, critical=False, retry={"max_attempts": 2, "backoff_seconds": 0}),
        step("fall", type="boom", input={"how": "fatal"},
             fallback={"type": "echo_secret", "input": {"token": f"x {other}"}}),
        step("item", type="echo_secret", input={"token": f"{{{{item}}}} {secret}"}, map={"over": ["a", "b"]}),
        step("after", "echo", "again", type="noop", input="{{subtasks.echo.output.token}} {{subtasks.again.output}}"),
        step("last", "bug", type="noop", run_if="all_settled", input="{{subtasks.bug.error}}"),
        callbacks=[{"url": f"{receiver}/told", "events": ["*"]}],
    )  # fmt: skip


async def test_no_secret_is_seen_anywhere(
    lab: Lab, planted: Path, logged: pytest.CaptureFixture[str], collected: Collected, tmp_path: Path
) -> None:
    metrics, ran = Metrics(), tmp_path / "ran"
    settings: dict[str, Json] = {**SETTINGS, "agent03_tools": TOOLS, "secrets_path": str(planted), "log_level": "debug"}
    settings |= {"http_allow_private": ["127.0.0.0/8"], "redis_url": f"redis://:{REDIS}@127.0.0.1:1/0"}
    configure_logging(lab.settings(**settings))
    structlog.configure(cache_logger_on_first_use=False)  # else the loggers of this process keep it after the test
    engine = await lab.start(**settings)
    said = []
    async with scripted_server() as receiver, served(engine, metrics) as client:
        told_back = json.dumps({"you sent": VARIABLE}).encode()
        receiver.answer("/echo", body=told_back, X_Echo=VARIABLE, Content_Type="application/json")
        receiver.answer("/basic", body=b"welcome"), receiver.answer("/told")
        receiver.answer("/gone", "404 Not Found", body=f"no {VARIABLE} here".encode())
        body = leaky(receiver.url(""), ran)
        first = (await client.post("/tasks", json=body)).json()["task_id"]
        assert (await finished(engine, first)).status is TaskStatus.COMPLETED
        again = await client.post(f"/tasks/{first}/rerun", json={"from": "echo", "overrides": {"bug": {"priority": 9}}})
        second = again.json()["task_id"]
        third = (await engine.submit(body)).task_id
        for task_id in (first, second, third):
            await finished(engine, task_id)
            said += [await everything_about(client, task_id, whole=task_id == first)]
        for path in ("/stats", "/tools", "/estimates", "/cache/stats", "/metrics", "/health", "/templates"):
            said.append((await client.get(path)).text)
        wrong = await client.post("/tasks", json=plan(step("a", type=VARIABLE, input=[VARIABLE, FILE])))
        assert wrong.status_code == 400
        said += [wrong.text, wrong.headers.get("location", "")]
        await told_all(receiver, [first, second, third])
        asked = [request for request in receiver.requests if request.line.startswith("GET /echo")]
        webhooks = [request for request in receiver.requests if request.line.startswith("POST")]
    # it was really used: by the header, by the login, by the tools
    assert [request.headers["authorization"] for request in asked] == [f"Bearer {VARIABLE}"]  # twice from the cache
    assert {f"{len(VARIABLE)} {VARIABLE[::-1]}"} == set(ran.read_text().splitlines())
    found = await outputs(engine, first)
    assert found["echo"] == {"token": MASK, MASK: [MASK]}
    assert found["after"] == f"{MASK} {MASK}"
    assert found["item"] == {"items": 2}
    assert found["fall"]["token"] == f"x {MASK}"
    assert found["ask"]["body"] == {"you sent": MASK}
    # and left no trace
    said += [request.body.decode() + str(request.headers) for request in webhooks]
    said += [str((await metrics.scrape(""))[0])]
    said += [collected.text, await dump(engine._graph)]
    await lab.stop(engine)
    said += [path.read_bytes().decode(errors="replace") for path in kept_files(lab.folder)]
    output = logged.readouterr()
    said += [output.out, output.err]
    assert MASK in output.err
    assert webhooks
    assert any("canary" not in text for text in said)
    assert [seen_in(text) for text in said if seen_in(text)] == []
    assert lab.server is None or not [text for text in said if lab.server.password in text]


def seen_in(text: str) -> str:
    """Where the first canary stands, with what is around it; "" for none."""
    for canary in EVERYWHERE:
        if (at := text.find(canary)) >= 0:
            return text[max(0, at - 200) : at + 100]
    return ""


async def everything_about(client: httpx2.AsyncClient, task_id: str, *, whole: bool) -> str:
    """What the API says of a task, and where the whole is wanted of each subtask."""
    task = f"/tasks/{task_id}"
    paths = [task, f"{task}/subtasks", f"{task}/graph", f"{task}/events", f"{task}/why", f"{task}/report"]
    answers = [await client.get(path) for path in paths]
    answers.append(await client.get(f"{task}/report", headers={"Accept": "text/markdown"}))
    for row in answers[1].json()["subtask_results"] if whole else [{"key": "echo"}]:
        answers.append(await client.get(f"{task}/subtasks/{row['key']}"))
        answers.append(await client.get(f"{task}/why/{row['key']}"))
        answers.append(await client.get(f"/cache/explain/{task_id}/{row['key']}"))
    assert {answer.status_code for answer in answers} == {200}
    shown = next(answer.json() for answer in answers if answer.url.path == f"{task}/subtasks/echo")
    assert shown["resolved_input"]["token"] == "{{secrets.VARIABLE}}"
    return "\n".join(answer.text + str(answer.headers) for answer in answers)


async def told_all(receiver: ScriptedServer, ids: list[str]) -> None:
    """Waits until the receiver has heard of the end of each task."""

    def told() -> bool:
        heard = b"".join(request.body for request in receiver.requests if b"agent03.task.completed" in request.body)
        return all(id_.encode() in heard for id_ in ids)

    await eventually(told, 30)


async def dump(graph: Json) -> str:
    """Every property of every node."""
    if graph.kind == "neo4j":
        text = "MATCH (n) WHERE n.namespace = $namespace RETURN properties(n) AS p"
        rows = await execute(graph, text, namespace=graph._namespace)
    else:
        rows = [row for name in TABLES for row in await execute(graph, f"MATCH (n:{name}) RETURN n")]
    assert len(rows) > 50
    return "\n".join(map(str, rows)) + json.dumps(rows, default=str)


def kept_files(folder: Path) -> list[Path]:
    """What is on disk; the key that stamps are made with is no secret of anybody's."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 2**26]


async def test_a_cached_output_is_used_again_until_the_secret_changes(lab: Lab, planted: Path) -> None:
    engine = await lab.start(agent03_tools=TOOLS, secrets_path=str(planted))
    body = plan(step("a", type="echo_secret", input={"token": "{{secrets.FILE}}"}))

    async def ran() -> bool:
        task = await run(engine, body)
        return not (await subtasks(engine, task.id))["a"].cached

    assert [await ran(), await ran()] == [True, False]
    (planted / "FILE").write_text("another-secret")
    assert [await ran(), await ran()] == [True, False]


async def test_a_secret_that_is_gone_when_it_is_needed_is_a_configuration_error(lab: Lab, planted: Path) -> None:
    engine = await lab.start(agent03_tools=TOOLS, secrets_path=str(planted))
    body = plan(
        step("wait", type="gate", input={"name": f"secret {lab.kind}"}),
        step("a", "wait", type="echo_secret", input={"token": "{{secrets.FILE}}"}),
    )
    task_id = (await engine.submit(body)).task_id
    (planted / "FILE").unlink()

    GATES.setdefault(f"secret {lab.kind}", asyncio.Event()).set()
    await finished(engine, task_id)
    error = json.loads((await subtasks(engine, task_id))["a"].error or "{}")
    assert (error["category"], error["message"]) == ("configuration", "the secret FILE does not exist in this engine")
    with pytest.raises(InvalidInput, match="there is no such secret"):
        await engine.submit(body)


async def test_nothing_that_comes_back_becomes_a_secret(lab: Lab, planted: Path) -> None:
    engine = await lab.start(agent03_tools=TOOLS, secrets_path=str(planted))
    text = "{{secrets.FILE}}"
    task = await run(
        engine,
        plan(
            step("data", type="python", input={"code": f"result = '{{' + '{text[1:]}'"}),
            step("a", "data", type="echo_secret", input={"token": "{{previous_output}}"}),
            step("b", "data", type="echo_secret", input={"token": "{{previous_output}} {{secrets.FILE}}"}),
        ),
    )
    found = await outputs(engine, task.id)
    assert found["a"]["token"] == text
    assert found["b"]["token"] == f"{text} {MASK}"
