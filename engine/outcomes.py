"""What became of an attempt, as the turn records it: the decision of the state machine and the attempt's own record."""

from __future__ import annotations

from engine.context import short_of_resources
from engine.errors import Category, ToolError
from engine.machine import Decision, Standing
from engine.payloads import Packed, error_text
from engine.plan.spec import Spec
from engine.states import SubtaskStatus
from engine.turn import Claim, Settle

INTERRUPTED = "interrupted"
ASKED = "interrupted"
"""The reason of a subtask that waits for a person because its attempt was cut off."""
STOPPED = ToolError("cancelled", category=Category.CANCELLED)


def standing(claim: Claim, spec: Spec, on_interrupt: str, expires_at: int | None) -> Standing:
    """Where a running subtask stands."""
    return Standing(
        status=SubtaskStatus.PROCESSING,
        spent=claim.spent,
        interrupted=claim.interrupted,
        retry=spec.retry,
        fallback=spec.fallback is not None and not claim.fell_back,
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


def failed(
    claim: Claim, spec: Spec, decision: Decision, error: ToolError, started: int, now: int, partial: Packed | None
) -> Settle:
    """It ended with an error; ``partial`` is what it had produced before."""
    short = error.category is Category.RESOURCE and decision.to is SubtaskStatus.RETRYING
    return Settle(
        id=claim.id,
        task_id=claim.task_id,
        key=claim.key,
        token=claim.token,
        event=decision.event,
        to=decision.to,
        outcome="failed",
        started_at=started,
        finished_at=now,
        output=partial.inline if partial else None,
        output_hash=partial.digest if partial else None,
        output_bytes=partial.size if partial else 0,
        error=error_text(error, claim.token),
        wake_at=decision.wake_at,
        spent=decision.spent,
        interrupted=decision.interrupted,
        fell_back=decision.fell_back,
        reason=short_of_resources(claim.reason) if short else "",
        critical=spec.critical,
        category=error.category.value,
    )


def stopped(claim: Claim, decision: Decision, started: int, now: int) -> Settle:
    """It was stopped from outside: for good, or put back as if it had never started."""
    for_good = decision.to is SubtaskStatus.CANCELLED
    return Settle(
        id=claim.id,
        task_id=claim.task_id,
        key=claim.key,
        token=claim.token,
        event=decision.event,
        to=decision.to,
        outcome="cancelled" if for_good else INTERRUPTED,
        started_at=started,
        finished_at=now,
        error=error_text(STOPPED, claim.token) if for_good else None,
        category=Category.CANCELLED.value if for_good else None,
    )


def interrupted(claim: Claim, spec: Spec, decision: Decision, started: int, now: int) -> Settle:
    """Its engine died while it ran."""
    return Settle(
        id=claim.id,
        task_id=claim.task_id,
        key=claim.key,
        token=claim.token,
        event=decision.event,
        to=decision.to,
        outcome=INTERRUPTED,
        started_at=started,
        finished_at=now,
        error=_cut_off(decision, claim.token),
        interrupted=decision.interrupted,
        reason=ASKED if decision.to is SubtaskStatus.AWAITING_APPROVAL else "",
        critical=spec.critical,
    )


def _cut_off(decision: Decision, token: int) -> str | None:
    if decision.to is SubtaskStatus.QUARANTINED:
        error = ToolError(
            f"it was interrupted {decision.interrupted} times, so it was set apart",
            suggestion="find out whether it brings its engine down; then release it with retry or abandon it with skip",
        )
    elif decision.to in (SubtaskStatus.FAILED, SubtaskStatus.AWAITING_APPROVAL):
        error = ToolError(
            "the engine stopped while it ran, and running it again could repeat what it did",
            category=Category.CONFIGURATION,
            suggestion='check what it did; where a repeat does no harm, set "on_interrupt": "retry"',
        )
    else:
        return None
    return error_text(error, token)
