"""Tasks: submit, list, look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import present, schemas
from api.access import Caller, Subject
from api.body import read_task
from api.cursor import Cursor, encode_cursor
from api.filters import Moment, TaskState, milliseconds
from api.headers import IDEMPOTENCY_REPLAYED
from api.idempotency import IdempotencyKey
from api.isolation import refuse_other_user, user_asked_for
from api.openapi import plan_body, problems
from api.routes import TheEngine, TheSettings
from engine.errors import Fault, InvalidInput
from engine.estimates.promise import decode
from engine.keys.key import ApiKey
from engine.model import Json
from engine.plan.ids import first_ulid

router = APIRouter(tags=["tasks"])


class TaskFilter(BaseModel):
    """Which tasks to list; conditions are joined by "and"."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    status: TaskState | None = None
    """Only tasks in this state; what other systems call it (``running``, ``succeeded``) is understood."""
    type: str | None = None
    """Only tasks of this type."""
    tag: str | None = None
    """Only tasks with this tag."""
    user_id: str | None = None
    """Only tasks of this user."""
    search: str = Field("", max_length=200)
    """Only tasks with this text in their name or description, whatever the case, or whose id begins with it. Each page
    looks at 10,000 tasks, so it may hold few or none and still have a ``next_cursor``.
    """
    since: Moment | None = Field(None, alias="from")
    """Only tasks made at this time or later."""
    until: Moment | None = Field(None, alias="to")
    """Only tasks made before this time."""
    cursor: Cursor | None = None
    """``next_cursor`` of the page before."""
    limit: int = Field(100, ge=1, le=1000)
    """Tasks on a page."""


@router.post("/tasks", openapi_extra=plan_body(), responses=problems(400, 409, 413, 415, 429, 503))
async def create_task(
    request: Request,
    response: Response,
    engine: TheEngine,
    settings: TheSettings,
    key: IdempotencyKey,
    caller: Caller,
    by: Subject,
    description: Annotated[str | None, Query(description="Put into the body as its ``description``.")] = None,
    user_id: Annotated[str | None, Query(description="Put into the body as its ``user_id``.")] = None,
) -> schemas.Created:
    """Stores a task and starts it. A faulty one is refused with every fault named, and nothing of it is stored."""
    body = _with_parameters(await read_task(request, settings.max_body_bytes), description, user_id)
    submitted = await engine.submit(_of_user(body, caller), key=key, by=by)
    if submitted.repeated:
        response.headers[IDEMPOTENCY_REPLAYED] = "true"
    response.headers["Location"] = f"/tasks/{submitted.task_id}"
    return schemas.Created(
        task_id=submitted.task_id,
        subtasks_count=submitted.subtasks_count,
        initial_subtasks_queued=submitted.initial_subtasks_queued,
        estimate=present.estimate(decode(submitted.estimate)),
        needs_approval=list(submitted.asking[:100]),
    )


def _of_user(body: Json, caller: ApiKey | None) -> Json:
    """A body as the caller may send it: of the one user of a key, who need not be named."""
    if not isinstance(body, dict) or caller is None or not caller.user_id:
        return body
    body = {**body, "user_id": body.get("user_id") or caller.user_id}
    refuse_other_user(caller, body["user_id"])
    return body


@router.get("/tasks", responses=problems(400, 503))
async def list_tasks(engine: TheEngine, wanted: Annotated[TaskFilter, Query()], caller: Caller) -> schemas.TaskPage:
    """Tasks, newest first; with the key of one user only that user's. Results are left out here; each task has its own
    under ``/tasks/{task_id}``.
    """
    first, before = _range(wanted)
    horizon = await engine.horizon(first, before) if wanted.search else None
    rows = await engine.tasks(
        status=wanted.status,
        type=wanted.type,
        tag=wanted.tag,
        user_id=user_asked_for(caller, wanted.user_id),
        search=wanted.search,
        first=horizon or first,
        before=before,
        limit=wanted.limit + 1,
    )
    page = rows[: wanted.limit]
    last = page[-1].id if len(rows) > wanted.limit else horizon
    return schemas.TaskPage(
        tasks=[present.task_summary(task) for task in page],
        next_cursor=encode_cursor(last) if last else None,
    )


def _range(wanted: TaskFilter) -> tuple[str, str]:
    """The ids to look at, from and below: they begin with the time that they were made at."""
    first = first_ulid(milliseconds(wanted.since)) if wanted.since is not None else ""
    bounds = [wanted.cursor] if wanted.cursor else []
    if wanted.until is not None:
        bounds.append(first_ulid(milliseconds(wanted.until)))
    return first, min(bounds, default="")


@router.get("/tasks/{task_id}", responses=problems(400, 404, 503))
async def get_task(
    engine: TheEngine,
    task_id: str,
    subtasks: Annotated[int, Query(ge=0, le=present.FIRST_SUBTASKS, description="How many come with it.")] = (
        present.FIRST_SUBTASKS
    ),
) -> schemas.TaskDocument:
    """A task with its first 1,000 subtasks; the rest through ``/tasks/{task_id}/subtasks``."""
    return await present.task_document(engine, task_id, subtasks)


def _with_parameters(body: Json, description: str | None, user_id: str | None) -> Json:
    """The body with what came as query parameters; saying a thing twice and differently is a fault."""
    given = {"description": description, "user_id": user_id}
    parameters = {name: value for name, value in given.items() if value is not None}
    if body is None:
        body = {}
    if not isinstance(body, dict):
        return body
    faults = [
        Fault(f"/{name}", "differs from the query parameter of that name; send it once")
        for name, value in parameters.items()
        if body.get(name, value) != value
    ]
    if faults:
        raise InvalidInput(faults)
    return body | parameters
