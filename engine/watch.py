"""Watches one attempt: ends it when its time is up, or when it has given no sign of life for too long.

Like ``asyncio.timeout``, but on the engine's clock, so that tests drive it by hand, and with a limit that every sign
of life pushes on. A sign of life costs one assignment: the alarm looks at it when it goes off, not the other way round.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from engine.errors import Category, ToolError
from engine.ports import Alarm, Clock


class OutOfTime(ToolError):
    """The time for all attempts together is over, whatever a clock that is set right meanwhile says."""


class Watch:
    """Async context manager around an attempt; raises ``ToolError`` (timeout) when a limit has passed.

    Args:
        clock: whose monotonic seconds count.
        limit: seconds for the whole attempt.
        idle: seconds without a sign of life, or None.
        total: seconds that are left of the time for all attempts together, or None.
    """

    def __init__(self, clock: Clock, limit: float, idle: float | None = None, total: float | None = None) -> None:
        self._clock = clock
        self._limit, self._idle, self._total = limit, idle, total
        self._seen = 0.0
        self._alarms: dict[str, Alarm] = {}
        self._passed: ToolError | None = None
        self._task: asyncio.Task[object] | None = None

    def alive(self) -> None:
        """A sign of life."""
        self._seen = self._clock.monotonic()

    @property
    def timed_out(self) -> bool:
        """Whether a limit has passed."""
        return self._passed is not None

    async def __aenter__(self) -> Watch:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self.alive()
        first, passed = min(
            ((self._limit, self._too_long), (self._total, self._no_time)),
            key=lambda pair: float("inf") if pair[0] is None else pair[0],
        )
        assert first is not None
        self._alarms["end"] = self._clock.call_later(max(0.0, first), passed)
        if self._idle is not None:
            self._alarms["idle"] = self._clock.call_later(self._idle, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for alarm in self._alarms.values():
            alarm.cancel()
        if self._passed is None:
            return
        assert self._task is not None
        if self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise self._passed from None

    def _too_long(self) -> None:
        self._stop(
            f"the attempt took longer than its limit of {self._limit:g} s and was stopped",
            "raise timeout_seconds, or let the subtask do less",
        )

    def _no_time(self) -> None:
        self._stop(
            "the time for all attempts together is over, so this one was stopped",
            "raise timeouts.total_seconds, or let the subtask do less",
            OutOfTime,
        )

    def _look(self) -> None:
        assert self._idle is not None
        left = self._seen + self._idle - self._clock.monotonic()
        if left > 0:
            self._alarms["idle"] = self._clock.call_later(left, self._look)
            return
        self._stop(
            f"it gave no sign of life for {self._idle:g} s and was stopped",
            "raise timeouts.idle_seconds, or let the tool report its progress",
        )

    def _stop(self, message: str, suggestion: str, kind: type[ToolError] = ToolError) -> None:
        if self._passed is None and self._task is not None:
            self._passed = kind(message, category=Category.TIMEOUT, suggestion=suggestion)
            self._task.cancel()
