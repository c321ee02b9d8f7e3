"""How much a run does: full, or just enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """Rounds per figure, and whether sizes are cut down."""

    rounds: int = 5
    quick: bool = False

    def size(self, full: T, quick: T) -> T:
        """One of two sizes."""
        return quick if self.quick else full
