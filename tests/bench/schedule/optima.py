"""How far from the proven optimum each order is, over all cases of the task graph set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.schedule.rules import RULES, makespan
from tests.bench.schedule.stg import Case


@dataclass(frozen=True)
class Distance:
    """What one order achieves: makespan over optimum by case, and milliseconds per case."""

    rule: str
    over: list[float]
    milliseconds: float

    @property
    def mean(self) -> float:
        """Mean of what is above the optimum, as a share of it."""
        return sum(self.over) / len(self.over)

    @property
    def exact(self) -> float:
        """Share of the cases that reach the optimum."""
        return sum(not part for part in self.over) / len(self.over)


def distances(cases: Sequence[Case]) -> list[Distance]:
    """Every order on every case."""
    return [_distance(rule, cases) for rule in RULES]


def _distance(rule: str, cases: Sequence[Case]) -> Distance:
    begun = time.perf_counter()
    over = []
    for case in cases:
        dependencies, durations = case.graph.dependencies, case.graph.durations
        found = makespan(dependencies, RULES[rule](dependencies, durations, case.slots), durations, case.slots)
        over.append(found / case.optimum - 1)
    return Distance(rule, over, 1000 * (time.perf_counter() - begun) / len(cases))
