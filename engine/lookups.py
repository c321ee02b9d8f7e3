"""What the graph can be asked for the answers to people: values, and the reads as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.lineage import TAKEN_OVER
from engine.model import Event, Subtask, Value


class Sign(Value, frozen=True):
    """The last sign of life of an engine, in milliseconds; ``left``: it has signed off."""

    at: int
    left: bool = False


class Below(Value, frozen=True):
    """A subtask that depends on another, as far as counting needs it."""

    id: str
    key: str
    status: str


class Timing(Value, frozen=True):
    """When a subtask did what, in milliseconds, and what came of it; ``expected`` is seconds.

    ``outcome`` and ``hash`` (of the output) are those of its last attempt, "" without one; so are ``saved_seconds`` and
    ``saved_cost`` (US dollars), what making an output took that came from the cache.
    """

    id: str
    key: str
    type: str
    status: str
    critical: bool
    attempts: int
    queued_at: int | None
    started_at: int | None
    completed_at: int | None
    expected: float | None = None
    outcome: str = ""
    hash: str = ""
    saved_seconds: float | None = None
    saved_cost: float | None = None

    @property
    def reused(self) -> bool:
        """Whether it made nothing itself."""
        return self.outcome in TAKEN_OVER

    @property
    def seconds(self) -> float | None:
        """How long its last attempt took; None while it runs, of what never ran, and of what was reused."""
        if self.started_at is None or self.completed_at is None or self.reused:
            return None
        return max(0.0, (self.completed_at - self.started_at) / 1000)


class AnswerReader(Protocol):
    """Reads for answers. Each is bounded; those with a task's id trust the caller to have looked the task up."""

    async def find(self, task_id: str, key: str) -> Subtask | None:
        """One subtask, without its attempts and dependencies."""

    async def needed(self, ids: Sequence[str], limit: int) -> dict[str, list[Subtask]]:
        """By subtask id up to ``limit`` of its dependencies that did not complete: those without success first, then
        those that run or wait for something else than dependencies, the most urgent first.
        """

    async def below(self, ids: Sequence[str], limit: int) -> list[Below]:
        """Up to about ``limit`` subtasks that depend directly on some and did not complete, each once."""

    async def urgent(self, task_id: str, status: str, limit: int) -> list[Subtask]:
        """Up to ``limit`` subtasks of a task in a status, the most urgent first."""

    async def ahead(self, subtask: Subtask) -> int:
        """How many ready subtasks of the same task go before a ready one."""

    async def events_at(self, task_id: str, at: int) -> list[Event]:
        """The events of a task that bear exactly that time."""

    async def sign(self, engine_id: str) -> Sign | None:
        """The last sign of life of an engine; None when there is no such engine."""

    async def timings(self, task_id: str, after: str, limit: int) -> list[Timing]:
        """Subtasks with an id above ``after``, in plan order."""

    async def awaited_last(self, subtask_id: str) -> Timing | None:
        """The dependency of a subtask that settled last; None when it has none."""

    async def followed_last(self, subtask_id: str) -> Timing | None:
        """Of what depends on a subtask and ran, the one that settled last; None when there is none."""

    async def own_events(self, task_id: str, limit: int) -> list[Event]:
        """The first events of the task itself: created, paused, ended and the like; reports are not among them."""

    async def reports(self, task_id: str, before: int | None, limit: int) -> list[Event]:
        """The reports of a task as events, newest first: those numbered below ``before``, or all."""
