"""Running a final task again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api import present, schemas
from api.access import Subject
from api.headers import IDEMPOTENCY_REPLAYED
from api.idempotency import IdempotencyKey
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body
from engine.estimates.promise import decode

router = APIRouter(tags=["control"])


class Rerun(VerbBody):
    """From where a task runs again, and what is different this time."""

    start: str = Field("failed", alias="from", min_length=1)
    """``failed``: what did not complete, and all that depends on it. ``start``: everything. Else the key of a subtask:
    that one too.
    """
    overrides: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By key the fields of subtasks that are different this time; ``input`` is merged with the earlier one."""


EXAMPLE = {"from": "count", "overrides": {"count": {"timeout_seconds": 60}}}


@router.post(
    "/tasks/{task_id}/rerun",
    openapi_extra=body_of(Rerun, EXAMPLE),
    responses=problems(400, 404, 409, 413, 415, 429, 503),
)
async def rerun_task(
    request: Request,
    response: Response,
    engine: TheEngine,
    settings: TheSettings,
    task_id: str,
    key: IdempotencyKey,
    by: Subject,
) -> schemas.Created:
    """Runs a final task again as a new task. What is completed and not called into question is kept, not repeated."""
    asked = await read_body(request, Rerun, settings.max_body_bytes)
    made = await engine.rerun(task_id, asked.start, asked.overrides, key=key, by=by)
    if made.repeated:
        response.headers[IDEMPOTENCY_REPLAYED] = "true"
    response.headers["Location"] = f"/tasks/{made.task_id}"
    return schemas.Created(
        task_id=made.task_id,
        subtasks_count=made.subtasks_count,
        initial_subtasks_queued=made.initial_subtasks_queued,
        estimate=present.estimate(decode(made.estimate)),
        needs_approval=list(made.asking[:100]),
    )
