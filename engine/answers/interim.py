"""A report while a task runs: what is done, what runs, waits and failed, estimate against actual, cost. Pure.

It is made of what the engine counts anyway and of a few subtasks, whatever the task's size, and is one event of its
task: so it is told live and to callbacks, lasts as long as the task, and the last one says what was told before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.answers import words
from engine.answers.why import Why
from engine.estimates import promise
from engine.model import Troubled, Value
from engine.plan.stored import StoredReports
from engine.states import SETTLED, SubtaskStatus

EVENT = "report"
"""The name of the event."""
INTERVAL, FIRST_FAILURE, FINISHED = "interval", "first_failure", "finished"
"""Why a report is made, beside milestones such as "50 %"."""
SHOWN = 10
"""Subtasks that a report names."""
LONGEST = 500
"""Characters of a text in a report."""
_SETTLED = frozenset(status.value for status in SETTLED)
_FAILED = (SubtaskStatus.FAILED.value, SubtaskStatus.QUARANTINED.value)
_RUNNING = SubtaskStatus.PROCESSING.value


class Waits(Value, frozen=True):
    """A subtask that waits, and why."""

    key: str
    status: str
    why: str


class Failed(Value, frozen=True):
    """A subtask that failed or is set apart, and what its error says."""

    key: str
    message: str


class Counted(Value, frozen=True):
    """How many subtasks of a task are where."""

    total: int
    settled: int
    running: int
    failed: int

    @property
    def percent(self) -> int:
        """The settled ones of a hundred; 100 only when nothing is left."""
        return 100 * self.settled // self.total if self.total else 100


class Interim(msgspec.Struct, frozen=True):
    """One report.

    ``cause`` is why it is made, ``told`` which causes were told until now but for intervals. ``elapsed`` is seconds
    since the start, ``foretold`` the seconds that were expected in all when the task came in, with the bounds of four
    chances of five, ``ends_at`` (milliseconds) what is expected now; each None while nobody knows. ``cost`` is US
    dollars of the attempts that say what they cost.
    """

    cause: str
    words: str
    percent: int
    counts: dict[str, int]
    running: list[str] = []
    waiting: list[Waits] = []
    failures: list[Failed] = []
    why: str = ""
    elapsed: float | None = None
    foretold: float | None = None
    foretold_low: float | None = None
    foretold_high: float | None = None
    ends_at: int | None = None
    cost: float = 0.0
    told: list[str] = []

    def encode(self) -> str:
        """As JSON text, for the event."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def decode(text: str) -> Interim | None:
        """The report in an event's detail; None when it is none."""
        try:
            return msgspec.json.decode(text, type=Interim)
        except msgspec.MsgspecError:
            return None


def counted(counts: Mapping[str, int]) -> Counted:
    """Where the subtasks of a task are, by its counts."""
    settled = sum(number for status, number in counts.items() if status in _SETTLED)
    failed = sum(counts.get(status, 0) for status in _FAILED)
    return Counted(sum(counts.values()), settled, counts.get(_RUNNING, 0), failed)


def causes(wanted: StoredReports, told: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """What is to be told now that was not told before, the most important last."""
    now = counted(counts)
    passed = [f"{mark} %" for mark in sorted(wanted.milestones) if mark <= now.percent]
    found = [mark for mark in passed if mark not in told] if now.settled < now.total else []
    if wanted.first_failure and now.failed and FIRST_FAILURE not in told:
        found.append(FIRST_FAILURE)
    return found


def interim(
    cause: str,
    counts: Mapping[str, int],
    why: Why | None,
    failures: Sequence[Troubled],
    elapsed: float | None,
    estimate: str | None,
    cost: float,
    told: Sequence[str],
    now: int,
) -> Interim:
    """A report.

    Args:
        cause: why it is made.
        counts: subtasks by status.
        why: why the task is where it is; None where that was not asked.
        failures: subtasks that failed, or others that are in trouble.
        elapsed: seconds since the task began; None before.
        estimate: what was foretold of the task.
        cost: US dollars until now.
        told: the causes that were told, with this one.
        now: milliseconds.
    """
    foretold = promise.decode(estimate)
    steps = [] if why is None else why.chain
    waits = [
        Waits(step.key, step.status, (step.causes[0].words if step.causes else "")[:LONGEST])
        for step in steps
        if step.status not in _SETTLED and step.status != _RUNNING
    ]
    ends_at = None if why is None else why.expected_end
    made = Interim(
        cause=cause,
        words="",
        percent=counted(counts).percent,
        counts={status: number for status, number in counts.items() if number},
        running=[step.key for step in steps if step.status == _RUNNING][:SHOWN],
        waiting=waits[:SHOWN],
        failures=[Failed(row.key, _message(row)[:LONGEST]) for row in failures if row.status.value in _FAILED][:SHOWN],
        why="" if why is None else why.words[:LONGEST],
        elapsed=elapsed,
        foretold=None if foretold is None else foretold.seconds,
        foretold_low=None if foretold is None else foretold.low,
        foretold_high=None if foretold is None else foretold.high,
        ends_at=ends_at,
        cost=round(cost, 6),
        told=list(told),
    )
    return msgspec.structs.replace(made, words=_said(made, now))


def _message(row: Troubled) -> str:
    error = msgspec.json.decode(row.error) if row.error else {}
    return str(error.get("message") or "") if isinstance(error, dict) else ""


def _said(made: Interim, now: int) -> str:
    """A report in a sentence or two."""
    count = counted(made.counts)
    waiting = count.total - count.settled - count.running
    parts = [f"{count.settled:,} of {count.total:,} subtasks are settled ({count.percent} %)"]
    if count.failed:
        parts.append(f"{count.failed:,} of them failed")
    if count.running or waiting:
        parts.append(f"{count.running:,} run and {waiting:,} wait")
    text = ", ".join(parts) + "."
    if made.elapsed is not None:
        text += f" It has taken {words.duration(made.elapsed)}"
        if made.ends_at is not None:
            text += f" and will take about {words.duration(max(0.0, (made.ends_at - now) / 1000))} more"
        text += "." if made.foretold is None else f"; {words.duration(made.foretold)} in all were expected."
    return text + (f" It has cost ${made.cost:.4g}." if made.cost else "")
