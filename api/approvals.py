"""What persons are asked and what they decided, as it goes over the wire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from api.schemas import Task, Time, Wire
from engine.approvalstore import Approval
from engine.times import iso


class ReasonView(Wire):
    """Why a person is asked."""

    policy: str
    """``plan``, ``taint``, ``interruption``, or the name of a rule of the policy."""
    words: str


class VerdictView(Wire):
    """What was decided."""

    id: str
    """One for all requests that were decided together."""
    by: str | None
    """Who; ``expiry`` where nobody decided in time, null where nobody is known by name."""
    at: Time
    comment: str
    input: Any
    """What was put into the input; null when nothing was."""
    input_hash: str
    """The hash of what may run."""


class WaitsView(Wire):
    """What waits for a decision, directly or not."""

    count: int
    keys: list[str]
    more: bool
    """There is more than that."""


class ApprovalView(Wire):
    """A request that a person can judge, and the verdict once there is one."""

    id: str
    task_id: str
    subtask_id: str
    key: str
    state: Literal["open", "approved", "rejected", "void"]
    """``void``: its subtask has moved on without a verdict."""
    type: str
    """What will run."""
    input: Any
    """Its resolved input, long parts of it cut; secrets are not in it."""
    input_bytes: int
    input_cut: bool
    """Something of it is left out here; ``GET /tasks/{id}/subtasks/{key}`` has the whole of it."""
    input_hash: str
    """A verdict holds for exactly this; empty where nothing was asked because the attempt was cut off."""
    why: list[ReasonView]
    tainted_by: list[str]
    """What of its input came from outside, as keys."""
    behind: WaitsView
    approvers: list[str]
    """Who may decide; everybody where there are none."""
    asked_at: Time
    until: Time | None
    on_expiry: Literal["reject", "approve", "wait"]
    """What follows at ``until`` when nobody has decided."""
    verdict: VerdictView | None


class ApprovalPage(Wire):
    """Requests."""

    approvals: list[ApprovalView]
    next_cursor: str | None


class Decided(Wire):
    """What a decision on several subtasks has come to."""

    task: Task
    approvals: list[ApprovalView]
    """What has this verdict now; one that was interrupted had asked nothing, so it is not here."""
    detail: str | None = None
    """Set where it is still to come."""


def view(approval: Approval) -> ApprovalView:
    """One request."""
    request = approval.request
    return ApprovalView(
        id=request.id,
        task_id=request.task_id,
        subtask_id=request.subtask_id,
        key=request.key,
        state=approval.state,
        type=request.type,
        input=request.input,
        input_bytes=request.input_bytes,
        input_cut=request.cut,
        input_hash=request.hash,
        why=[ReasonView(policy=reason.rule, words=reason.words) for reason in request.reasons],
        tainted_by=list(request.tainted_by),
        behind=WaitsView(count=request.behind, keys=list(request.behind_keys), more=request.behind_more),
        approvers=list(request.approvers),
        asked_at=iso(request.asked_at),
        until=None if request.until is None else iso(request.until),
        on_expiry=request.on_expiry,
        verdict=_verdict(approval),
    )


def _verdict(approval: Approval) -> VerdictView | None:
    found = approval.verdict
    if found is None:
        return None
    changes = msgspec.json.decode(found.amended) if found.amended else None
    return VerdictView(
        id=found.id,
        by=found.by or None,
        at=iso(found.at),
        comment=found.comment,
        input=changes,
        input_hash=found.approved_hash,
    )
