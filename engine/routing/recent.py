"""How tools have done lately, as one engine saw it: small, forgetful, in memory.

The profiles that are stored forget slowly, over hundreds of attempts. Whoever chooses has to notice sooner that a tool
has become slow or begun to fail, so what happened lately goes before what was learned.
"""

from __future__ import annotations

import msgspec

KEEP = 0.93
"""What an attempt counts after one more: half after ten."""
ENOUGH = 3.0
"""From so much weight on the recent durations go before the learned ones."""
PRIOR = 6.0
"""The learned share of successes counts like so many recent attempts, at most."""


class Recent(msgspec.Struct):
    """One tool. ``tries`` and ``good`` are weights of attempts, ``seconds`` is the sum of the good ones' durations."""

    tries: float = 0.0
    good: float = 0.0
    seconds: float = 0.0
    count: int = 0

    def add(self, seconds: float | None) -> None:
        """Takes in an attempt that succeeded within so many seconds, or failed (None)."""
        self.count += 1
        self.tries = self.tries * KEEP + 1.0
        self.good = self.good * KEEP + (seconds is not None)
        self.seconds = self.seconds * KEEP + (seconds or 0.0)

    def expected(self, learned: float | None) -> float | None:
        """Seconds of an attempt that succeeds; None where nothing is known."""
        if self.good >= ENOUGH or (learned is None and self.good > 0):
            return self.seconds / self.good
        return learned

    def success(self, attempts: int, failures: int) -> float:
        """The share that succeeds, beside what was learned; what is not known is taken to be good."""
        weight = min(float(attempts), PRIOR)
        share = 1.0 if not attempts else 1 - failures / attempts
        return (self.good + weight * share + 1.0) / (self.tries + weight + 1.0)
