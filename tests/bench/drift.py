"""Whether something grows that should stay: the slope of samples, and how much of it is tolerated. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MOST_PAIRS = 120
"""Samples between which slopes are taken: more of them change nothing."""
SETTLING = 0.25
"""The first part of a run, in which caches fill and code is compiled; it does not count."""


@dataclass(frozen=True)
class Tolerance:
    """How much a value may grow over the part of a run that counts: a share of its median, and never less than this."""

    share: float
    least: float


@dataclass(frozen=True)
class Verdict:
    """What became of one value over a run. ``growth`` is what the slope makes of the part that counts."""

    name: str
    unit: str
    median: float
    growth: float
    allowed: float

    @property
    def drifts(self) -> bool:
        """Whether it grew by more than is tolerated."""
        return self.growth > self.allowed


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much a value grows a second: the median of the slopes of all pairs, which single peaks leave alone."""
    step = max(1, len(points) // MOST_PAIRS)
    some = points[::step]
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for n, earlier in enumerate(some)
        for later in some[n + 1 :]
        if later[0] > earlier[0]
    ]
    return statistics.median(slopes) if slopes else 0.0


def judged(name: str, unit: str, points: Sequence[tuple[float, float]], tolerance: Tolerance) -> Verdict:
    """The verdict on samples of (seconds, value), without those of the time in which it settles."""
    begun, ended = points[0][0], points[-1][0]
    counted = [point for point in points if point[0] >= begun + SETTLING * (ended - begun)]
    median = statistics.median(value for _, value in counted)
    growth = slope(counted) * (counted[-1][0] - counted[0][0])
    return Verdict(name, unit, median, growth, max(tolerance.least, tolerance.share * median))


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """The value below which so much of a histogram lies, between the bounds of its bucket.

    Args:
        buckets: (upper bound, how many at most that), as Prometheus counts them, of one interval; the last may be inf.
        share: between 0 and 1.
    """
    total = buckets[-1][1] if buckets else 0
    if total <= 0:
        return None
    wanted, below, lower = share * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (wanted - below) / (count - below) if count > below else bound
        below, lower = count, bound
    return lower
