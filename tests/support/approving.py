"""Tasks that a person has to approve, and what a test does to them."""

from __future__ import annotations

import json
from pathlib import Path

from engine.approvalstore import Approval
from engine.errors import Retryable, ToolError
from engine.model import Json, Subtask
from engine.service import Engine
from engine.toolport import RunContext
from engine.tools.decorator import tool
from tests.support.engines import MODULE as ENGINES
from tests.support.engines import Lab, mark, subtasks
from tests.support.services import eventually

MODULE = "tests.support.approving"
"""Names the tools below in AGENT03_TOOLS."""
AWAITING = "awaiting_approval"


@tool("outside", untrusted=True, deterministic=True, idempotent=True)
async def outside(text: str = "ha", times: int = 1, fails: bool = False) -> list[str]:
    """What somebody else says; where it fails, in its error."""
    if fails:
        raise ToolError(text)
    return [text] * times


@tool("effect", refuses_tainted=True, deterministic=True, idempotent=True)
async def effect(path: str, context: RunContext, text: Json = "", seen: Json = None, flaky: bool = False) -> str:
    """Has an effect that can be seen, and refuses what came from outside; a flaky one fails the first time it runs."""
    if flaky and not Path(path).exists():
        Path(path).touch()
        raise Retryable("not yet", delay=0.0)
    return await mark(path, context)


async def start(lab: Lab, **fields: Json) -> Engine:
    """An engine with these tools."""
    return await lab.start(agent03_tools=[ENGINES, MODULE], **fields)


def asks(path: Path, key: str = "a", **fields: Json) -> dict[str, Json]:
    """A subtask that leaves a mark when it has run, and may not before it was approved."""
    return {"key": key, "type": "mark", "input": {"path": str(path)}, "requires_approval": True, **fields}


def plan(*rows: dict[str, Json], **fields: Json) -> dict[str, Json]:
    """A body with these subtasks."""
    return {"plan": {"subtasks": list(rows)}, **fields}


def policy_file(folder: Path, **policy: Json) -> str:
    """The path of a policy."""
    path = folder / "policy.json"
    path.write_text(json.dumps(policy), "utf-8")
    return str(path)


async def waits(engine: Engine, task_id: str, key: str = "a") -> Approval:
    """What a subtask asks, once it does."""

    async def asked() -> Approval | None:
        found = await engine.approvals.of_task(task_id, waiting=True, after="", limit=1_000)
        return next((one for one in found if one.request.key == key), None)

    found = await eventually(asked)
    assert isinstance(found, Approval)
    return found


async def row(engine: Engine, task_id: str, key: str = "a") -> Subtask:
    """A subtask as it is now."""
    return (await subtasks(engine, task_id))[key]
