"""Removing a final task."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.openapi import problems
from api.routes import TheEngine

router = APIRouter(tags=["tasks"])

ANSWERS: dict[int | str, dict[str, Any]] = {
    **problems(404, 409, 503),
    202: {"description": "It is not shown any more; removing all of it takes longer, and goes on after a restart too"},
}


@router.delete("/tasks/{task_id}", status_code=204, responses=ANSWERS)
async def delete_task(engine: TheEngine, task_id: str) -> Response:
    """Removes a final task with its subtasks, attempts, events, results and kept files.

    What other tasks produced too, or have taken over in a rerun, stays.
    """
    gone = await engine.remove(task_id)
    return Response(status_code=204 if gone else 202)
