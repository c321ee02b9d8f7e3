"""What the last runs of the same plan tell about each of its subtasks.

How much a subtask's own durations are worth depends on its type: where the subtasks of a type differ in the same way
in each run, they are nearly all; where the differences are chance, they are nothing beyond what the type tells. Both
are measured in the runs themselves, as components of variance (empirical Bayes), for each type of the plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean, median

from engine.estimates.spread import Moments, Spread, log_of, of_values
from engine.model import Value

PRIOR_DEVIATION = 0.2
"""Standard deviation of the logarithm between runs of one subtask, while nothing is known: a fifth."""
PRIOR_WEIGHT = 1.0
"""For so many observations that counts."""


class Precedent(Value, frozen=True):
    """How long one subtask took in one earlier run, in seconds."""

    key: str
    type: str
    seconds: float


class TypeRuns(Value, frozen=True):
    """The subtasks of one type in the last runs: their spread together, and the variance of one from run to run.

    ``between`` is the variance of what the subtasks take by themselves.
    """

    keys: dict[str, list[float]]
    spread: Spread
    within: float
    between: float


class Precedents:
    """Built once for a plan, then asked for each subtask.

    Args:
        rows: what each subtask took in the last runs.
    """

    def __init__(self, rows: Iterable[Precedent] = ()) -> None:
        found: dict[str, dict[str, list[float]]] = {}
        for row in rows:
            found.setdefault(row.type, {}).setdefault(row.key, []).append(log_of(row.seconds))
        self._types = {type_: _measured(keys) for type_, keys in found.items()}

    def of_type(self, type_: str) -> TypeRuns | None:
        """What the runs tell about a type; None where it did not occur."""
        return self._types.get(type_)


def _measured(keys: dict[str, list[float]]) -> TypeRuns:
    spread = of_values([log for logs in keys.values() for log in logs])
    squares, freedom = 0.0, 0
    for logs in keys.values():
        mean = fmean(logs)
        squares += sum((log - mean) ** 2 for log in logs)
        freedom += len(logs) - 1
    within = _within(squares, freedom, spread)
    means = Moments()
    for logs in keys.values():
        means.add(fmean(logs))
    runs = spread.weight / len(keys)
    return TypeRuns(keys, spread, within, max(means.variance - within / runs, 0.0))


def _within(squares: float, freedom: int, spread: Spread) -> float:
    """The variance between runs of one subtask; with one run, half of all the variance there is."""
    prior = PRIOR_DEVIATION**2
    if not freedom and spread.weight > 1:
        prior = max(spread.variance / 2, 1e-6)
    return (squares + PRIOR_WEIGHT * prior) / (freedom + PRIOR_WEIGHT)


def middle_of(logs: list[float]) -> float:
    """The middle of the few durations of one subtask."""
    return median(logs) if len(logs) > 2 else math.fsum(logs) / len(logs)
