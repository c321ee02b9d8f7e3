"""Agents and their engine as processes: five of them, one killed in the middle, a wrong token, a second of one id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.serving import PROGRAM, ROOT, Serving, free_port

TOKEN = "a token that agents share"
ABLE = [
    "DATA_ANALYSIS,WEB_SCRAPING",
    "CODE_GENERATION,FILE_PROCESSING",
    "DATABASE_OPERATIONS,API_INTEGRATION",
    "DATA_ANALYSIS,CODE_GENERATION",
    "WEB_SCRAPING,API_INTEGRATION",
]


@contextmanager
def agent_process(
    folder: Path,
    engine: str,
    id_: str,
    able: str,
    *more: str,
    token: str = TOKEN,
    port: int | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[subprocess.Popen[str]]:
    """``agent03 agent``; ended with the test however it stands."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {"PYTHONPATH": str(ROOT), "AGENT_TOKEN": token, "SHUTDOWN_GRACE_SECONDS": "10", "LOG_FORMAT": "json"}
    command = ["agent", "--id", id_, "--port", str(port or free_port()), "--capabilities", able, "--engine", engine]
    with (folder / f"{id_}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *command, *more],
            cwd=folder,
            env=inherited | own | {"AGENT03_TOOLS": "tests.support.chaos_tools"} | dict(settings),
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    folder = tmp_path / "engine"
    made = Serving(folder, {"NEO4J_URL": "", "REDIS_URL": "", "AGENT_TOKEN": TOKEN, "AGENT_TIMEOUT_SECONDS": "4"})
    try:
        await made.start()
        yield made
    finally:
        made.discard()


async def agents(server: Serving) -> dict[str, dict[str, Any]]:
    return {one["agent_id"]: one for one in (await server.call("GET", "/agents")).json()["agents"]}


async def registered(server: Serving, *ids: str, seconds: float = 30.0) -> None:
    async def there() -> bool:
        return set(ids) <= (await agents(server)).keys()

    await eventually(there, seconds)


async def subtask(server: Serving, task_id: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = (await server.call("GET", f"/tasks/{task_id}/subtasks/{key}")).json()
    return found


async def completed(server: Serving, task_id: str, seconds: float = 30.0) -> None:
    async def done() -> bool:
        return str((await server.task(task_id))["status"]) == "completed"

    await eventually(done, seconds)


def at(capability: str, type_: str = "calculate", **fields: Any) -> Body:
    fields = {"input": {"expression": "6 * 7"}, "cache": False} | fields
    return plan(step("a", type=type_, required_capabilities=[capability], **fields))


async def test_five_agents_work_one_is_killed_and_another_takes_over(server: Serving, tmp_path: Path) -> None:
    engine = f"http://127.0.0.1:{server.port}"
    ids = [f"agent-{number}" for number in range(1, 6)]
    with ExitStack() as stack:
        begun = time.monotonic()
        processes = {
            id_: stack.enter_context(agent_process(tmp_path, engine, id_, able))
            for id_, able in zip(ids, ABLE, strict=True)
        }
        await registered(server, *ids)
        assert time.monotonic() - begun < 30

        wanted = {
            "DATABASE_OPERATIONS": {"agent-3"},
            "FILE_PROCESSING": {"agent-2"},
            "API_INTEGRATION": {"agent-3", "agent-5"},
        }
        tasks = {capability: await server.submit(at(capability)) for capability in wanted}
        for capability, task_id in tasks.items():
            await completed(server, task_id)
            found = (await subtask(server, task_id, "a"))["subtask"]
            assert (found["agent_id"] in wanted[capability], found["output"]) == (True, {"value": 42})

        slept = await server.submit(at("DATA_ANALYSIS", "sleep", input={"seconds": 600}))

        async def runs() -> str:
            found = (await subtask(server, slept, "a"))["subtask"]
            return str(found["agent_id"] or "") if found["status"] == "processing" else ""

        first = str(await eventually(runs))
        (row,) = [one for one in (await agents(server)).values() if one["agent_id"] == first]
        assert (row["is_available"], row["current_task"]) == (False, row["running"][0])
        processes[first].kill()

        async def moved() -> bool:
            found = await runs()
            return bool(found) and found != first

        await eventually(moved, 30)
        assert first not in await agents(server), "gone after AGENT_TIMEOUT_SECONDS"
        told = await subtask(server, slept, "a")
        assert [(one["outcome"], one["agent_id"]) for one in told["attempts"]] == [("interrupted", first)]

        # an answer that comes late, with the old token, from an agent of that name
        stack.enter_context(agent_process(tmp_path, engine, first, "NOTHING"))
        await registered(server, first)
        result = {"task_id": slept, "subtask_id": told["subtask"]["subtask_id"], "token": 1, "status": "completed"}
        async with httpx2.AsyncClient(base_url=engine, verify=False) as client:
            for headers, status in (({"Authorization": f"Bearer {TOKEN}"}, 409), ({"Authorization": "Bearer x"}, 401)):
                answer = await client.post(f"/agents/{first}/results", json=result, headers=headers)
                assert answer.status_code == status, answer.text
        assert (await subtask(server, slept, "a"))["subtask"]["status"] == "processing"
        await server.call("POST", f"/tasks/{slept}/cancel")
        second = next(one for one in ids if one != first and "DATA_ANALYSIS" in ABLE[ids.index(one)])

        async def free() -> bool:
            return bool((await agents(server))[second]["is_available"])

        await eventually(free)  # it was told that nobody wants that any more
        assert all(one["memory_usage"] < 2048 for one in (await agents(server)).values() if one["memory_usage"])


async def test_an_agent_answers_for_itself_drains_and_survives_its_engine(server: Serving, tmp_path: Path) -> None:
    engine, port = f"http://127.0.0.1:{server.port}", free_port()
    with agent_process(tmp_path, engine, "agent-1", "X", port=port) as process:
        await registered(server, "agent-1")
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
            health = (await client.get("/health")).json()
            assert (health["status"], health["agent_id"], health["is_available"]) == ("healthy", "agent-1", True)
            assert (await client.get("/status")).json()["memory_usage"] > 1
            handed = {
                "task_id": "T",
                "subtask": {"subtask_id": "T.0", "type": "sleep", "input": {"seconds": 60}, "token": 1},
            }
            assert (await client.post("/execute", json=handed)).status_code == 401
            client.headers["Authorization"] = f"Bearer {TOKEN}"
            assert (await client.post("/execute", json={"task_id": "T"})).status_code == 400
            answer = await client.post("/execute", json=handed)
            assert (answer.status_code, answer.json()) == (200, {"status": "accepted", "agent_id": "agent-1"})
            assert (await client.post("/execute", json=handed)).status_code == 200, "it has that one already"
            handed["subtask"]["token"] = 2  # type: ignore[index]
            busy = await client.post("/execute", json=handed)
            assert (busy.status_code, busy.json()["status"]) == (503, "busy")
            cancel = {"task_id": "T", "subtask_id": "T.0", "token": 1}
            assert (await client.post("/cancel", json=cancel)).json()["status"] == "cancelled"
            assert (await client.post("/cancel", json={**cancel, "token": 9})).json()["status"] == "unknown"

        task_id = await server.submit(at("X", "sleep", input={"seconds": 3}))

        async def runs() -> bool:
            return bool((await subtask(server, task_id, "a"))["subtask"]["agent_id"])

        await eventually(runs)
        server.kill()
        await server.start()  # the agent goes on meanwhile, and returns what it has made
        process.send_signal(signal.SIGTERM)
        await completed(server, task_id)
        told = await subtask(server, task_id, "a")
        assert [(one["outcome"], one["agent_id"]) for one in told["attempts"]] == [("completed", "agent-1")]
        assert await asyncio.to_thread(process.wait, 30) == 0
        assert await agents(server) == {}


@pytest.mark.parametrize("how", ["wrong token", "same id"])
async def test_an_agent_that_is_refused_ends_with_one_line(server: Serving, tmp_path: Path, how: str) -> None:
    engine = f"http://127.0.0.1:{server.port}"
    with contextlib.ExitStack() as stack:
        if how == "same id":
            stack.enter_context(agent_process(tmp_path, engine, "agent-1", "X"))
            await registered(server, "agent-1")
        folder = tmp_path / "second"
        folder.mkdir()
        token = TOKEN if how == "same id" else "another"
        second = stack.enter_context(agent_process(folder, engine, "agent-1", "X", token=token))
        assert await asyncio.to_thread(second.wait, 30) == 2
        last = (folder / "agent-1.log").read_text().splitlines()[-1]
        assert last.startswith("agent03: the engine at ")
        assert ("AGENT_TOKEN" in last) if how == "wrong token" else "there is an agent agent-1 already" in last
