"""Tasks that a person has to approve, and what a test does to them."""

from __future__ import annotations

import json
from pathlib import Path

from engine.approvalstore import Approval
from engine.model import Json, Subtask
from engine.service import Engine
from tests.support.engines import subtasks
from tests.support.services import eventually

AWAITING = "awaiting_approval"


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
