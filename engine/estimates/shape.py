"""The distribution of a duration, from its median and its P10 and P90: log-normal below the median, normal above.

Below it a duration may be a hundredth of what is usual. Beyond P90 few go on as a log-normal one would, and of many
subtasks the longest decides when all are done.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.estimates.estimate import Z90, Estimate

WIDEST = 2.5
"""No standard deviation of the logarithm is taken for wider: a factor of twelve."""


class Shape(NamedTuple):
    """A duration in seconds: the median, the standard deviation of the logarithm below, that in seconds above."""

    middle: float
    below: float
    above: float

    @staticmethod
    def of(estimate: Estimate) -> Shape:
        """The shape of what is expected."""
        middle = estimate.seconds
        if middle <= 0:
            return Shape(0.0, 0.0, 0.0)
        below = math.log(middle / max(min(estimate.low, middle), 1e-4 * middle)) / Z90
        return Shape(middle, min(below, WIDEST), max(estimate.high - middle, 0.0) / Z90)

    def at(self, z: float) -> float:
        """The duration that is so many deviations away from the median."""
        return self.middle + z * self.above if z > 0 else self.middle * math.exp(z * self.below)

    def deviations(self, seconds: float) -> float | None:
        """How many deviations a duration is away; None where nothing is expected, or it has no width on that side."""
        if self.middle <= 0 or seconds <= 0:
            return None
        if seconds > self.middle:
            return (seconds - self.middle) / self.above if self.above else None
        return math.log(seconds / self.middle) / self.below if self.below else None

    @property
    def mean(self) -> float:
        """The mean."""
        upper = self.middle + self.above * math.sqrt(2 / math.pi)
        lower = self.middle * math.exp(self.below**2 / 2) * math.erfc(self.below / math.sqrt(2))
        return (upper + lower) / 2

    @property
    def deviation(self) -> float:
        """A standard deviation in seconds, by its two quantiles."""
        return (self.at(Z90) - self.at(-Z90)) / (2 * Z90)
