"""What became of an attempt, as the turn records it: the decision of the state machine and the attempt's own record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.approvalstore import Request
from engine.context import held_back, short_of_resources
from engine.errors import Category, ToolError
from engine.executors import Place
from engine.lineage import CACHED, MOST_CONSUMED, REUSED
from engine.machine import Decision, Event, Interrupted, PutBack, Standing
from engine.model import Effort, Json
from engine.payloads import Packed, error_text
from engine.plan.spec import Spec
from engine.routing.request import ExecutionRequest
from engine.states import SubtaskStatus
from engine.turn import Claim, Settle

INTERRUPTED = "interrupted"
POSTPONED = "postponed"
ASKED = "interrupted"
"""The reason of a subtask that waits for a person because its attempt was cut off."""
NEEDS_APPROVAL = "asked"
"""The outcome of an attempt that ended before its tool was called, because a person has to decide."""
LONGEST_REASON = 500
"""Characters of a reason that its subtask carries; its request has all of it."""
STOPPED = ToolError("cancelled", category=Category.CANCELLED)


@dataclass(slots=True)
class Basis:
    """What an attempt is made from, as far as it has come: the version of its tool, the ids of what it had in its
    input, what it took.
    """

    version: str = ""
    used: list[str] = field(default_factory=list)
    origin: str = ""
    effort: Effort | None = None
    request: ExecutionRequest | None = None
    """What a rule has chosen; None where its type runs it."""
    tainted: bool = False
    """What comes of it holds something from outside that no person has looked at."""
    opened: Json = msgspec.UNSET
    """What its tool gets instead of its input as it is shown: with its secrets. Never kept."""
    stamps: dict[str, str] = field(default_factory=dict)
    """What stands for those secrets in the key of its output."""
    approved: bool = False
    """Whether a person has approved its input."""
    place: Place | None = None
    """Where it is carried out; None as long as nothing is."""

    @property
    def agent_id(self) -> str:
        """The agent that it runs at; "" for this process."""
        return "" if self.place is None else self.place.agent_id

    def take_over(self, origin: str, used: list[str]) -> None:
        """It takes the output of another subtask over, which would be made from ``used``."""
        self.origin, self.used = origin, used

    def measured(self, memory_bytes: int, cpu_seconds: float) -> None:
        """A process of its tool has ended: the largest one counts, and the time of all."""
        before = self.effort or Effort()
        most, all_ = max(memory_bytes, before.memory_bytes or 0), cpu_seconds + (before.cpu_seconds or 0.0)
        self.effort = msgspec.structs.replace(before, memory_bytes=most, cpu_seconds=all_)

    def noted_on(self, settle: Settle) -> Settle:
        """The record of the attempt with what it was made from."""
        consumed = tuple(dict.fromkeys(self.used))[:MOST_CONSUMED] if self.used else ()
        if self.origin and settle.to is SubtaskStatus.COMPLETED:
            settle = msgspec.structs.replace(settle, outcome=REUSED, origin=self.origin)
        version = settle.version or self.version
        request = "" if self.request is None else self.request.encode()
        noted = {"version": version, "consumed": consumed, "effort": self.effort, "request": request}
        return msgspec.structs.replace(settle, **noted, tainted=self.tainted, agent_id=self.agent_id)


def standing(
    claim: Claim, spec: Spec, on_interrupt: str, expires_at: int | None, request: ExecutionRequest | None = None
) -> Standing:
    """Where a running subtask stands; ``request`` is that of its attempt."""
    return Standing(
        status=SubtaskStatus.PROCESSING,
        spent=claim.spent,
        interrupted=claim.interrupted,
        retry=spec.retry,
        fallback=spec.fallback is not None and not claim.fell_back,
        chain=request is not None and bool(request.fallback),
        on_interrupt=on_interrupt,
        expires_at=expires_at,
    )


def succeeded(claim: Claim, packed: Packed, started: int, now: int) -> Settle:
    """It has an output."""
    return Settle(
        claim.id,
        claim.task_id,
        claim.key,
        claim.token,
        "succeed",
        SubtaskStatus.COMPLETED,
        SubtaskStatus.COMPLETED.value,
        started,
        now,
        packed.inline,
        packed.digest,
        packed.size,
    )


def reusable(settle: Settle, version: str, key: str, origin: str) -> Settle:
    """The output of ``settle`` may be found by a key; ``origin`` is the subtask that made it, where another one did."""
    if not origin:
        return msgspec.structs.replace(settle, version=version, cache_key=key)
    told = f"cached from {origin}"
    return msgspec.structs.replace(settle, version=version, cache_key=key, outcome=CACHED, origin=origin, reason=told)


def failed(
    claim: Claim, spec: Spec, decision: Decision, error: ToolError, started: int, now: int, partial: Packed | None
) -> Settle:
    """It ended with an error; ``partial`` is what it had produced before."""
    short = error.category is Category.RESOURCE and decision.to is SubtaskStatus.RETRYING
    return _ended(
        claim,
        spec,
        decision,
        "failed",
        started,
        now,
        output=partial.inline if partial else None,
        output_hash=partial.digest if partial else None,
        output_bytes=partial.size if partial else 0,
        error=error_text(error, claim.token),
        wake_at=decision.wake_at,
        spent=decision.spent,
        interrupted=decision.interrupted,
        fell_back=decision.fell_back,
        reason=short_of_resources(claim.reason) if short else "",
        category=error.category.value,
    )


def asks(claim: Claim, spec: Spec, request: Request, decision: Decision, started: int, now: int) -> Settle:
    """It waits for a person; its tool was not called."""
    return _ended(
        claim,
        spec,
        decision,
        NEEDS_APPROVAL,
        started,
        now,
        wake_at=decision.wake_at,
        reason=request.why[:LONGEST_REASON],
    )


def postponed(claim: Claim, spec: Spec, decision: Decision, code: str, words: str, started: int, now: int) -> Settle:
    """It did not call its tool: a limit is reached, or what it would call is broken."""
    return _ended(
        claim,
        spec,
        decision,
        POSTPONED,
        started,
        now,
        wake_at=decision.wake_at,
        spent=decision.spent,
        fell_back=decision.fell_back,
        reason=held_back(claim.reason, code, words),
    )


def cut_off(claim: Claim, spec: Spec, event: Event, decision: Decision, started: int, now: int) -> Settle:
    """It was stopped in the middle: for good, or by the end of its engine, or by a pause."""
    for_good = decision.to is SubtaskStatus.CANCELLED
    error = STOPPED if for_good else _why_not_again(event, decision)
    return _ended(
        claim,
        spec,
        decision,
        "cancelled" if for_good else INTERRUPTED,
        started,
        now,
        error=error_text(error, claim.token) if error else None,
        interrupted=decision.interrupted,
        reason=_reason(claim, decision),
        category=Category.CANCELLED.value if for_good else None,
    )


def _ended(claim: Claim, spec: Spec, decision: Decision, outcome: str, started: int, now: int, **more: Any) -> Settle:
    """An attempt without an output that counts: what the state machine decided, and ``more`` of its record."""
    return Settle(
        id=claim.id,
        task_id=claim.task_id,
        key=claim.key,
        token=claim.token,
        event=decision.event,
        to=decision.to,
        outcome=outcome,
        started_at=started,
        finished_at=now,
        critical=spec.critical,
        **more,
    )


def _reason(claim: Claim, decision: Decision) -> str:
    """What ran out of resources before is still so when it runs again."""
    if decision.to is SubtaskStatus.AWAITING_APPROVAL:
        return ASKED
    return claim.reason if decision.to is SubtaskStatus.READY else ""


def _why_not_again(event: Event, decision: Decision) -> ToolError | None:
    if decision.to is SubtaskStatus.QUARANTINED:
        return ToolError(
            f"it was interrupted {decision.interrupted} times, so it was set apart",
            suggestion="find out whether it brings its engine down; then release it with retry or abandon it with skip",
        )
    if decision.to is SubtaskStatus.READY:
        return None
    cause = "the task was paused" if isinstance(event, PutBack) and event.asked else "the engine stopped"
    cause = event.cause or cause if isinstance(event, Interrupted) else cause
    return ToolError(
        f"{cause} while it ran, and running it again could repeat what it did",
        category=Category.CONFIGURATION,
        suggestion='check what it did; where a repeat does no harm, set "on_interrupt": "retry"',
    )
