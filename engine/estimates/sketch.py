"""Quantiles of a stream in small space: logarithmic buckets, mergeable, and the recent counts more.

The idea is DDSketch's (Masson, Rim, Lee, VLDB 2019): bucket ``i`` holds what lies between two powers of ``GAMMA``, so
a quantile is known to within ``ACCURACY`` of itself, whatever the distribution. Forward decay (Cormode and others,
2009) makes it forget: each observation enters with a little more weight than the one before, which costs nothing for
those that are already in. Two sketches are merged by letting the newest observation of each weigh one: each then brings
what it has seen lately, in whatever order they are merged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

GAMMA = 1.04
"""What lies in one bucket differs by at most this factor, so that is the most by which a quantile is wrong."""
HALF_LIFE = 512
"""After so many more observations one counts half."""
SMALLEST = 0.0005
"""Seconds: what is shorter counts as zero. Attempts are timed in milliseconds."""
MOST_BUCKETS = 512
"""More than a factor of 800 million between the smallest and the largest; beyond it the smallest become one."""

_LOG_GAMMA = math.log(GAMMA)
_GROWTH = 2 ** (1 / HALF_LIFE)
_LARGEST_UNIT = 2.0**40


class Sketch(msgspec.Struct, omit_defaults=True):
    """What a stream of seconds, or of bytes, looked like lately. ``unit`` is the weight of the newest observation."""

    buckets: dict[int, float] = {}
    zeros: float = 0.0
    unit: float = 1.0

    def add(self, seconds: float) -> None:
        """Takes in one observation. The time it takes does not depend on what is in."""
        self.unit *= _GROWTH
        if seconds < SMALLEST:
            self.zeros += self.unit
        else:
            index = math.ceil(math.log(seconds) / _LOG_GAMMA)
            self.buckets[index] = self.buckets.get(index, 0.0) + self.unit
            if len(self.buckets) > MOST_BUCKETS:
                self._fold()
        if self.unit > _LARGEST_UNIT:
            self._rescale()

    @property
    def weight(self) -> float:
        """How many observations of the newest one's weight it amounts to."""
        return (self.zeros + sum(self.buckets.values())) / self.unit

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """The values below which these shares (0 to 1, ascending) lie; zeros while it is empty."""
        total = self.zeros + sum(self.buckets.values())
        rest = iter(sorted(self.buckets.items()))
        index: int | None = None
        below, reach = 0.0, self.zeros
        found: list[float] = []
        for share in shares:
            while reach < share * total and (bucket := next(rest, None)) is not None:
                index, below, reach = bucket[0], reach, reach + bucket[1]
            found.append(0.0 if index is None else _between(index, (share * total - below) / (reach - below)))
        return found

    def quantile(self, share: float) -> float:
        """The value below which a share (0 to 1) lies."""
        return self.quantiles([share])[0]

    def merged(self, other: Sketch) -> Sketch:
        """What both have seen lately; the same in either order."""
        result = Sketch(dict(self.scaled().buckets), self.zeros / self.unit + other.zeros / other.unit)
        for index, weight in other.buckets.items():
            result.buckets[index] = result.buckets.get(index, 0.0) + weight / other.unit
        while len(result.buckets) > MOST_BUCKETS:
            result._fold()
        return result

    def scaled(self) -> Sketch:
        """The same, its newest observation weighing one, without what has become next to nothing."""
        shares = ((index, round(weight / self.unit, 4)) for index, weight in self.buckets.items())
        return Sketch({index: share for index, share in shares if share}, round(self.zeros / self.unit, 4))

    def _rescale(self) -> None:
        small = self.scaled()
        self.buckets, self.zeros, self.unit = small.buckets, small.zeros, small.unit

    def _fold(self) -> None:
        """The lowest bucket joins the next: what is long matters more than what is short."""
        lowest, second = sorted(self.buckets)[:2]
        self.buckets[second] += self.buckets.pop(lowest)


def _between(index: int, part: float) -> float:
    """The value in a bucket below which this part of it lies, if it is filled evenly."""
    return float(GAMMA ** (index - 1 + min(max(part, 0.0), 1.0)))
