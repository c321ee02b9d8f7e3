"""Durations drawn for one simulated run after another: of what waits and of what runs already.

What a duration deviates from its median is in part its kind's (``drift``), in part its own. What has run for a while
already is drawn from what is longer than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import NormalDist

from engine.estimates.drift import COMMON, Drift
from engine.estimates.estimate import Estimate
from engine.estimates.shape import Shape

_SHARED = math.sqrt(COMMON)
_OWN = math.sqrt(1.0 - COMMON)
_NORMAL = NormalDist()
FAR = 3.0
"""What has run for longer than so many deviations has refuted its estimate."""
LATE = 0.2
"""Then it will take this part of what it has taken so far, on average."""


class Sampler:
    """Draws the durations of the subtasks that are left.

    Args:
        estimates: what is expected of each.
        kinds: the kind of each, by which they lean together.
        elapsed: for how many seconds those have run that run.
        drift: what the run has shown so far.
        seed: the same one gives the same draws, so that an estimate moves when something has happened, and only then.
    """

    def __init__(
        self,
        estimates: Sequence[Estimate],
        kinds: Sequence[str],
        elapsed: Mapping[int, float],
        drift: Drift,
        seed: int = 1,
    ) -> None:
        self._seed = seed
        self._names = sorted(set(kinds))
        number = {kind: place for place, kind in enumerate(self._names)}
        self._shapes = [Shape.of(estimate) for estimate in estimates]
        self._kinds = [number[kind] for kind in kinds]
        self._elapsed = elapsed
        reached: dict[str, list[float]] = {}
        for node, gone in elapsed.items():
            if (off := self._shapes[node].deviations(gone)) is not None:
                reached.setdefault(kinds[node], []).append(off)
        self._beliefs = [drift.belief(kind, reached.get(kind, ())) for kind in self._names]

    def draws(self, count: int) -> Iterator[tuple[list[float], dict[int, float]]]:
        """``count`` times the seconds of each subtask, and those that the running ones will still take."""
        chance = Random(self._seed)
        gauss, exp = chance.gauss, math.exp
        for shared in self._shared(chance, count):
            durations = []
            for (middle, below, above), kind in zip(self._shapes, self._kinds, strict=True):
                z = shared[kind] + _OWN * gauss(0.0, 1.0)
                durations.append(middle + z * above if z > 0 else middle * exp(z * below))
            yield durations, {node: self._left(node, shared, chance) for node in self._elapsed}

    def middle(self) -> tuple[list[float], dict[int, float]]:
        """The mean of each, given the middle of what its kind has in common."""
        means = [
            shape.mean * shape.at(_SHARED * self._beliefs[kind][0]) / shape.middle if shape.middle else 0.0
            for shape, kind in zip(self._shapes, self._kinds, strict=True)
        ]
        left = {node: max(means[node] - gone, means[node] / 10) for node, gone in self._elapsed.items()}
        return means, left

    def _shared(self, chance: Random, count: int) -> Iterator[list[float]]:
        """The common factors of each draw. Each kind's are spread evenly over their distribution, in random order, so
        that few draws tell P10 and P90 well (Latin hypercube).
        """
        columns = []
        for mean, deviation in self._beliefs:
            places = list(range(count))
            chance.shuffle(places)
            columns.append([_SHARED * (mean + deviation * _quantile((place + 0.5) / count)) for place in places])
        yield from map(list, zip(*columns, strict=True))

    def _left(self, node: int, shared: Sequence[float], chance: Random) -> float:
        """What a running one will still take, given that it has taken longer than it has run."""
        shape, own, gone = self._shapes[node], shared[self._kinds[node]], self._elapsed[node]
        off = shape.deviations(gone)
        refuted = gone > shape.middle if off is None else (off - own) / _OWN > FAR
        if refuted:
            return gone * LATE * chance.expovariate(1.0)
        least = -math.inf if off is None else (off - own) / _OWN
        return max(shape.at(own + _OWN * _above(least, chance)) - gone, 0.0)


def _above(least: float, chance: Random) -> float:
    """A draw from the part of the standard normal distribution that is above ``least``."""
    under = _NORMAL.cdf(least)
    return _quantile(min(under + (1.0 - under) * chance.random(), 1.0 - 1e-12))


def _quantile(share: float) -> float:
    return _NORMAL.inv_cdf(max(share, 1e-12))
