"""What the graph can be asked for the answers to people: values, and the reads as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class AnswerReader(Protocol):
    """Reads for answers. Each is bounded; those with a task's id trust the caller to have looked the task up."""

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
