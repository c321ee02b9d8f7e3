"""Limits that this process keeps by itself: exact windows for rates, and who is inside for concurrency. Pure but for
the clock that it is given.

A window remembers its last calls, so it holds for every stretch of its length and not only from one full minute to the
next: a far end that counts differently is never asked more often than it says.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Protocol

from engine.ports import Clock
from engine.rates import Denied, Want

_ROUNDING = 1e-6
"""Seconds that sums of times may be off."""


class Limiter(Protocol):
    """Counts calls, in this process or for several engines."""

    async def take(self, wants: Sequence[Want], who: str) -> Denied | None:
        """Takes one place in each limit, or in none: then it says in which there was no room."""

    async def release(self, wants: Sequence[Want], who: str) -> None:
        """Leaves the limits on concurrency; a place in a rate stays used."""

    async def free(self, want: Want) -> tuple[int, float | None]:
        """How many could take a place now, and after how many seconds one more could; None when nobody knows."""


class LocalLimiter:
    """The limits of one engine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)
        self._inside: defaultdict[str, set[str]] = defaultdict(set)

    async def take(self, wants: Sequence[Want], who: str) -> Denied | None:
        """Takes one place in each limit, or in none."""
        for want in wants:
            room, wait = self._room(want)
            if room <= 0 and who not in self._inside.get(want.key, ()):
                return Denied(want, wait)
        for want in wants:
            if want.rate is None:
                self._inside[want.key].add(who)
            else:
                self._taken[want.key].append(self._clock.monotonic())
        return None

    async def release(self, wants: Sequence[Want], who: str) -> None:
        """Leaves the limits on concurrency."""
        for want in wants:
            inside = self._inside.get(want.key)
            if want.rate is None and inside is not None:
                inside.discard(who)
                if not inside:
                    del self._inside[want.key]

    async def free(self, want: Want) -> tuple[int, float | None]:
        """How many could take a place now, and when one more could."""
        return self._room(want)

    def _room(self, want: Want) -> tuple[int, float | None]:
        if want.rate is None:
            return want.most - len(self._inside.get(want.key, ())), None
        now, taken = self._clock.monotonic(), self._taken.get(want.key)
        if not taken:
            return want.rate.count, 0.0
        while taken and now - taken[0] >= want.rate.period - _ROUNDING:
            taken.popleft()
        if not taken:
            del self._taken[want.key]
            return want.rate.count, 0.0
        room = want.rate.count - len(taken)
        return room, 0.0 if room > 0 else max(0.0, taken[-room] + want.rate.period - now)
