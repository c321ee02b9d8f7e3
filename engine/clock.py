"""Time as the engine sees it: the wall clock, corrected to the graph database's, and a monotonic one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """The clocks of this machine. ``correct`` sets the offset to the database's clock."""

    def __init__(self) -> None:
        self._offset = 0
        self._last = 0

    def now(self) -> int:
        """Milliseconds since 1970 UTC by the database's clock; never less than it was, also after a correction."""
        self._last = max(self._last, time.time_ns() // 1_000_000 + self._offset)
        return self._last

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Calls back on the running event loop after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def correct(self, database_now: int) -> None:
        """Takes over the database's time, in milliseconds; call it right after the database told it."""
        self._offset = database_now - time.time_ns() // 1_000_000
