"""Questions about a task that are answered in words and as data."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import answers, interim, markdown, taint
from api.accept import preferred
from api.diff_view import DiffView, diff_view
from api.openapi import problems
from api.report_view import ReportView, report_view
from api.routes import TheEngine
from api.schemas.reports import ReportList
from engine.plan.drawing import collapsed

router = APIRouter(prefix="/tasks/{task_id}", tags=["answers"])

JSON, MARKDOWN = "application/json", "text/markdown"
FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ReportView,
        "content": {
            MARKDOWN: {"schema": {"type": "string"}, "example": "# word count\n\nThe task ended completed ..."}
        },
    }
}

PAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ReportList,
        "content": {MARKDOWN: {"schema": {"type": "string"}, "example": "# Reports of task 01J..."}},
    }
}


@router.get("/why", responses=problems(404, 503))
async def why_task(engine: TheEngine, task_id: str) -> answers.WhyView:
    """What holds a task up now, or how it ended: in words and as data."""
    return answers.why_view(await engine.answers.why(task_id))


@router.get("/why/{key}", responses=problems(404, 503))
async def why_subtask(engine: TheEngine, task_id: str, key: str) -> answers.WhyView:
    """Why a subtask waits, runs or has ended: the chain of causes, its expected start, and what waits for it."""
    return answers.why_view(await engine.answers.why(task_id, key))


@router.get("/taint", responses=problems(400, 404, 503))
async def get_taint(engine: TheEngine, task_id: str) -> taint.TaintView:
    """What of a task came from outside, where it goes, what asks a person because of it, and the fewest approvals that
    cover all of it.
    """
    return taint.view(await engine.taint.of_task(task_id))


@router.get("/report", response_model=None, responses=FORMS | problems(404, 503))
async def get_report(request: Request, engine: TheEngine, task_id: str) -> Response:
    """What happened in a task until now, or until its end; as Markdown for ``Accept: text/markdown``, else as JSON."""
    report = await engine.reports.report(task_id)
    headers = {"Vary": "Accept"}
    if preferred(request.headers.get("accept", ""), [JSON, MARKDOWN]) == MARKDOWN:
        few = report.gathered.subtasks <= markdown.DRAWN_SUBTASKS
        drawn = await asyncio.to_thread(collapsed, await engine.graph_of(task_id)) if few else None
        return Response(markdown.render(report, drawn), headers=headers, media_type=f"{MARKDOWN}; charset=utf-8")
    return Response(report_view(report).model_dump_json(), headers=headers, media_type=JSON)


@router.get("/reports", response_model=None, responses=PAGES | problems(400, 404, 503))
async def list_reports(
    request: Request,
    engine: TheEngine,
    task_id: str,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Response:
    """The reports that were made while a task ran, newest first; as Markdown for ``Accept: text/markdown``."""
    task = await engine.task(task_id)
    page = interim.listed(await engine.interim_reports(task.id, cursor, limit + 1), limit)
    headers = {"Vary": "Accept"}
    if preferred(request.headers.get("accept", ""), [JSON, MARKDOWN]) == MARKDOWN:
        text = interim.markdown(task.id, page)
        return Response(text, headers=headers, media_type=f"{MARKDOWN}; charset=utf-8")
    return Response(page.model_dump_json(), headers=headers, media_type=JSON)


@router.get("/diff/{other_id}", responses=problems(404, 503))
async def diff_tasks(engine: TheEngine, task_id: str, other_id: str) -> DiffView:
    """How another run differs from this one: plan, inputs, states, results, durations; subtasks aligned by key."""
    return diff_view(await engine.comparisons.diff(task_id, other_id))
