"""What subtasks can be made of."""

from __future__ import annotations

from fastapi import APIRouter

from api import schemas
from api.openapi import problems
from api.routes import TheEngine
from engine.model import Json
from engine.times import iso_or_none

router = APIRouter(tags=["tools"])


@router.get("/tools", responses=problems(503))
async def list_tools(engine: TheEngine) -> schemas.Tools:
    """Every type of subtask: the JSON Schema of its input, its version, limits, what runs, and what was learned."""
    return schemas.Tools.model_validate({"tools": [_shown(tool) for tool in await engine.offered()]})


def _shown(tool: dict[str, Json]) -> dict[str, Json]:
    health = tool["health"]
    times = {name: iso_or_none(health[name]) for name in ("checked_at", "next_at")}
    return tool | {"health": health | times}
