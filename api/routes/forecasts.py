"""What would be if something were different."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from api import present, schemas
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body
from engine.forecasts import Alternative

router = APIRouter(tags=["tasks"])


class WhatIf(VerbBody):
    """What is different; what is left out stays as it is."""

    slots: int | None = Field(None, ge=1, le=1_000_000)
    """Subtasks that the engine runs at once."""
    max_parallel: int | None = Field(None, ge=0, le=1_000_000)
    """Subtasks of the task that run at once; 0 for no limit of its own."""
    factors: dict[str, Annotated[float, Field(gt=0, le=1_000_000)]] = Field(default_factory=dict)
    """By type, how many times as long its subtasks take; those that run already keep their pace."""
    without: list[str] = Field(default_factory=list, max_length=10_000)
    """Keys of open subtasks that are left out, with all that depends on them only."""


@router.post(
    "/tasks/{task_id}/what-if",
    openapi_extra=body_of(WhatIf, {"slots": 20, "factors": {"http_request": 2.0}}),
    responses=problems(400, 404, 409, 413, 415, 503),
)
async def what_if(request: Request, engine: TheEngine, settings: TheSettings, task_id: str) -> schemas.WhatIfAnswer:
    """When a task would have ended with other slots, a slower tool, or without a branch. Nothing is changed."""
    asked = await read_body(request, WhatIf, settings.max_body_bytes)
    wanted = Alternative(asked.slots, asked.max_parallel, asked.factors, asked.without)
    return present.what_if(await engine.what_if(task_id, wanted))
