"""What the last runs of the same plan tell about each of its subtasks.

How much a subtask's own durations are worth depends on its type: where the subtasks of a type differ in the same way
in each run, they are nearly all; where the differences are chance, they are nothing beyond what the type tells. Both
are measured in the runs themselves, as components of variance (empirical Bayes), for each type of the plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from statistics import fmean

import msgspec

from engine.estimates.spread import MANY, Moments, Spread, log_of, of_values
from engine.model import Value

PRIOR_DEVIATION = 0.2
"""Standard deviation of the logarithm between runs of one subtask, while nothing is known: a fifth."""
PRIOR_WEIGHT = 1.0
"""For so many observations that counts."""

ONE_RUN = 0.7
"""With one run nobody knows which differences are chance: this part of the variance is taken for it, ..."""
MOST_CHANCE = 0.5
"""... up to this standard deviation: chance seldom makes one subtask take thrice what another does."""


class Precedent(Value, frozen=True):
    """How long one subtask took in one earlier run, in seconds."""

    key: str
    type: str
    seconds: float


class TypeRuns(Value, frozen=True):
    """The subtasks of one type in the last runs: their spread together, and the variance of one from run to run.

    ``mean`` is that of all logarithms, ``between`` the variance of what the subtasks take by themselves. ``off`` is
    how far each was from what the other runs would have foretold; None while that rests on few.
    """

    keys: dict[str, dict[int, float]]
    spread: Spread
    mean: float
    within: float
    between: float
    off: Spread | None = None

    def share(self, runs: int) -> float:
        """How much so many runs of a subtask count against its like."""
        return self.between / (self.between + self.within / runs) if runs and self.between else 0.0

    def left(self, runs: int) -> float:
        """The variance that is left where a subtask has run so often; after one run all may yet be chance."""
        left = self.within + (1 - self.share(runs)) * self.between
        return max(left, ONE_RUN * self.spread.variance) if runs == 1 and self.off is None else left

    def drawn(self, key: str) -> float:
        """How far a subtask's own runs draw it away from the mean of its type."""
        logs = self.keys.get(key)
        return self.share(len(logs)) * (fmean(logs.values()) - self.mean) if logs else 0.0


class Precedents:
    """Built once for a plan, then asked for each subtask.

    Args:
        runs: what each subtask took in each of the last runs.
    """

    def __init__(self, runs: Iterable[Iterable[Precedent]] = ()) -> None:
        found: dict[str, dict[str, dict[int, float]]] = {}
        for number, rows in enumerate(runs):
            for row in rows:
                found.setdefault(row.type, {}).setdefault(row.key, {})[number] = log_of(row.seconds)
        self._types = {type_: _measured(keys) for type_, keys in found.items()}

    def __bool__(self) -> bool:
        return bool(self._types)

    def of_type(self, type_: str) -> TypeRuns | None:
        """What the runs tell about a type; None where it did not occur."""
        return self._types.get(type_)


def _measured(keys: dict[str, dict[int, float]]) -> TypeRuns:
    every = [log for logs in keys.values() for log in logs.values()]
    means = Moments()
    squares = 0.0
    for logs in keys.values():
        mean = fmean(logs.values())
        means.add(mean)
        squares += sum((log - mean) ** 2 for log in logs.values())
    spread = of_values(every)
    within = _within(squares, len(every) - len(keys), spread)
    between = _between(means, within, len(every) / len(keys))
    runs = TypeRuns(keys, spread, fmean(every), within, between)
    off = list(_off(runs))
    return msgspec.structs.replace(runs, off=of_values(off)) if len(off) >= MANY else runs


def _off(runs: TypeRuns) -> Iterator[float]:
    """How far each subtask of each run was from what the other runs foretell. A whole run may be slower or faster."""
    by_run: dict[int, list[float]] = {}
    for logs in runs.keys.values():
        for number, log in logs.items():
            by_run.setdefault(number, []).append(log)
    if len(by_run) < 2:
        return
    total, count = sum(map(sum, by_run.values())), sum(map(len, by_run.values()))
    others = {number: (total - sum(logs)) / (count - len(logs)) for number, logs in by_run.items()}
    for logs in runs.keys.values():
        whole, more = sum(logs.values()), len(logs) - 1
        share = runs.share(more)
        for number, log in logs.items():
            own = (whole - log) / more if more else 0.0
            yield log - others[number] - share * (own - others[number])


def _between(means: Moments, within: float, runs: float) -> float:
    """The variance of what subtasks take by themselves, as far as it exceeds what chance makes of so few of them."""
    if runs == 1:
        return max(means.variance - within, 0.0)
    chance = 1 + math.sqrt(2 / max(means.weight - 1, 1.0))
    return max(means.variance - chance * within / runs, 0.0)


def _within(squares: float, freedom: int, spread: Spread) -> float:
    """The variance between runs of one subtask."""
    if not freedom and spread.weight > 1:
        return max(min(ONE_RUN * spread.variance, MOST_CHANCE**2), 1e-6)
    return (squares + PRIOR_WEIGHT * PRIOR_DEVIATION**2) / (freedom + PRIOR_WEIGHT)
