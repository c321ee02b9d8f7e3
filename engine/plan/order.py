"""The order of a plan: what unlocks what, how deep, and how urgent.

A subtask's *generation* is its longest distance from a root. Its *upward rank* is the weight of the longest path from
it to an end of the plan, itself included: working down the highest rank first is the classic rule (HEFT) that keeps
the critical path moving. Plain lists in two passes over the edges: networkx takes five seconds merely to build a graph
of 250,000 nodes and a million edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Order(msgspec.Struct, frozen=True):
    """What the edges of a plan say, by index. ``topological`` misses the subtasks in cycles and those after them;
    ``urgency`` is an order that is better than the rank, in seconds, empty where none was looked for.
    """

    dependants: list[list[int]]
    topological: list[int]
    generation: list[int]
    rank: list[float]
    urgency: list[float] = []

    @property
    def urgent(self) -> list[float]:
        """What sorts the ready subtasks, the highest first: the rank, unless a better order was found."""
        return self.urgency or self.rank

    @property
    def acyclic(self) -> bool:
        """Whether every subtask can be ordered."""
        return len(self.topological) == len(self.dependants)


def order(dependencies: Sequence[Sequence[int]], weights: Sequence[float] | None = None) -> Order:
    """Orders a plan in time linear in its edges.

    Args:
        dependencies: for each subtask the distinct subtasks that it waits for.
        weights: expected seconds (or any measure) of each subtask; 1 for each unless given.
    """
    dependants: list[list[int]] = [[] for _ in dependencies]
    for node, needed in enumerate(dependencies):
        for dependency in needed:
            dependants[dependency].append(node)
    topological, generation = _unfold(dependencies, dependants)
    found = Order(dependants, topological, generation, [])
    return weighted(found, [1.0] * len(dependants) if weights is None else weights)


def weighted(order: Order, weights: Sequence[float]) -> Order:
    """The same plan with the ranks that follow from other weights."""
    rank = [float(weight) for weight in weights]
    for node in reversed(order.topological):
        below = order.dependants[node]
        if below:
            rank[node] += max([rank[dependant] for dependant in below])
    return Order(order.dependants, order.topological, order.generation, rank)


def _unfold(dependencies: Sequence[Sequence[int]], dependants: list[list[int]]) -> tuple[list[int], list[int]]:
    """Kahn's algorithm, generation by generation; ties in plan order of discovery."""
    unmet = [len(needed) for needed in dependencies]
    generation = [0] * len(unmet)
    frontier = [node for node, count in enumerate(unmet) if not count]
    topological: list[int] = []
    depth = 0
    while frontier:
        topological += frontier
        depth += 1
        unlocked: list[int] = []
        for node in frontier:
            for dependant in dependants[node]:
                unmet[dependant] -= 1
                if not unmet[dependant]:
                    generation[dependant] = depth
                    unlocked.append(dependant)
        frontier = unlocked
    return topological, generation


def critical_path(order: Order) -> list[int]:
    """The heaviest path through the plan, from a root to an end; the first in plan order where several are equal."""
    roots = [node for node in order.topological if not order.generation[node]]
    if not roots:
        return []
    node = max(roots, key=order.rank.__getitem__)
    path = [node]
    while below := order.dependants[node]:
        node = max(below, key=order.rank.__getitem__)
        path.append(node)
    return path


def generations(order: Order) -> list[list[int]]:
    """The subtasks of each generation, in plan order."""
    groups: list[list[int]] = [[] for _ in range(max(order.generation, default=-1) + 1)]
    for node, depth in enumerate(order.generation):
        groups[depth].append(node)
    return groups
