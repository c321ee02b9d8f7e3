"""Rests between pieces of work that can wait, as long as there is work that cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SHARE = 0.25
"""Part of the time that is worked while the engine is busy."""
LONGEST = 1.0
"""Longest rest, seconds."""


class Resting:
    """Called with the seconds that a piece of work took; returns when the next may begin.

    Args:
        busy: whether the engine has tasks to run at this moment.
    """

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy

    async def __call__(self, seconds: float) -> None:
        """Rests, three times as long as was worked, unless nobody would notice."""
        await asyncio.sleep(min(LONGEST, seconds * (1 / SHARE - 1)) if self._busy() else 0)
