"""How durations of one kind are spread, in the logarithm of seconds: where the middle is and how wide each side.

In the logarithm "twice as long" is as far as "half as long", and so is what an estimate's error counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from engine.estimates.estimate import Z90
from engine.model import Value

FLOOR = 0.0005
"""Seconds below which durations do not differ: attempts are timed in milliseconds."""

MOST_VARIANCE = 2.0
"""Beyond it a mean would be that of the few longest alone."""
MANY = 20
"""From so many observations on, quantiles are their own; below, those of a normal distribution."""


def log_of(seconds: float) -> float:
    """The logarithm in which durations are compared."""
    return math.log(max(seconds, FLOOR))


class Moments(msgspec.Struct, array_like=True):
    """Weight, mean and sum of squared deviations of logarithms, of a stream that is forgotten like a sketch is."""

    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, log: float, keep: float = 1.0) -> None:
        """Takes in one observation; what was there counts ``keep`` of what it did (Welford, West)."""
        self.weight = self.weight * keep + 1.0
        self.squares *= keep
        off = log - self.mean
        self.mean += off / self.weight
        self.squares += off * (log - self.mean)

    def merged(self, other: Moments) -> Moments:
        """Both together (Chan and others)."""
        weight = self.weight + other.weight
        if not weight:
            return Moments()
        off = other.mean - self.mean
        mean = self.mean + off * other.weight / weight
        return Moments(weight, mean, self.squares + other.squares + off * off * self.weight * other.weight / weight)

    @property
    def variance(self) -> float:
        """Of the population; 0 below two observations."""
        return self.squares / (self.weight - 1) if self.weight > 1 else 0.0

    @property
    def typical(self) -> float:
        """The mean of the durations themselves in seconds, if their logarithms are normal: long ones count."""
        return math.exp(self.mean + min(self.variance, MOST_VARIANCE) / 2)


class Spread(Value, frozen=True):
    """A belief about the logarithm of a duration: the middle, and how far P10 and P90 are from it.

    ``weight`` says how many observations the middle rests on, ``variance`` is that of single observations.
    """

    middle: float
    below: float
    above: float
    weight: float
    variance: float

    @staticmethod
    def normal(middle: float, variance: float, weight: float) -> Spread:
        """That of a normal distribution."""
        side = Z90 * math.sqrt(variance)
        return Spread(middle, side, side, weight, variance)

    def around(self, middle: float, variance: float, weight: float) -> Spread:
        """The same shape elsewhere and with another variance."""
        if self.variance <= 0:
            return Spread.normal(middle, variance, weight)
        factor = math.sqrt(variance / self.variance)
        return Spread(middle, self.below * factor, self.above * factor, weight, variance)

    def wider(self, factor: float) -> Spread:
        """The same with other sides."""
        return Spread(self.middle, self.below * factor, self.above * factor, self.weight, self.variance)

    @property
    def width(self) -> float:
        """From P10 to P90."""
        return self.below + self.above


def student(freedom: float) -> float:
    """By what the 90 % quantile of Student's distribution exceeds the normal one's (Cornish-Fisher, two terms)."""
    z, v = Z90, max(freedom, 1.0)
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v * v)
    return t / z


def of_values(logs: Sequence[float]) -> Spread:
    """The spread of some logarithms; at least one."""
    ordered = sorted(logs)
    moments = Moments()
    for log in ordered:
        moments.add(log)
    low, middle, high = (at(ordered, share) for share in (0.1, 0.5, 0.9))
    return Spread(middle, middle - low, high - middle, moments.weight, moments.variance)


def at(ordered: Sequence[float], share: float) -> float:
    """The value below which a further one lies with this probability (Weibull's positions), between its neighbours."""
    place = min(max(share * (len(ordered) + 1) - 1, 0.0), len(ordered) - 1.0)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def position(share: float, weight: float) -> float:
    """The share of a sample of this weight below which a further value lies with probability ``share``: beyond the
    share itself, for the next one may well be longer than all before.
    """
    return min(max((share * (weight + 1) - 0.5) / weight, 0.0), 1.0)
