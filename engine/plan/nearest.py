"""Did you mean? Comparing texts is slow, and a hostile plan can hold many wrong names beside many right ones.

So the comparisons are bounded: candidates of about the same length only, and a budget for the whole plan.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_CANDIDATES = 2_000
_BUDGET = 2_000_000


class Nearest:
    """Finds the known word that a wrong one was probably meant to be."""

    def __init__(self, words: Collection[str]) -> None:
        self._words = words
        self._spent = 0

    def hint(self, wrong: str) -> str:
        """`; did you mean "x"?`, or nothing when no known word is near or the budget is spent."""
        near = self._near(wrong)
        return f'; did you mean "{near}"?' if near else ""

    def _near(self, wrong: str) -> str | None:
        if self._spent > _BUDGET or len(wrong) > 200:
            return None
        alike = [word for word in self._words if abs(len(word) - len(wrong)) <= 2][:_CANDIDATES]
        self._spent += len(self._words) + 20 * len(alike)
        return next(iter(get_close_matches(wrong, alike, 1, 0.6)), None)
