"""What a person was asked and what he decided, as values, and where the graph keeps them, as a Protocol.

A request belongs to the attempt that asked: its id is that of the attempt. It waits for as long as its subtask stands
in ``awaiting_approval`` with that attempt's token; whatever moves the subtask on makes the request void.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from engine.model import Json, Subtask, Value

State = Literal["open", "approved", "rejected", "void"]
OnExpiry = Literal["reject", "approve", "wait"]


class Reason(Value, frozen=True):
    """Why a person is asked: ``rule`` is "plan", "taint" or the name of a rule of the policy."""

    rule: str
    words: str


class Request(Value, frozen=True):
    """What a person has to judge.

    ``id`` is the attempt's, ``hash`` that of what will run: its type and its whole input. ``input`` is that input, long
    parts of it cut (``cut``), ``input_bytes`` its real size. ``approvers`` may decide, everybody where there are none;
    ``until`` is in milliseconds, None for no end. ``behind`` counts what waits for it, ``behind_more`` says that there
    is more than that, ``behind_keys`` are some of it.
    """

    id: str
    task_id: str
    subtask_id: str
    key: str
    token: int
    type: str
    version: str
    hash: str
    input: Json
    input_bytes: int
    cut: bool
    reasons: list[Reason]
    asked_at: int
    approvers: tuple[str, ...] = ()
    until: int | None = None
    on_expiry: OnExpiry = "reject"
    behind: int = 0
    behind_keys: tuple[str, ...] = ()
    behind_more: bool = False
    tainted_by: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The first of its reasons, which says who may decide."""
        return self.reasons[0].rule

    @property
    def why(self) -> str:
        """Its reasons in one line."""
        return "; ".join(reason.words for reason in self.reasons)


class Verdict(Value, frozen=True):
    """What was decided: ``id`` is one for all requests that were decided together, ``at`` is in milliseconds.

    ``amended`` is JSON text: what was put into the input, "" when nothing was. ``approved_hash`` is the hash of what
    may run, with that in it.
    """

    id: str
    state: State
    by: str
    at: int
    comment: str = ""
    amended: str = ""
    approved_hash: str = ""


class Approval(Value, frozen=True):
    """A request, and the verdict once there is one."""

    request: Request
    state: State = "open"
    verdict: Verdict | None = None


class Waiting(Value, frozen=True):
    """A subtask that waits for a person; ``approval`` is None where an interruption asks, without a request."""

    subtask: Subtask
    approval: Approval | None


class ApprovalStore(Protocol):
    """The requests and verdicts of a namespace. They go with their task."""

    async def ask_approval(self, request: Request) -> bool:
        """Stores a request, unless its attempt is not the running one any more: then False. Safe to repeat."""

    async def approvals_of(self, subtask_id: str) -> list[Approval]:
        """What was asked of one subtask, the oldest first."""

    async def approvals_of_task(self, task_id: str, after: str, limit: int) -> list[Approval]:
        """What was asked of a task, by id, above an id."""

    async def waiting_for_approval(self, task_id: str, after: str, limit: int) -> list[Waiting]:
        """The subtasks of a task that wait for a person, in plan order, with an id above ``after``."""

    async def open_approvals(self, after: str, limit: int) -> list[Approval]:
        """Requests of the namespace that wait for a verdict, by id, above an id."""

    async def decide_approvals(self, ids: Sequence[str], verdict: Verdict) -> list[str]:
        """Writes a verdict on open requests, all in one transaction; returns the ids of those that now have it. Those
        that had this very verdict already count. Fenced.
        """
