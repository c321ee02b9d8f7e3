"""What is inside a task: its subtasks and its graph. Its events are in ``live``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import present, schemas
from api.cursor import Cursor, encode_cursor
from api.filters import SubtaskState
from api.openapi import problems
from api.raw import json_response
from api.routes import TheEngine
from api.schemas import CollapsedGraphView, GraphView
from engine.plan.drawing import collapsed
from engine.plan.layout import placed

router = APIRouter(prefix="/tasks/{task_id}", tags=["subtasks"])

MADE = ("image/png", "application/pdf")
"""What files of subtasks are told to be; others are only bytes."""
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MADE}}
}


class SubtaskFilter(BaseModel):
    """Which subtasks of a task to list."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    status: SubtaskState | None = None
    """Only subtasks in this state; what other systems call it (``running``, ``succeeded``) is understood."""
    cursor: Cursor | None = None
    """``next_cursor`` of the page before."""
    limit: int = Field(100, ge=1, le=1000)
    """Subtasks on a page."""


class Drawing(BaseModel):
    """How the graph of a task is to be drawn."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    collapse: bool = False
    """Draw like subtasks as one node, with their number."""
    above: int = Field(0, ge=0)
    """With ``collapse`` do so only where there are more subtasks than this."""
    open: list[str] = Field(default_factory=list, max_length=1000)
    """With ``collapse`` the names of groups that are drawn subtask by subtask all the same."""
    members: bool = False
    """With ``collapse`` name every subtask of a group, with its state."""
    layout: bool = False
    """Say where each node goes: ``x`` by generation, ``y`` near to its neighbours."""


@router.get("/subtasks", responses=problems(400, 404, 503))
async def list_subtasks(
    engine: TheEngine, task_id: str, wanted: Annotated[SubtaskFilter, Query()]
) -> schemas.SubtaskPage:
    """Subtasks of a task, in plan order, with their outputs."""
    rows = await engine.subtasks(task_id, status=wanted.status, after=wanted.cursor or "", limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    return schemas.SubtaskPage(
        subtask_results=await present.subtask_results(engine, page),
        next_cursor=encode_cursor(page[-1].id) if len(rows) > wanted.limit else None,
    )


@router.get("/subtasks/{key}", responses=problems(404, 503))
async def get_subtask(engine: TheEngine, task_id: str, key: str) -> schemas.SubtaskDetail:
    """Everything about one subtask: its input before and after its references were replaced, and every attempt."""
    return await present.subtask_detail(engine, task_id, key)


@router.get("/subtasks/{key}/files/{name}", response_class=Response, responses=FILES | problems(404, 503))
async def get_subtask_file(engine: TheEngine, task_id: str, key: str, name: str) -> Response:
    """A file that a subtask has made, such as a screenshot: its output names it in ``files``."""
    data, found = await engine.file(task_id, key, name)
    media_type = found if found in MADE else "application/octet-stream"
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(data, headers=headers, media_type=media_type)


@router.get(
    "/graph", response_model=None, responses=problems(400, 404, 503) | {200: {"model": GraphView | CollapsedGraphView}}
)
async def get_graph(engine: TheEngine, task_id: str, wanted: Annotated[Drawing, Query()]) -> Response:
    """The task as a graph: nodes with their state, edges from a dependency to its dependant, the critical path."""
    drawn = await engine.graph_of(task_id)
    drawn = await engine.graph_of(task_id)
    seq = drawn.pop("seq")
    if wanted.collapse and len(drawn["nodes"]) > wanted.above:
        drawn = await asyncio.to_thread(collapsed, drawn, opened=wanted.open, members=wanted.members)
    if wanted.layout:
        drawn = await asyncio.to_thread(placed, drawn)
    return json_response({"seq": seq, **drawn})
