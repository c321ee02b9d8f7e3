"""Which of the subtasks that wait for a person a verdict is about, and whether it may be given. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.approvalstore import Approval, Request, Verdict, Waiting
from engine.command import Command
from engine.errors import Conflict, Forbidden
from engine.model import Json, Subtask, Value
from engine.states import SubtaskStatus, subtask_verbs
from engine.times import iso

VERB = {"approved": "approve", "rejected": "reject"}
EXPIRY = "expiry"
"""Who decides when nobody has in time."""
NOBODY = "nobody is known to this server by name until it has keys: agent03 key create"


class Wish(Value, frozen=True):
    """A verdict that somebody wants: on ``keys``, on all that a ``rule`` asks, or on ``everything`` of the task.

    ``id`` names the verdict, ``input`` is what is to be put into the input of the one subtask that it is about.
    """

    id: str
    state: str
    by: str = ""
    comment: str = ""
    keys: tuple[str, ...] = ()
    rule: str = ""
    everything: bool = False
    input: Json = msgspec.UNSET

    @property
    def verb(self) -> str:
        """The verb of the state machine."""
        return VERB[self.state]

    @property
    def told(self) -> str:
        """By whom and why, as the event has it."""
        return ": ".join(filter(None, (self.by, self.comment)))


def wish_of(command: Command) -> Wish:
    """What a command to approve or to reject is after."""
    return Wish(
        id=command.decision,
        state="approved" if command.verb == "approve" else "rejected",
        by=command.by,
        comment=command.comment,
        keys=(command.key,) if command.key else command.keys,
        rule=command.rule,
        everything=command.everything,
        input=command.input,
    )


def chosen(waiting: Sequence[Waiting], wish: Wish, now: int) -> list[Waiting]:
    """What a wish is about, all of it or an error: nothing is decided in part.

    Raises:
        Conflict: when it is about nothing, or something of it does not wait, or not any more.
        Forbidden: when somebody else has to decide on something of it.
    """
    found = [one for one in waiting if _meant(one, wish)]
    missing = set(wish.keys) - {one.subtask.key for one in found}
    if missing:
        named = ", ".join(sorted(missing)[:5])
        raise Conflict(f"{named} waits for nobody's approval: GET the approvals of the task, then send it again")
    if not found:
        what = f"what rule {wish.rule!r} asks" if wish.rule else "an approval"
        raise Conflict(f"nothing of this task waits for {what}; nothing was changed")
    for one in found:
        if one.approval is not None:
            refuse(one.approval.request, wish, now)
    return found


def _meant(one: Waiting, wish: Wish) -> bool:
    if wish.everything or one.subtask.key in wish.keys:
        return True
    return bool(wish.rule) and one.approval is not None and _asks(one.approval.request, wish.rule)


def _asks(request: Request, rule: str) -> bool:
    return any(reason.rule == rule for reason in request.reasons)


def refuse(request: Request, wish: Wish, now: int) -> None:
    """Raises ``Forbidden`` for the wrong person, ``Conflict`` when it is too late."""
    if wish.by == EXPIRY:
        return
    if request.approvers and wish.by not in request.approvers:
        who = f"{wish.by} may not" if wish.by else NOBODY + ", so you may not"
        raise Forbidden(f"{who} {wish.verb} {request.key}: that is for {', '.join(request.approvers)} to decide")
    if request.until is not None and request.on_expiry != "wait" and now >= request.until:
        raise Conflict(
            f"too late: the time to decide on {request.key} ended at {iso(request.until)}; "
            f"without a decision it is to {request.on_expiry}",
            state=SubtaskStatus.AWAITING_APPROVAL.value,
        )


def current(asked: Sequence[Approval], token: int) -> Approval | None:
    """What the attempt with a token asked; None when it asked nothing."""
    return next((found for found in asked if found.request.token == token), None)


def decided(subtask: Subtask, asked: Sequence[Approval], verb: str) -> Conflict | None:
    """Why a subtask that does not wait any more cannot be decided on again; None when nobody has decided on it."""
    given = [found for found in asked if found.verdict is not None]
    if not given or given[-1].verdict is None:
        return None
    last: Verdict = given[-1].verdict
    legal = [other for other in subtask_verbs(subtask.status) if other != verb]
    return Conflict(
        f"subtask {subtask.key} was {last.state}{f' by {last.by}' if last.by else ''} at {iso(last.at)} already and is "
        f"{subtask.status.value}, so {verb} is not possible; legal now: {', '.join(legal) or 'nothing'}",
        state=subtask.status.value,
        legal=legal,
    )
