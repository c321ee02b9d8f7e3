"""The measures: predicted edges against gold edges, both over the same numbered steps.

A decomposer that gives no acyclic graph gets 0 everywhere. Where neither graph has an edge they agree: 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx

Edge = tuple[int, int]


@dataclass(frozen=True)
class Score:
    """One case. ``makespan`` is the predicted time over the optimal one, None where there are no durations or the
    plan breaks an order that the gold has: faster than possible is no merit.
    """

    edge_f1: float = 0.0
    order_f1: float = 0.0
    exact: bool = False
    sound: bool = False
    makespan: float | None = None


def graph(steps: int, edges: Iterable[Edge]) -> nx.DiGraph[int] | None:
    """The graph of some edges; None when it has a cycle or an edge leads to no step."""
    made: nx.DiGraph[int] = nx.DiGraph()
    made.add_nodes_from(range(steps))
    made.add_edges_from(edges)
    return made if len(made) == steps and nx.is_directed_acyclic_graph(made) else None


def f1(predicted: set[Edge], gold: set[Edge]) -> float:
    """The harmonic mean of precision and recall."""
    return 2 * len(predicted & gold) / (len(predicted) + len(gold)) if predicted or gold else 1.0


def makespan(made: nx.DiGraph[int], durations: Sequence[float]) -> float:
    """The time that a graph takes when each step starts as soon as it can; in the unit of the durations."""
    ends: dict[int, float] = {}
    for node in nx.topological_sort(made):
        ends[node] = durations[node] + max((ends[before] for before in made.predecessors(node)), default=0.0)
    return max(ends.values(), default=0.0)


def score(
    steps: int, predicted: Iterable[Edge] | None, gold: Iterable[Edge], durations: Sequence[float] | None = None
) -> Score:
    """All measures of one case; ``predicted`` None when there was no answer."""
    theirs, ours = graph(steps, gold), graph(steps, predicted) if predicted is not None else None
    if theirs is None:
        raise ValueError("the gold graph is no acyclic graph over the steps")
    if ours is None:
        return Score()
    order, wanted = set(nx.transitive_closure_dag(ours).edges), set(nx.transitive_closure_dag(theirs).edges)
    edges = set(nx.transitive_reduction(ours).edges), set(nx.transitive_reduction(theirs).edges)
    sound = wanted <= order
    best = makespan(theirs, durations) if durations else 0.0
    ratio = makespan(ours, durations) / best if durations and best and sound else None
    return Score(f1(*edges), f1(order, wanted), order == wanted, sound, ratio)
