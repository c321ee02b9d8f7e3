"""What subtasks can be made of."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from api import schemas
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.tool_view import tool_view
from api.verbs import VerbBody, body_of, read_body

router = APIRouter(tags=["tools"])


class Reset(VerbBody):
    """Which breakers are closed: all of a type, or that of one endpoint."""

    endpoint: str = Field("", max_length=1_000)
    """Such as api.example.com or api.example.com:8443, as GET /tools names it."""


@router.get("/tools", responses=problems(503))
async def list_tools(engine: TheEngine) -> schemas.Tools:
    """Every type of subtask: the JSON Schema of its input, its version, limits, breakers, and what was learned."""
    return schemas.Tools(tools=[tool_view(entry) for entry in await engine.offered()])


@router.post(
    "/tools/{name}/reset",
    responses=problems(400, 404, 413, 415, 503),
    openapi_extra=body_of(Reset, {"endpoint": "api.example.com"}),
)
async def reset_tool(request: Request, engine: TheEngine, settings: TheSettings, name: str) -> schemas.ToolView:
    """Closes the breakers of a type in this engine: what they held back goes on at once. Closed ones stay so."""
    asked = await read_body(request, Reset, settings.max_body_bytes)
    return tool_view(await engine.reset_tool(name, asked.endpoint))
