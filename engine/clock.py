"""Time as the engine sees it: the wall clock, corrected to the graph database's, and a monotonic one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """The clocks of this machine. ``correct`` sets the time to the database's; what the wall clock does between two
    corrections does not matter.
    """

    def __init__(self) -> None:
        self._corrected: tuple[int, float] | None = None
        self._last = 0

    def _wall(self) -> int:
        return time.time_ns() // 1_000_000

    def now(self) -> int:
        """Milliseconds since 1970 UTC by the database's clock; from the first correction on never less than it was."""
        if self._corrected is None:
            now = self._wall()
        else:
            time_then, then = self._corrected
            now = time_then + round(1000 * (self.monotonic() - then))
        self._last = max(self._last, now)
        return self._last

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Calls back on the running event loop after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def correct(self, database_now: int) -> None:
        """Takes over the database's time, in milliseconds; call it right after the database told it. The first time it
        may go back: until then the time was that of a wall clock, which may be wrong by any amount.
        """
        if self._corrected is None:
            self._last = 0
        self._corrected = (database_now, self.monotonic())
