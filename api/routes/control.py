"""What a person may do to an open task and its subtasks. Every verb may be sent again: its goal is a state."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from api import present, schemas
from api.access import Subject
from api.openapi import problems
from api.routes import TheEngine, TheSettings
from api.verbs import Approval, Decision, Nothing, Pause, body_of, read_body
from engine.command import Command
from engine.service import Engine
from engine.states import TaskStatus

router = APIRouter(prefix="/tasks/{task_id}", tags=["control"])

ANSWERS: dict[int | str, dict[str, Any]] = {
    **problems(400, 403, 404, 409, 413, 415, 503),
    202: {"model": schemas.TaskAnswer, "description": "Accepted, not yet applied; it goes on by itself"},
}
PAUSE = {"mode": "drain", "timeout_seconds": 3600, "on_timeout": "resume"}
DECISION = {"comment": "looked at the input, it is fine"}
PENDING = "accepted, not yet applied: {verb} goes on by itself; look at the task again"


@router.post("/cancel", responses=ANSWERS, openapi_extra=body_of(Nothing, {}))
async def cancel_task(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str
) -> schemas.TaskAnswer:
    """Cancels a task: what runs is stopped, what waits never starts. A cancelled one stays as it is.

    202 says that it is on its way: a large task takes longer than the few seconds that this call waits.
    """
    await read_body(request, Nothing, settings.max_body_bytes)
    return await _carried_out(engine, response, Command("cancel", task_id, by=by))


@router.post("/pause", responses=ANSWERS, openapi_extra=body_of(Pause, PAUSE))
async def pause_task(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str
) -> schemas.TaskAnswer:
    """Nothing new of the task starts, also after a restart, until it is resumed. What runs ends, or stops at once."""
    asked = await read_body(request, Pause, settings.max_body_bytes)
    command = Command(
        "pause", task_id, by=by, mode=asked.mode, timeout_seconds=asked.timeout_seconds, on_timeout=asked.on_timeout
    )
    return await _carried_out(engine, response, command)


@router.post("/resume", responses=ANSWERS, openapi_extra=body_of(Nothing, {}))
async def resume_task(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str
) -> schemas.TaskAnswer:
    """Lets a paused task go on from exactly where it stands."""
    await read_body(request, Nothing, settings.max_body_bytes)
    return await _carried_out(engine, response, Command("resume", task_id, by=by))


@router.post("/subtasks/{key}/retry", responses=ANSWERS, openapi_extra=body_of(Nothing, {}))
async def retry_subtask(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str, key: str
) -> schemas.TaskAnswer:
    """Runs a failed or quarantined subtask of an open task once more, or one that waits out a back-off at once.

    What was blocked or skipped because of it is open again.
    """
    await read_body(request, Nothing, settings.max_body_bytes)
    return await _carried_out(engine, response, Command("retry", task_id, key, by))


@router.post("/subtasks/{key}/skip", responses=ANSWERS, openapi_extra=body_of(Nothing, {}))
async def skip_subtask(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str, key: str
) -> schemas.TaskAnswer:
    """Abandons a subtask: what depends on it is skipped in turn, unless it is optional."""
    await read_body(request, Nothing, settings.max_body_bytes)
    return await _carried_out(engine, response, Command("skip", task_id, key, by))


@router.post("/subtasks/{key}/approve", responses=ANSWERS, openapi_extra=body_of(Approval, DECISION))
async def approve_subtask(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str, key: str
) -> schemas.TaskAnswer:
    """Lets a subtask run that waits for a person, with exactly the input that it asked about, or that input amended.

    409 when somebody has decided already, or it is too late; 403 when it is for somebody else to decide.
    """
    said = await read_body(request, Approval, settings.max_body_bytes)
    changes = msgspec.UNSET if said.input is None else said.input
    command = Command("approve", task_id, key, by=by, comment=said.comment, input=changes)
    return await _carried_out(engine, response, command)


@router.post("/subtasks/{key}/reject", responses=ANSWERS, openapi_extra=body_of(Decision, DECISION))
async def reject_subtask(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, by: Subject, task_id: str, key: str
) -> schemas.TaskAnswer:
    """Fails a subtask that waits for a person: category permission, with the comment."""
    said = await read_body(request, Decision, settings.max_body_bytes)
    command = Command("reject", task_id, key, by=by, comment=said.comment)
    return await _carried_out(engine, response, command)


async def _carried_out(engine: Engine, response: Response, command: Command) -> schemas.TaskAnswer:
    """Has a command carried out and answers with the task; 202 when that is still to come."""
    carried = await engine.command(command)
    task = await present.task_view(engine, carried.task)
    final = command.verb != "cancel" or task.status is TaskStatus.CANCELLED
    if carried.applied and final:
        return schemas.TaskAnswer(task=task)
    response.status_code = 202
    return schemas.TaskAnswer(task=task, detail=PENDING.format(verb=command.verb))
