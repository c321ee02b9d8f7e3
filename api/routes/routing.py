"""Which tool would run a subtask, and the form of the file that says so."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from api import schemas
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import VerbBody, body_of, read_body
from engine.routing.match import About
from engine.routing.schema import file_schema

router = APIRouter(prefix="/route", tags=["tools"])


class Routed(VerbBody):
    """A subtask as rules see it."""

    type: str = Field(min_length=1, max_length=200)
    """Its type."""
    input: Any = Field(default_factory=dict)
    """Its input, its references resolved."""
    key: str = Field("preview", min_length=1, max_length=200)
    """Its key; also the seed of chance under ``auto``."""
    required_capabilities: list[str] = Field(default_factory=list, max_length=100)
    tags: list[str] = Field(default_factory=list, max_length=100)
    """Tags of its task."""
    task_name: str = Field("", max_length=200)
    task_input: Any = None


EXAMPLE = {"type": "http_request", "input": {"url": "https://example.org/"}, "tags": ["nightly"]}


@router.post("/preview", responses=problems(400, 413, 415), openapi_extra=body_of(Routed, EXAMPLE))
async def preview_route(request: Request, engine: TheEngine, settings: TheSettings) -> schemas.RoutePreview:
    """Which tool would run a subtask now, by which rule and why, what is known of each candidate, and why the other
    rules are not for it. Nothing runs, and nothing changes by it.
    """
    asked = await read_body(request, Routed, settings.max_body_bytes)
    about = About(
        type=asked.type,
        key=asked.key,
        input=asked.input,
        capabilities=tuple(asked.required_capabilities),
        task_name=asked.task_name,
        tags=tuple(asked.tags),
        task_input=asked.task_input,
    )
    return schemas.RoutePreview.model_validate(engine.router.preview(about))


@router.get("/schema", response_class=JSONResponse)
async def get_router_schema() -> dict[str, Any]:
    """The JSON Schema of the file of rules that ROUTER_CONFIG names."""
    return file_schema()
