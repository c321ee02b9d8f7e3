"""A server without an engine and two engines, as processes: one engine is killed, and everything ends once."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

import httpx2

from tests.support.chaos_tools import __name__ as CHAOS_TOOLS
from tests.support.plans import plan, step
from tests.support.services import Neo4jService, eventually
from tests.support.serving import Serving

QUICK = {"HEARTBEAT_SECONDS": "0.3", "ENGINE_TIMEOUT_SECONDS": "3", "MAX_PARALLEL_TASKS": "8"}


def processes(folder: Path, neo4j: Neo4jService, namespace: str) -> tuple[Serving, Serving, Serving]:
    """The server and two engines, none of them started."""
    settings = QUICK | {
        "NEO4J_URL": neo4j.url,
        "NEO4J_AUTH": f"{neo4j.user}/{neo4j.password}",
        "NAMESPACE": namespace,
        "BLOB_PATH": str(folder / "blobs"),
        "AGENT03_TOOLS": CHAOS_TOOLS,
    }
    one, two = (Serving(folder / name, settings, command=("engine",)) for name in ("one", "two"))
    return Serving(folder / "server", settings, command=("serve", "--no-engine")), one, two


async def open_tasks(engine: Serving) -> int:
    """How many tasks an engine has."""
    health = (await engine.call("GET", "/health")).json()
    return int(health["engine"]["open_tasks"])


async def test_a_killed_engine_leaves_its_tasks_to_the_other(
    tmp_path: Path, neo4j_server: Neo4jService, namespace: str
) -> None:
    server, one, two = processes(tmp_path, neo4j_server, namespace)
    with ExitStack() as stack:
        for process in (one, two, server):
            stack.callback(process.discard)
            process.spawn()
        for process in (one, two, server):
            await process.ready()
        nap = {"type": "sleep", "input": {"seconds": 0.5}}
        body = plan(step("a", **nap), *(step(f"b{n}", "a", **nap) for n in range(6)))

        async def both_known() -> bool:
            tasks.append(await server.submit(body))
            return bool(await open_tasks(one)) and bool(await open_tasks(two))

        tasks: list[str] = []
        await eventually(both_known, 30)
        tasks += [await server.submit(body) for _ in range(6)]
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{one.port}/tasks")).status_code == 404, "probes, no API"
        one.signal(signal.SIGKILL)

        async def all_done() -> bool:
            states = [(await server.task(task))["status"] for task in tasks]
            return states == ["completed"] * len(tasks)

        await eventually(all_done, 60, 0.2)
        assert await open_tasks(two) == 0
        for task in tasks:
            events = (await server.call("GET", f"/tasks/{task}/events")).json()["events"]
            ended = [event["key"] for event in events if event["to"] == "completed" and event["key"]]
            assert sorted(ended) == sorted({"a", *(f"b{n}" for n in range(6))}), "each settles once"
