"""Shares a bounded number of calls out among receivers: each has a lane of its own, so that one which hangs holds up
only what waits for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """What waits, by lane; ``most`` may be under way at once, ``each`` in one lane."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._waiting: defaultdict[str, deque[T]] = defaultdict(deque)
        self._under_way: Counter[str] = Counter()
        self._turns: dict[str, None] = {}
        self._total = 0

    def add(self, lane: str, item: T) -> None:
        """Waits at the end of its lane."""
        self._waiting[lane].append(item)
        self._line_up(lane)

    def take(self) -> tuple[str, T] | None:
        """The next that may go, lane by lane; None when there is none, or enough is under way."""
        if not self._turns or self._total >= self._most:
            return None
        lane = next(iter(self._turns))
        del self._turns[lane]
        item = self._waiting[lane].popleft()
        self._under_way[lane] += 1
        self._total += 1
        self._line_up(lane)
        return lane, item

    def done(self, lane: str) -> None:
        """One that was taken from a lane has ended."""
        self._under_way[lane] -= 1
        self._total -= 1
        self._line_up(lane)
        if not self._under_way[lane]:
            del self._under_way[lane]
            if not self._waiting[lane]:
                del self._waiting[lane]

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._turns.clear()

    def _line_up(self, lane: str) -> None:
        if self._waiting[lane] and self._under_way[lane] < self._each:
            self._turns[lane] = None
