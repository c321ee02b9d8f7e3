"""The orders that are compared: each makes of durations, slots and edges a sequence for the simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.estimates.simulator import by_urgency, network, run
from engine.estimates.urgency import urgency
from engine.plan.order import Order, order

Dependencies = Sequence[Sequence[int]]
Rule = Callable[[Dependencies, Sequence[float], int], list[int]]


def fifo(dependencies: Dependencies, durations: Sequence[float], slots: int) -> list[int]:
    """Plan order."""
    return list(range(len(durations)))


def rank(dependencies: Dependencies, durations: Sequence[float], slots: int) -> list[int]:
    """Plain upward rank, ties in plan order."""
    return by_urgency(order(dependencies, durations).rank)


def dependants(dependencies: Dependencies, durations: Sequence[float], slots: int) -> list[int]:
    """Upward rank, ties by the number of all that depend on it."""
    found = order(dependencies, durations)
    below = _below(found)
    return sorted(range(len(durations)), key=lambda node: (-found.rank[node], -below[node], node))


def engine(dependencies: Dependencies, durations: Sequence[float], slots: int) -> list[int]:
    """What the engine does: a short search around the upward rank."""
    return by_urgency(urgency(order(dependencies, durations), dependencies, durations, slots))


def _below(found: Order) -> list[int]:
    reached = [0] * len(found.rank)
    for node in reversed(found.topological):
        for dependant in found.dependants[node]:
            reached[node] |= reached[dependant] | 1 << dependant
    return [nodes.bit_count() for nodes in reached]


def makespan(dependencies: Dependencies, sequence: Sequence[int], durations: Sequence[float], slots: int) -> float:
    """Seconds of a run in that order."""
    return run(network(dependencies, sequence), durations, slots).makespan


RULES: dict[str, Rule] = {
    "plan order": fifo,
    "upward rank": rank,
    "upward rank, then dependants": dependants,
    "engine": engine,
}
