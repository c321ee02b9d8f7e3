"""How much to take at a time, so that one piece of work takes about as long as others can wait for it."""

from __future__ import annotations

SECONDS = 0.02
"""How long a piece of work should take: a turn that comes at its beginning waits so long."""
LEAST, MOST = 10, 1_000


class Stride:
    """Grows while pieces are quick and shrinks when one was slow.

    Args:
        size: of the first piece.
        most: of any.
    """

    def __init__(self, size: int = 50, most: int = MOST) -> None:
        self.size = size
        self._most = most

    def took(self, seconds: float) -> None:
        """A piece of ``size`` took that long."""
        if seconds > 2 * SECONDS:
            self.size = max(LEAST, self.size // 2)
        elif seconds < SECONDS / 2:
            self.size = min(self._most, self.size * 2)
