"""What a run has shown so far about its own speed: by kind, how much slower or faster it is than was expected.

Durations of one kind lean together within a run: a slow machine slows all of them, a new data set is larger everywhere.
Samples that ignore that give intervals that are too narrow, because independent errors cancel out in a sum. So of the
variance of each duration a part ``COMMON`` belongs to a factor that all subtasks of the kind share in that run. It is a
normal variable, and what has ended so far tells about it (the usual conjugate update of a normal mean).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from engine.estimates.estimate import Estimate
from engine.estimates.shape import Shape

COMMON = 0.15
"""The part of a duration's variance (of its logarithm) that its kind has in common within one run. Between 0 and 0.4 in
ten workflows with five runs each; with this and ``UNDER_WAY`` the intervals cover what they promise there.
"""
UNDER_WAY = 1.5
"""By so much the interval of a task that runs is wider than that of the samples: what has ended is no fair sample of
what is to come, for like follows like in a plan too.
"""
_SHARED = math.sqrt(COMMON)
_OWN = math.sqrt(1.0 - COMMON)
FARTHEST = 3.0
"""One observation counts as at most so many deviations away."""


class Seen(msgspec.Struct):
    """How many of a kind have ended, and the sum of how far each was from what was expected, in deviations."""

    count: int = 0
    total: float = 0.0


class Drift:
    """The common factors of one run, as far as they are known."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def add(self, kind: str, expected: Estimate, seconds: float) -> None:
        """A subtask has ended, after so many seconds."""
        if (off := Shape.of(expected).deviations(seconds)) is not None:
            seen = self._seen.setdefault(kind, Seen())
            seen.count += 1
            seen.total += max(-FARTHEST, min(FARTHEST, off))

    def belief(self, kind: str, running: Sequence[float] = ()) -> tuple[float, float]:
        """Mean and standard deviation of the kind's common factor, in its own deviations; (0, 1) while nothing is seen.

        ``running`` says for those that still run how far their time so far is from what was expected, in deviations:
        the first to end are the short ones, and to look at them alone would make every run seem fast.
        """
        seen = self._seen.get(kind, Seen())
        if not seen.count and not running:
            return 0.0, 1.0
        precision = 1.0 + seen.count * COMMON / (1.0 - COMMON)
        mean, deviation = _SHARED / (1.0 - COMMON) * seen.total / precision, math.sqrt(1.0 / precision)
        return _longer(mean, deviation, running) if running else (mean, deviation)


def _longer(mean: float, deviation: float, running: Sequence[float]) -> tuple[float, float]:
    """A belief, given besides that some durations are longer than what they have reached: by weights on a grid."""
    points = [mean + deviation * step / 4 for step in range(-16, 17)]
    logs = [
        -((step / 4) ** 2) / 2
        + sum(_log_above((min(reached, FARTHEST) - _SHARED * point) / _OWN) for reached in running)
        for step, point in zip(range(-16, 17), points, strict=True)
    ]
    top = max(logs)
    weights = [math.exp(log - top) for log in logs]
    total = sum(weights)
    middle = sum(weight * point for weight, point in zip(weights, points, strict=True)) / total
    square = sum(weight * (point - middle) ** 2 for weight, point in zip(weights, points, strict=True)) / total
    return middle, math.sqrt(square)


def _log_above(z: float) -> float:
    """The logarithm of the probability that a standard normal variable is above ``z``."""
    return math.log(max(math.erfc(z / math.sqrt(2)) / 2, 1e-300))
