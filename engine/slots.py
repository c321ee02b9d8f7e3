"""The slots of an engine: what is claimed runs in one, and what was claimed ahead waits for one, but not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.ports import Clock

PATIENCE_SECONDS = 1.0
"""What has no slot by then is given back: it is ready again, and once there is a slot the most urgent goes first."""
T = TypeVar("T")


class Slots:
    """So many attempts run at the same time, first come first served.

    Args:
        number: how many.
        clock: says when the patience of one that waits is over.
        stalled: told that one has waited in vain.
    """

    def __init__(self, number: int, clock: Clock, stalled: Callable[[], None]) -> None:
        self._places = asyncio.Semaphore(number)
        self._clock = clock
        self._stalled = stalled
        self._at_hand: set[asyncio.Task[object]] = set()

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Runs an attempt once there is a slot for it. Is cancelled if there is none in time."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        try:
            return await attempt()
        finally:
            self._places.release()

    def let_go(self) -> None:
        """Gives back all that wait for a slot."""
        for waiting in self._at_hand:
            waiting.cancel()

    async def _wait(self) -> None:
        runner = asyncio.current_task()
        assert runner is not None

        def give_up() -> None:
            self._stalled()
            runner.cancel()

        self._at_hand.add(runner)
        patience = self._clock.call_later(PATIENCE_SECONDS, give_up)
        try:
            await self._places.acquire()
        finally:
            patience.cancel()
            self._at_hand.discard(runner)
