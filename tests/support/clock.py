"""A clock that a test moves by hand: alarms go off while it does, in the order of their moments."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

START = 1_800_000_000_000
"""Where the database's time begins, in milliseconds."""


class FakeAlarm:
    """A call that is still to come."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """It will not come."""
        self.cancelled = True


class FakeClock:
    """Stands still until ``advance``; see ``engine.ports.Clock``."""

    def __init__(self) -> None:
        self._at = 0.0
        self._offset = START
        self._alarms: list[tuple[float, int, FakeAlarm]] = []
        self._order = itertools.count()

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._offset + int(round(self._at * 1000, 3))

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._at

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeAlarm:
        """Calls back when the clock has been advanced so far."""
        alarm = FakeAlarm(callback)
        heapq.heappush(self._alarms, (self._at + seconds, next(self._order), alarm))
        return alarm

    def advance(self, seconds: float) -> None:
        """Lets time pass; what is due on the way is called at its moment."""
        until = self._at + seconds
        while self._alarms and self._alarms[0][0] <= until + 1e-9:
            at, _, alarm = heapq.heappop(self._alarms)
            self._at = max(self._at, at)
            if not alarm.cancelled:
                alarm.callback()
        self._at = until

    def correct(self, milliseconds: int) -> None:
        """The database's time turns out to be so much later (or earlier)."""
        self._offset += milliseconds

    @property
    def waiting(self) -> int:
        """Alarms that are still to go off."""
        return sum(not alarm.cancelled for _, _, alarm in self._alarms)


async def settle_down() -> None:
    """Lets every task that can go on do so; what then waits, waits for the clock or a signal."""
    for _ in range(20):
        await asyncio.sleep(0)
