"""Rules that choose agents, on both graphs: by name and by capability, one that is gone, a preview, and bad rules."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_agents import TOKEN, agent_process, completed, registered, subtask
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import Serving

PINNED = {
    "name": "pinned",
    "match": {"type": "say", "tags": ["pinned"]},
    "candidates": ["agent:agent-2", "agent:agent-1"],
}
ABLE = {"name": "able", "match": {"tags": ["able"]}, "candidates": [{"tool": "say", "capabilities": ["B", "C"]}]}
BOTH = {
    "name": "both",
    "match": {"type": "say", "tags": ["both"]},
    "strategy": "auto",
    "candidates": [{"agent": "agent-1"}, {"agent": "agent-2"}, "say"],
}


@pytest.fixture(params=["embedded", "neo4j"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Serving]:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"rules": [PINNED, ABLE, BOTH]}))
    settings = {"REDIS_URL": "", "AGENT_TOKEN": TOKEN, "AGENT_TIMEOUT_SECONDS": "3", "ROUTER_CONFIG": str(rules)}
    settings |= {"AGENT03_TOOLS": "tests.support.chaos_tools", "NEO4J_URL": "", "NAMESPACE": tmp_path.name}
    if request.param == "neo4j":
        neo4j = request.getfixturevalue("neo4j_server")
        settings |= {"NEO4J_URL": neo4j.url, "NEO4J_AUTH": neo4j.auth}
    made = Serving(tmp_path / "engine", settings)
    await made.start()
    yield made
    made.discard()


async def ran(server: Serving, tag: str, count: int = 1, type_: str = "say", **fields: Any) -> list[Any]:
    """Where subtasks with that tag on their task have run, and by which request."""
    steps = [step(f"s{n}", type=type_, input={"text": "x"}, **fields) for n in range(count)]
    task_id = await server.submit(plan(*steps, tags=[tag], cache=False))
    await completed(server, task_id, 60)
    found = [(await subtask(server, task_id, f"s{n}"))["attempts"][-1] for n in range(count)]
    return [(one["agent_id"], one["request"]["requires"]) for one in found]


async def test_rules_send_subtasks_to_agents(server: Serving, tmp_path: Path) -> None:
    engine = f"http://127.0.0.1:{server.port}"
    with (
        agent_process(tmp_path, engine, "agent-1", "A,B"),
        agent_process(tmp_path, engine, "agent-2", "B,C", "--slots", "2") as second,
    ):
        await registered(server, "agent-1", "agent-2")
        assert await ran(server, "pinned") == [("agent-2", ["agent:agent-2"])]
        assert await ran(server, "able", type_="noop") == [("agent-2", ["B", "C"])]
        assert {where for where, _ in await ran(server, "both", 12)} == {"agent-1", "agent-2", None}
        # what the subtask requires counts beside the rule: the one that it names is not able, so the next one is
        assert await ran(server, "pinned", required_capabilities=["A"]) == [("agent-1", ["agent:agent-1"])]

        body = {"type": "say", "input": {"text": "x"}, "tags": ["pinned"]}
        told = (await server.call("POST", "/route/preview", body)).json()
        assert (told["rule"], told["request"]["requires"]) == ("pinned", ["agent:agent-2"])
        assert [(one["requires"], one["limit"]) for one in told["candidates"]] == [
            (["agent:agent-2"], 2),
            (["agent:agent-1"], 1),
        ]

        os.kill(second.pid, signal.SIGKILL)

        async def gone() -> bool:
            return len((await server.call("GET", "/agents")).json()["agents"]) == 1

        await eventually(gone, 30)
        told = (await server.call("POST", "/route/preview", body)).json()
        assert told["candidates"][0]["unusable"] == "there is no agent agent-2"
        assert "passed over say at agent-2: there is no agent agent-2" in told["reason"]
        assert await ran(server, "pinned") == [("agent-1", ["agent:agent-1"])]

        waiting = await server.submit(plan(step("a", input={"text": "x"}), tags=["able"], cache=False))

        async def why() -> str:
            return str((await server.call("GET", f"/tasks/{waiting}/why/a")).json())

        async def waits() -> bool:
            return "none has the capability C" in await why()

        await eventually(waits, 30)
        with agent_process(tmp_path, engine, "agent-3", "C,B"):
            await completed(server, waiting, 60)


async def test_a_file_with_bad_candidates_changes_nothing_and_is_told(server: Serving, tmp_path: Path) -> None:
    bad = [
        {"agent": "no such id!"},
        {"agent": "a", "capabilities": ["B"]},
        {"tool": "planning", "capabilities": ["B"]},
        {"capabilities": ["not one"]},
        "agent:",
    ]
    rules = {"name": "bad", "match": {"type": "say"}}
    file = tmp_path / "rules.json"
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"rules": [rules | {"candidates": bad[:3]}, {"name": "two", "candidates": bad[4:]}]}))
    os.replace(fresh, file)
    health = (await server.call("GET", "/health")).json()
    said = str(health["router"])
    assert health["status"] == "degraded"
    for place in ("/rules/0/candidates/0/agent", "/rules/0/candidates/1/capabilities", "/rules/0/candidates/2"):
        assert place in said, said
    assert "/rules/1/candidates/0" in said
    fresh.write_text(json.dumps({"rules": [rules | {"candidates": bad[3:4]}]}))
    os.replace(fresh, file)

    async def shape() -> bool:
        return "/rules/0/candidates/0/capabilities/0" in str((await server.call("GET", "/health")).json()["router"])

    await eventually(shape, 10)
    told = (await server.call("POST", "/route/preview", {"type": "say", "tags": ["pinned"]})).json()
    assert told["rule"] == "pinned", "the rules before hold on"
