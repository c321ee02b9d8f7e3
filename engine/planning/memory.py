"""What becomes of a learned plan: the counting, without the graph that keeps it."""

from __future__ import annotations

import msgspec

from engine.planstore import LearnedPlan

KEPT_SECONDS = 20
"""Durations that the median is made of."""
MOST_FAILURES = 2
"""So many failures in a row, and the plan is forgotten."""


def after(plan: LearnedPlan, success: bool, seconds: float, at: int) -> LearnedPlan | None:
    """The plan once a task of it has ended at ``at`` (milliseconds) after so many ``seconds``; None: forget it.

    Only tasks that completed tell how long one takes.
    """
    if success:
        return msgspec.structs.replace(
            plan,
            successes=plan.successes + 1,
            failures_in_a_row=0,
            seconds=(*plan.seconds, seconds)[-KEPT_SECONDS:],
            used_at=max(plan.used_at, at),
        )
    if plan.failures_in_a_row + 1 >= MOST_FAILURES:
        return None
    return msgspec.structs.replace(
        plan,
        failures=plan.failures + 1,
        failures_in_a_row=plan.failures_in_a_row + 1,
        used_at=max(plan.used_at, at),
    )


def merged(old: LearnedPlan | None, new: LearnedPlan) -> LearnedPlan:
    """What to keep when ``new`` is learned and ``old`` has its key: the one pattern, counted on, or the new pattern,
    which begins with counts of its own.
    """
    if old is None or old.pattern != new.pattern:
        return new
    return msgspec.structs.replace(
        old,
        successes=old.successes + 1,
        failures_in_a_row=0,
        seconds=(*old.seconds, *new.seconds)[-KEPT_SECONDS:],
        used_at=max(old.used_at, new.used_at),
    )
