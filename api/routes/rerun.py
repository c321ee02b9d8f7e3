"""Running a final task again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import schemas
from api.body import read_json
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from engine.plan.faults import Faults

router = APIRouter(tags=["control"])


class Rerun(BaseModel):
    """From where a task runs again, and what is different this time."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    start: str = Field("failed", alias="from", min_length=1)
    """``failed``: what did not complete, and all that depends on it. ``start``: everything. Else the key of a subtask:
    that one too.
    """
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By key the fields of subtasks that are different this time; ``input`` is merged with the earlier one."""


def _body() -> dict[str, Any]:
    content = {"application/json": {"schema": Rerun.model_json_schema()}}
    return {"requestBody": {"required": False, "content": content}}


@router.post("/tasks/{task_id}/rerun", openapi_extra=_body(), responses=problems(400, 404, 409, 413, 415, 429, 503))
async def rerun_task(
    request: Request, response: Response, engine: TheEngine, settings: TheSettings, task_id: str
) -> schemas.Created:
    """Runs a final task again as a new task. What is completed and not called into question is kept, not repeated."""
    asked = await _read(request, settings.max_body_bytes)
    made = await engine.rerun(task_id, asked.start, asked.overrides)
    response.headers["Location"] = f"/tasks/{made.task_id}"
    return schemas.Created(
        task_id=made.task_id,
        subtasks_count=made.subtasks_count,
        initial_subtasks_queued=made.initial_subtasks_queued,
    )


async def _read(request: Request, limit: int) -> Rerun:
    sent = await read_json(request, limit)
    raw = {} if sent is None else sent
    try:
        return Rerun.model_validate(raw)
    except ValidationError as error:
        faults = Faults()
        faults.add_shape("", raw, error, ["from", "overrides"])
        faults.raise_any()
        raise
