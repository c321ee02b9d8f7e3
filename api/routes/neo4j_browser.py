"""What Neo4j Browser fetches from the engine. It runs on another port, so its requests come from another site: anybody
may read these two, which hold nothing of anybody.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api import neo4j_browser
from api.openapi import problems
from api.routes import TheEngine

router = APIRouter(prefix="/browser", tags=["graph"])

ANYBODY = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
PREFLIGHT = {
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Max-Age": "600",
}
"""Browser's error reporting puts a header of its own on each request to localhost, so that leave is asked for first."""


def _text(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


@router.get("/style.grass", response_class=Response, responses=_text("text/plain"))
async def get_browser_style() -> Response:
    """The colours of Neo4j Browser, for its ``:style``."""
    return Response(neo4j_browser.style(), headers=ANYBODY, media_type="text/plain; charset=utf-8")


@router.get("/guide", response_class=Response, responses=_text("text/html"))
async def get_browser_guide(request: Request) -> Response:
    """A guide to this graph, for ``:play`` of Neo4j Browser."""
    return Response(_guide(request, None), headers=ANYBODY, media_type="text/html; charset=utf-8")


@router.get("/guide/{task_id}", response_class=Response, responses=_text("text/html") | problems(404, 503))
async def get_browser_guide_of_task(request: Request, engine: TheEngine, task_id: str) -> Response:
    """The same guide, with its queries about one task."""
    task = await engine.task(task_id)
    return Response(_guide(request, task.id), headers=ANYBODY, media_type="text/html; charset=utf-8")


@router.options("/style.grass", include_in_schema=False)
@router.options("/guide", include_in_schema=False)
@router.options("/guide/{task_id}", include_in_schema=False)
async def allow_browser() -> Response:
    """Leave to fetch from another site, for those who have to ask first."""
    return Response(status_code=204, headers=ANYBODY | PREFLIGHT)


def _guide(request: Request, task_id: str | None) -> str:
    return neo4j_browser.guide(str(request.base_url), task_id)
