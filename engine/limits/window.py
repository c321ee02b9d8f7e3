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

    async def free(self, want: Want, asked: int) -> tuple[int, float | None]:
        """How many of those who ask may take a place now, and after how many seconds one more may; None when nobody
        knows. Several engines set the places aside for whoever has asked.
        """


class LocalLimiter:
    """The limits of one engine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0.0
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)
        self._inside: defaultdict[str, set[str]] = defaultdict(set)

    async def take(self, wants: Sequence[Want], who: str) -> Denied | None:
        """Takes one place in each limit, or in none."""
        for want in wants:
            room, wait = self._room(want)
            if room <= 0 and who not in self._inside.get(want.key, ()):
                return Denied(want, wait)
        self.note(wants, who)
        return None

    def note(self, wants: Sequence[Want], who: str, at: float | None = None) -> None:
        """A place in each limit was taken at ``at``, a moment of ``moment``, whether there was room or not."""
        at = self.moment() if at is None else at
        for want in wants:
            if want.rate is None:
                self._inside[want.key].add(who)
            else:
                self._taken[want.key].append(at)

    def moment(self) -> float:
        """Now, in monotonic seconds, and a microsecond later than the last time at least: no two are the same."""
        self._last = max(self._clock.monotonic(), self._last + _ROUNDING)
        return self._last

    async def release(self, wants: Sequence[Want], who: str) -> None:
        """Leaves the limits on concurrency."""
        for want in wants:
            inside = self._inside.get(want.key)
            if want.rate is None and inside is not None:
                inside.discard(who)
                if not inside:
                    del self._inside[want.key]

    async def free(self, want: Want, asked: int) -> tuple[int, float | None]:
        """How many of those who ask may take a place now, and when one more may."""
        room, wait = self._room(want)
        return min(room, asked), wait

    @property
    def any_inside(self) -> bool:
        """Whether anybody has a place in a limit on concurrency."""
        return bool(self._inside)

    def inside(self) -> dict[str, list[str]]:
        """Who has a place in each limit on concurrency, by its key."""
        return {key: list(inside) for key, inside in self._inside.items()}

    def counted(self, want: Want) -> list[float]:
        """When the calls began that a rate still counts, as moments of ``moment``."""
        self._room(want)
        return list(self._taken.get(want.key, ()))

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
