"""What the scheduler tells whoever measures it. A port, so that the engine knows no metrics library.

Both calls sit on the hot path: an implementation adds to a few numbers and returns; it neither waits nor raises.
"""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Is told about every committed turn and every finished attempt."""

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """One turn was committed; ``seconds`` is the time from handing it to the graph to its answer."""

    def attempt(self, type: str, outcome: str, category: str | None, seconds: float) -> None:
        """One attempt of a subtask of ``type`` ended; ``category`` says why it failed, None when it did not."""


class NullObserver:
    """Looks away: for engines that nobody measures."""

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """Ignores the turn."""

    def attempt(self, type: str, outcome: str, category: str | None, seconds: float) -> None:
        """Ignores the attempt."""
