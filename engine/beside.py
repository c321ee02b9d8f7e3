"""Work that runs beside a loop and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Beside:
    """The work beside one loop. ``failed`` is told what any of it raises."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._working: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work on the event loop; nobody waits for it."""
        helper = asyncio.create_task(work)
        self._working.add(helper)
        helper.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Stops all of it."""
        for helper in self._working:
            helper.cancel()

    async def finish(self, seconds: float) -> None:
        """Gives all of it so many seconds to come to its end, and stops the rest."""
        if self._working:
            await asyncio.wait(list(self._working), timeout=seconds)
        await self.end()

    async def end(self) -> None:
        """Stops all of it, and waits until nothing works any more."""
        working = list(self._working)
        self.cancel()
        if working:
            await asyncio.wait(working)

    def _ended(self, helper: asyncio.Task[None]) -> None:
        self._working.discard(helper)
        if not helper.cancelled() and (error := helper.exception()) is not None:
            self._failed(error)
