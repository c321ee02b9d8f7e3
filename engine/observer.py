"""What the engine tells whoever measures it. A port, so that the engine knows no metrics library.

All calls sit on the hot path: an implementation adds to a few numbers and returns; it neither waits nor raises.
"""

from __future__ import annotations

from typing import Protocol

from engine.turn import Claim, Settle


class Observer(Protocol):
    """Is told about every committed turn, every attempt and every task that has ended."""

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """One turn was committed; ``seconds`` is the time from handing it to the graph to its answer."""

    def attempt(self, claim: Claim, settle: Settle, seconds: float, expected: float | None) -> None:
        """One attempt ended; ``expected`` are the seconds that it was expected to take, None where nobody knew."""

    def task(self, status: str, seconds: float | None) -> None:
        """A task ended; ``seconds`` since the start of its first subtask, None where none has started."""

    def webhook(self, outcome: str) -> None:
        """A callback was told, or should have been: delivered, failed (it is tried again), gone or given_up."""


class NullObserver:
    """Looks away: for engines that nobody measures."""

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """Ignores the turn."""

    def attempt(self, claim: Claim, settle: Settle, seconds: float, expected: float | None) -> None:
        """Ignores the attempt."""

    def task(self, status: str, seconds: float | None) -> None:
        """Ignores the task."""

    def webhook(self, outcome: str) -> None:
        """Ignores the callback."""
