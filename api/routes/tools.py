"""What subtasks can be made of."""

from __future__ import annotations

from fastapi import APIRouter

from api import schemas
from api.openapi import problems
from api.routes import TheEngine

router = APIRouter(tags=["tools"])


@router.get("/tools", responses=problems(503))
async def list_tools(engine: TheEngine) -> schemas.Tools:
    """Every type of subtask: the JSON Schema of its input, its version, limits, what runs, and what was learned."""
    return schemas.Tools.model_validate({"tools": await engine.offered()})
