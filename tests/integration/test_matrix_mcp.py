"""The tools of MCP by every scope and by another user; the way there is in ``test_matrix.py``."""

from __future__ import annotations

import json

from engine.model import Json
from tests.integration.test_keys import bearer
from tests.support.engines import Lab
from tests.support.everybody import MCP_TAKES, Matrix, matrix, still
from tests.support.matrix import ADMIN, MCP, SCOPES
from tests.support.plans import plan, step


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
