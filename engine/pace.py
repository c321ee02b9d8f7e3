"""How often something is done at most."""

from __future__ import annotations

from collections.abc import Callable

from engine.ports import Alarm, Clock


class Pace:
    """Says when something may be done again. ``ring`` is called on the event loop when it is due later."""

    def __init__(self, clock: Clock, ring: Callable[[], None], seconds: float) -> None:
        self._clock = clock
        self._ring = ring
        self._seconds = seconds
        self._due_at = 0.0
        self._alarm: Alarm | None = None

    def due(self) -> bool:
        """Whether it may be done now; if not, it rings when it may."""
        wait = self._due_at - self._clock.monotonic()
        if wait <= 0:
            return True
        if self._alarm is None:
            self._alarm = self._clock.call_later(wait, self._went_off)
        return False

    def done(self) -> None:
        """It is done now."""
        self._due_at = self._clock.monotonic() + self._seconds

    def close(self) -> None:
        """Rings no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _went_off(self) -> None:
        self._alarm = None
        self._ring()
