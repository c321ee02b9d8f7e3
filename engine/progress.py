"""The counts that a running task shows in the graph: written when they changed, at most once a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.model import Progress
from engine.ports import Alarm, Clock
from engine.running import RunningTask

PROGRESS_SECONDS = 1.0
"""Counts are written onto a running task at most this often."""


class ProgressKeeper:
    """Says whose counts are to be written now. ``ring`` is called on the event loop when they are due later."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due_at = 0.0
        self._alarm: Alarm | None = None

    def due(self, tasks: Iterable[RunningTask], at_once: bool = False) -> list[Progress]:
        """The counts to write now; empty when none changed or it is too early."""
        dirty = [task for task in tasks if task.dirty] if self._is_due(at_once) else []
        if dirty:
            self._due_at = self._clock.monotonic() + PROGRESS_SECONDS
        for task in dirty:
            task.dirty = False
        return [Progress(task.id, task.present(), task.started_at) for task in dirty]

    def close(self) -> None:
        """Rings no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _is_due(self, at_once: bool) -> bool:
        wait = self._due_at - self._clock.monotonic()
        if at_once or wait <= 0:
            return True
        if self._alarm is None:
            self._alarm = self._clock.call_later(wait, self._went_off)
        return False

    def _went_off(self) -> None:
        self._alarm = None
        self._ring()
