"""The slots of an engine: what is claimed runs in one, and what was claimed ahead waits for one, but not for long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.ports import Clock

PATIENCE_SECONDS = 1.0
"""What has no slot by then is given back: it is ready again, and once there is a slot the most urgent goes first."""
BEGIN_AT_ONCE = 8
"""Attempts that begin in one pass of the event loop: hundreds would keep it from whoever asks something meanwhile."""
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
        self._behind: deque[asyncio.Future[None]] = deque()
        self._counting, self._begun = False, 0

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Runs an attempt once there is a slot for it. Is cancelled if there is none in time."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        try:
            await self._pass()
            return await attempt()
        finally:
            self._places.release()

    async def _pass(self) -> None:
        """Waits until a pass of the event loop has room for one more beginning, first come first served."""
        loop = asyncio.get_running_loop()
        if not self._counting:
            self._counting, self._begun = True, 0
            loop.call_soon(self._passed)
        if self._begun < BEGIN_AT_ONCE:
            self._begun += 1
            return
        turn = loop.create_future()
        self._behind.append(turn)
        await turn

    def _passed(self) -> None:
        """The next pass: some of those behind begin in it."""
        self._begun = 0
        while self._behind and self._begun < BEGIN_AT_ONCE:
            turn = self._behind.popleft()
            if not turn.done():
                turn.set_result(None)
                self._begun += 1
        self._counting = self._begun > 0
        if self._counting:
            asyncio.get_running_loop().call_soon(self._passed)

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
