"""Questions about a task that are answered in words and as data."""

from __future__ import annotations

from fastapi import APIRouter

from api import answers
from api.openapi import problems
from api.routes import TheEngine

router = APIRouter(prefix="/tasks/{task_id}", tags=["answers"])


@router.get("/why", responses=problems(404, 503))
async def why_task(engine: TheEngine, task_id: str) -> answers.WhyView:
    """What holds a task up now, or how it ended: in words and as data."""
    return answers.why_view(await engine.answers.why(task_id))


@router.get("/why/{key}", responses=problems(404, 503))
async def why_subtask(engine: TheEngine, task_id: str, key: str) -> answers.WhyView:
    """Why a subtask waits, runs or has ended: the chain of causes, its expected start, and what waits for it."""
    return answers.why_view(await engine.answers.why(task_id, key))
