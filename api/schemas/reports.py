"""Reports of a task while it runs."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Time, Wire


class ReportedWaiting(Wire):
    """A subtask that waits."""

    key: str
    status: str
    why: str


class ReportedFailure(Wire):
    """A subtask that failed or is set apart."""

    key: str
    message: str
    """What its error says."""


class ReportedForecast(Wire):
    """Seconds that a task was expected to take when it came in; four chances of five lie between low and high."""

    seconds: float
    low: float
    high: float


class ReportedView(Wire):
    """How a task stood when a report was made."""

    seq: int
    """The number of its event."""
    at: Time
    cause: str
    """``interval``, a milestone such as ``50 %``, ``first_failure`` or ``finished``."""
    words: str
    percent: int
    counts: dict[str, int]
    """Subtasks by status."""
    running: list[str]
    """Keys of some that run."""
    waiting: list[ReportedWaiting]
    """Some that wait, and why."""
    failures: list[ReportedFailure]
    """Some that failed or are set apart."""
    why: str
    """Why the task is where it is."""
    elapsed: float | None
    """Seconds since its start."""
    foretold: ReportedForecast | None
    ends_at: Time | None
    """When it is expected to end, by what was known then."""
    cost: float
    """US dollars until then, of the attempts that say what they cost."""


class ReportList(Wire):
    """Reports, newest first."""

    reports: list[ReportedView]
    next_cursor: str | None = Field(None)
    """Send it back as ``cursor`` for earlier ones; null where there are none."""
