"""The order of a plan when durations and slots are known: a short search around the upward rank.

The upward rank looks at paths alone, not at how few slots there are. Justification (Valls, Ballestín, Quintanilla:
"Justification and RCPSP", EJOR 165, 2005) does, with the simulator: run the plan backwards, latest end first; the later
something starts there, the more urgent it is. A round costs two
runs, some 2 ms for a thousand subtasks. Every third round starts from the best rank with noise on it, to leave a local
optimum. Where the first run is as fast as the critical path or the slots allow, nothing is searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from engine.estimates.simulator import Network, arranged, by_urgency, run
from engine.plan.order import Order

ROUNDS = 8
SMALL_ROUNDS = 20
SMALL = 500
"""Up to so many subtasks there are more rounds: they cost less than storing the plan."""
MOST = 5_000
"""Above so many subtasks there is no search."""
CLOSE = 1.0001
"""A run this close to its bound is good enough."""
NOISE = 0.3
SEED = 7
"""The same plan always gets the same order."""


def urgency(
    order: Order,
    dependencies: Sequence[Sequence[int]],
    durations: Sequence[float],
    slots: int,
    priority: Sequence[int] = (),
) -> list[float]:
    """The rank of each subtask in seconds: the time from its start to the end of the plan, the highest first.

    Args:
        order: of the plan, with the durations as weights.
        dependencies: for each subtask the distinct subtasks that it waits for.
        durations: seconds of each.
        slots: how many of the plan may run at once.
        priority: of each, which comes before the rank; empty when all are equal.
    """
    count = len(durations)
    if not 2 <= count <= MOST or slots < 1:
        return order.rank
    bound = max(max(order.rank), sum(durations) / slots) * CLOSE
    forward = (order.dependants, [len(needed) for needed in dependencies])
    backward = ([list(needed) for needed in dependencies], [len(below) for below in order.dependants])
    chance = Random(SEED)
    best, rank, fastest = order.rank, order.rank, float("inf")
    for number in range(SMALL_ROUNDS if count <= SMALL else ROUNDS):
        found = run(_ranked(*forward, rank, priority), durations, slots)
        if found.makespan < fastest:
            best, fastest = rank, found.makespan
        if fastest <= bound:
            break
        if number % 3 == 2:
            rank = [value * (1 + NOISE * (chance.random() - 0.5)) for value in best]
        else:
            ends = [start + seconds for start, seconds in zip(found.start, durations, strict=True)]
            mirrored = run(_ranked(*backward, ends, ()), durations, slots)
            rank = [start + seconds for start, seconds in zip(mirrored.start, durations, strict=True)]
    return best


def _ranked(dependants: list[list[int]], unmet: list[int], rank: Sequence[float], priority: Sequence[int]) -> Network:
    return arranged(dependants, unmet, by_urgency(rank, priority))
