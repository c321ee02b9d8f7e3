"""``decide``: what an event means for a subtask. Pure: no clock, no graph, no chance but what is handed in.

Whoever calls it carries the ``Decision`` to the graph as a guarded write: the guard is the state that the decision was
made for, so a decision that comes too late changes nothing. The legal moves are in ``states.py``; an event that the
table does not have for a state raises ``IllegalMove``, which says what would be legal.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine.errors import Category, Conflict
from engine.model import Value
from engine.plan.spec import RetrySpec
from engine.retries import Defaults, attempts_allowed, delay_seconds
from engine.states import SUBTASK_MOVES, SubtaskStatus, legal_events

POISON_LIMIT = 3
"""Interruptions and crashes, the engine's or those of its own process, after which a subtask is set apart."""

_LEGAL = frozenset((move.event, move.source, move.target) for move in SUBTASK_MOVES)


class IllegalMove(Conflict):
    """The state machine has no such move from this state. Look at the subtask's state first."""


# --- what happens ---------------------------------------------------------------------------------------------------


class Succeeded(Value, frozen=True):
    """The attempt has an output."""


class Failed(Value, frozen=True):
    """The attempt ended with an error; ``repeat`` and ``delay`` (seconds) are its own wishes."""

    category: Category
    repeat: bool | None = None
    delay: float | None = None
    crashed: bool = False


class Interrupted(Value, frozen=True):
    """Whoever ran it is gone: the engine, unless ``cause`` says what else happened."""

    cause: str = ""


class PutBack(Value, frozen=True):
    """The attempt was stopped from outside, for a while: the engine stops, or (``asked``) a person paused the task.

    It counts neither as an attempt nor as an interruption.
    """

    asked: bool = False


class Postponed(Value, frozen=True):
    """It may not call its tool before about ``until``, milliseconds. It counts neither as an attempt nor as a failure.

    ``breaker``: what it would call is broken, so its fallback need not wait.
    """

    until: int
    breaker: bool = False


class Cancelled(Value, frozen=True):
    """The task is being closed."""


class TimedOut(Value, frozen=True):
    """A limit in time has passed while nothing of it was running."""


class Asked(Value, frozen=True):
    """A person has to decide before its tool is called, until ``until`` (milliseconds). It spends no attempt."""

    until: int | None = None


class BackoffOver(Value, frozen=True):
    """It has waited long enough."""


class Settled(Value, frozen=True):
    """All its dependencies are settled; ``to`` is the verdict of ``verdicts.py``."""

    to: SubtaskStatus


class Approve(Value, frozen=True):
    """A person lets it run."""


class Reject(Value, frozen=True):
    """A person does not."""


class Retry(Value, frozen=True):
    """A person wants it once more."""


class Skip(Value, frozen=True):
    """A person abandons it."""


class Unblock(Value, frozen=True):
    """An ancestor goes back to work, so what was decided because of it is open again."""


Event = (
    Succeeded
    | Failed
    | Interrupted
    | PutBack
    | Postponed
    | Cancelled
    | TimedOut
    | Asked
    | BackoffOver
    | Settled
    | Approve
    | Reject
    | Retry
    | Skip
    | Unblock
)


# --- where it stands and what follows -------------------------------------------------------------------------------


class Standing(Value, frozen=True):
    """What a decision needs to know of a subtask.

    ``spent`` counts the attempts that count, the one that just ended not included; ``interrupted`` the interruptions
    and crashes. ``fallback`` says that there is one and it has not taken over yet; ``chain`` that another tool of its
    route can take over before that. ``on_interrupt`` is resolved:
    "retry", "fail" or "ask". ``expires_at`` is the end of its time in all, in milliseconds.
    """

    status: SubtaskStatus
    spent: int = 0
    interrupted: int = 0
    retry: RetrySpec | None = None
    fallback: bool = False
    chain: bool = False
    on_interrupt: str = "retry"
    expires_at: int | None = None


class Decision(Value, frozen=True):
    """The move to make. ``wake_at`` (milliseconds) ends a back-off, or the wait for a person; the counts are those to
    store, None to leave.
    """

    event: str
    to: SubtaskStatus
    wake_at: int | None = None
    spent: int | None = None
    interrupted: int | None = None
    fell_back: bool | None = None


def decide(standing: Standing, event: Event, now: int, defaults: Defaults, chance: random.Random) -> Decision:
    """What follows from ``event``; raises ``IllegalMove`` where the table has no such move.

    Args:
        standing: where the subtask stands.
        event: what happened.
        now: milliseconds since 1970 UTC, by the database's clock.
        defaults: retry settings.
        chance: for jitter.
    """
    decision = _RULES[type(event)](standing, event, now, defaults, chance)
    if (decision.event, standing.status.value, decision.to.value) not in _LEGAL:
        legal = ", ".join(legal_events(standing.status)) or "nothing: it is over"
        raise IllegalMove(f"it is {standing.status.value}, so {decision.event} is not possible; legal now: {legal}")
    return decision


def _failed(s: Standing, event: Failed, now: int, defaults: Defaults, chance: random.Random) -> Decision:
    spent, crashes = s.spent + 1, s.interrupted + event.crashed
    if event.crashed and crashes >= POISON_LIMIT:
        return Decision("quarantine", SubtaskStatus.QUARANTINED, spent=spent, interrupted=crashes)
    kept = crashes if event.crashed else None
    if spent < attempts_allowed(event.category, s.retry, event.repeat, defaults):
        wake_at = now + round(1000 * delay_seconds(spent, s.retry, event.delay, defaults, chance))
        if s.expires_at is None or wake_at < s.expires_at:
            return Decision("retry_later", SubtaskStatus.RETRYING, wake_at, spent, kept)
    in_time = s.expires_at is None or now < s.expires_at
    if (s.chain or s.fallback) and in_time and event.category is not Category.CANCELLED:
        fell_back = None if s.chain else True
        return Decision("fall_back", SubtaskStatus.READY, spent=0, interrupted=kept, fell_back=fell_back)
    return Decision("fail", SubtaskStatus.FAILED, spent=spent, interrupted=kept)


def _interrupted(s: Standing, *_: Any) -> Decision:
    count = s.interrupted + 1
    if count >= POISON_LIMIT:
        return Decision("quarantine", SubtaskStatus.QUARANTINED, interrupted=count)
    return _cut_off(s, count)


def _put_back(s: Standing, *_: Any) -> Decision:
    return _cut_off(s, None)


def _postponed(s: Standing, event: Postponed, *_: Any) -> Decision:
    if event.breaker and s.fallback:
        return Decision("fall_back", SubtaskStatus.READY, spent=0, fell_back=True)
    return Decision("postpone", SubtaskStatus.RETRYING, wake_at=event.until)


def _cut_off(s: Standing, count: int | None) -> Decision:
    """What follows where it was stopped in the middle: ``on_interrupt`` says whether it may run again."""
    if s.on_interrupt == "ask":
        return Decision("approval_needed", SubtaskStatus.AWAITING_APPROVAL, interrupted=count)
    if s.on_interrupt == "fail":
        return Decision("fail", SubtaskStatus.FAILED, interrupted=count)
    return Decision("requeue", SubtaskStatus.READY, interrupted=count)


def _always(event: str, to: SubtaskStatus, **stored: Any) -> Callable[..., Decision]:
    decision = Decision(event, to, **stored)
    return lambda *_: decision


_RULES: dict[type, Callable[..., Decision]] = {
    Succeeded: _always("succeed", SubtaskStatus.COMPLETED),
    Failed: _failed,
    Interrupted: _interrupted,
    PutBack: _put_back,
    Postponed: _postponed,
    Cancelled: _always("cancel", SubtaskStatus.CANCELLED),
    TimedOut: _always("time_out", SubtaskStatus.FAILED),
    Asked: lambda _, event, *__: Decision("approval_needed", SubtaskStatus.AWAITING_APPROVAL, event.until),
    BackoffOver: _always("backoff_over", SubtaskStatus.READY),
    Settled: lambda _, event, *__: Decision("dependencies_settled", event.to),
    Approve: _always("approve", SubtaskStatus.READY),
    Reject: _always("reject", SubtaskStatus.FAILED),
    Retry: _always("retry", SubtaskStatus.READY, spent=0, interrupted=0, fell_back=False),
    Skip: _always("skip", SubtaskStatus.SKIPPED),
    Unblock: _always("unblock", SubtaskStatus.PENDING),
}
