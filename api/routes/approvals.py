"""What waits for a person, in one task or in all, and decisions on several subtasks at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import present
from api.access import Caller
from api.approvals import ApprovalPage, Decided, view
from api.cursor import Cursor, encode_cursor
from api.isolation import own_rows
from api.openapi import problems
from api.routes import TheEngine, TheSettings, who
from api.verbs import VerbBody, body_of, read_body
from engine.approvalstore import Approval

router = APIRouter(tags=["control"])

ANSWERS: dict[int | str, dict[str, Any]] = {
    **problems(400, 403, 404, 409, 413, 415, 503),
    202: {"model": Decided, "description": "Accepted, not yet applied; it goes on by itself"},
}
EXAMPLE = {"all": True, "decision": "approve", "comment": "looked at all of them, they are fine"}
PENDING = "accepted, not yet applied: it goes on by itself; look at the approvals again"


class Page(BaseModel):
    """Which requests to list."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    cursor: Cursor | None = None
    """``next_cursor`` of the page before."""
    limit: int = Field(100, ge=1, le=1000)
    """Requests on a page."""


class OfTask(Page):
    """Which requests of a task to list."""

    state: Literal["open", "all"] = "open"
    """``open``: what waits now; ``all``: also what was decided, with who, when and why."""


class Group(VerbBody):
    """One decision on several subtasks: exactly one of ``keys``, ``policy`` and ``all`` says on which."""

    decision: Literal["approve", "reject"]
    keys: list[str] = Field(default_factory=list, max_length=10_000)
    """Subtasks that wait."""
    policy: str = Field("", max_length=200)
    """All that wait because of this: the name of a rule, ``plan`` or ``taint``."""
    all: bool = False
    """All that wait in the task."""
    comment: str = Field("", max_length=1000)
    """Kept with the verdict and in the events."""


@router.get("/approvals", responses=problems(400, 503))
async def list_approvals(engine: TheEngine, wanted: Annotated[Page, Query()], caller: Caller) -> ApprovalPage:
    """What waits for a person in all tasks of the namespace, with the key of one user in that user's tasks; also what
    an interruption has put in doubt: that asked nothing by itself, and has the reason ``interruption``. It is looked
    for in the latest 200 tasks that run, and the latest 200 that are paused.
    """

    async def fetch(after: str, limit: int) -> list[tuple[str, str, Approval]]:
        found = await engine.approvals.all(after=after, limit=limit)
        return [(one.request.id, one.request.task_id, one) for one in found]

    page, after = await own_rows(engine, caller, fetch, wanted.cursor or "", wanted.limit)
    return ApprovalPage(approvals=[view(one) for one in page], next_cursor=encode_cursor(after) if after else None)


@router.get("/tasks/{task_id}/approvals", responses=problems(400, 404, 503))
async def list_approvals_of_task(engine: TheEngine, task_id: str, wanted: Annotated[OfTask, Query()]) -> ApprovalPage:
    """What waits for a person in a task, or everything that was asked and decided there."""
    found = await engine.approvals.of_task(
        task_id, waiting=wanted.state == "open", after=wanted.cursor or "", limit=wanted.limit + 1
    )
    return _page(found, wanted.limit)


@router.post("/tasks/{task_id}/approvals", responses=ANSWERS, openapi_extra=body_of(Group, EXAMPLE))
async def decide_approvals(
    request: Request, engine: TheEngine, settings: TheSettings, response: Response, task_id: str
) -> Decided:
    """Decides on several subtasks at once: on all that are meant, or on nothing."""
    said = await read_body(request, Group, settings.max_body_bytes)
    carried, found = await engine.approvals.decide(
        task_id,
        said.decision,
        keys=said.keys,
        rule=said.policy,
        everything=said.all,
        by=who(request),
        comment=said.comment,
    )
    task = await present.task_view(engine, carried.task)
    if not carried.applied:
        response.status_code = 202
    detail = None if carried.applied else PENDING
    return Decided(task=task, approvals=[view(one) for one in found], detail=detail)


def _page(found: list[Approval], limit: int) -> ApprovalPage:
    page = found[:limit]
    return ApprovalPage(
        approvals=[view(one) for one in page],
        next_cursor=encode_cursor(page[-1].request.id) if len(found) > limit else None,
    )
