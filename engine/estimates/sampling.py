"""Durations drawn for one simulated run after another: of what waits and of what runs already.

A duration is log-normal about the median of its estimate, each half with its own width. What it deviates is in part its
kind's (``drift``), in part its own. What has run for a while already is drawn from what is longer than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import NormalDist

from engine.estimates.drift import COMMON, Drift, deviations, spread
from engine.estimates.estimate import Estimate

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
        self._rows = [
            (found.seconds, spread(found.seconds, found.low), spread(found.seconds, found.high), number[kind])
            for found, kind in zip(estimates, kinds, strict=True)
        ]
        self._elapsed = elapsed
        reached: dict[str, list[float]] = {}
        for node, gone in elapsed.items():
            if (off := deviations(estimates[node], gone)) is not None:
                reached.setdefault(kinds[node], []).append(off)
        self._beliefs = [drift.belief(kind, reached.get(kind, ())) for kind in self._names]

    def draws(self, count: int) -> Iterator[tuple[list[float], dict[int, float]]]:
        """``count`` times the seconds of each subtask, and those that the running ones will still take."""
        chance = Random(self._seed)
        gauss, exp = chance.gauss, math.exp
        for shared in self._shared(chance, count):
            durations = []
            for seconds, below, above, kind in self._rows:
                z = shared[kind] + _OWN * gauss(0.0, 1.0)
                durations.append(seconds * exp(z * (above if z > 0 else below)))
            yield durations, {node: self._left(node, shared, chance) for node in self._elapsed}

    def middle(self) -> tuple[list[float], dict[int, float]]:
        """The mean of each, given the middle of what its kind has in common."""
        means = []
        for seconds, below, above, kind in self._rows:
            z = _SHARED * self._beliefs[kind][0]
            width = above if z > 0 else below
            means.append(seconds * math.exp(z * width) * (1.0 + (math.exp(above * above / 2) - 1.0) / 2))
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
        seconds, below, above, kind = self._rows[node]
        gone = self._elapsed[node]
        width = above if gone > seconds else below
        least = -math.inf
        if gone > 0 and seconds > 0 and width:
            least = (math.log(gone / seconds) / width - shared[kind]) / _OWN
        elif gone > seconds:
            least = math.inf
        if least > FAR:
            return gone * LATE * chance.expovariate(1.0)
        z = shared[kind] + _OWN * _above(least, chance)
        return max(seconds * math.exp(z * (above if z > 0 else below)) - gone, 0.0)


def _above(least: float, chance: Random) -> float:
    """A draw from the part of the standard normal distribution that is above ``least``."""
    under = _NORMAL.cdf(least)
    return _quantile(min(under + (1.0 - under) * chance.random(), 1.0 - 1e-12))


def _quantile(share: float) -> float:
    return _NORMAL.inv_cdf(max(share, 1e-12))
