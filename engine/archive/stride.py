"""How much to take at a time, so that one piece of work takes about as long as others can wait for it."""

from __future__ import annotations


class Stride:
    """Grows while pieces are quick and shrinks when one was slow.

    Args:
        least: of a piece: below it what each costs whatever its size is most of it.
        most: of any; the first has as many.
        seconds: how long a piece should take.
    """

    def __init__(self, least: int, most: int, seconds: float) -> None:
        self.size = most
        self._least = least
        self._most = most
        self._seconds = seconds

    def took(self, seconds: float) -> None:
        """A piece of ``size`` took that long."""
        if seconds > 2 * self._seconds:
            self.size = max(self._least, self.size // 2)
        elif seconds < self._seconds / 2:
            self.size = min(self._most, self.size * 2)
