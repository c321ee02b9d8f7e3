"""What is expected of one subtask: how long it takes, how sure that is, and what it rests on."""

from __future__ import annotations

import math
from random import Random
from typing import Literal

from engine.model import Value

Basis = Literal["subtask", "kind", "type", "any", "none"]
"""What an estimate rests on, the best first: the same subtask in earlier runs of the same plan; its kind (type, tool
version and, where it helps, size of the input); its type; all types; nothing.
"""
Z90 = 1.2815515655446004
"""The 90 % quantile of the standard normal distribution."""


class Estimate(Value, frozen=True):
    """The duration of one attempt of a subtask, in seconds: the median, and an interval from P10 to P90.

    ``count`` is the number of observations it rests on, ``basis`` what kind of observations these are.
    """

    seconds: float
    low: float
    high: float
    count: int = 0
    basis: Basis = "none"

    def sample(self, chance: Random) -> float:
        """A duration drawn from a log-normal distribution with these three quantiles, its halves of different width."""
        z = chance.gauss(0.0, 1.0)
        if self.seconds <= 0:
            return 0.0
        bound = self.high if z > 0 else self.low
        width = abs(math.log(max(bound, 1e-9) / self.seconds)) / Z90
        return self.seconds * math.exp(z * width)


UNKNOWN = Estimate(1.0, 0.1, 10.0)
"""While nothing at all is known."""
