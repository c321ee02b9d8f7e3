"""The fewest approvals that stand between what comes from outside and what refuses it: a minimum vertex cut.

Each subtask that has not run can be approved once; what has run cannot. Every subtask becomes an edge of capacity one
between its two halves, and the minimum cut of that network is the answer (Menger 1927; Ford and Fulkerson 1956). A tool
that refuses can be approved itself, so there is always one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.taint.flow import Flow

BEGIN, END = "begin", "end"


def smallest_cut(flow: Flow, reached: Mapping[str, str], sinks: Sequence[str]) -> list[str]:
    """The ids of the fewest subtasks whose approval covers all ``sinks``, near to these, in plan order.

    ``reached`` is what taint reaches. A subtask has three places: taint comes in at the first, is let in at the second,
    where an approval would stop it, and leaves at the third, where a source adds what it takes in itself.
    """
    if not sinks:
        return []
    import networkx as nx  # 0.2 s to load, and asked for by people only

    network: nx.DiGraph[object] = nx.DiGraph()
    for id_, before in reached.items():
        node = flow.nodes[id_]
        network.add_edge((id_, 0), (id_, 1), **({} if node.settled else {"capacity": 1}))
        if flow.lets_through(id_):
            network.add_edge((id_, 1), (id_, 2))
        if node.source or not before:
            network.add_edge(BEGIN, (id_, 2))
        network.add_edges_from(((id_, 2), (target, 0)) for target in flow.into.get(id_, ()) if target in reached)
    network.add_edges_from(((id_, 1), END) for id_ in sinks)
    if not nx.has_path(network, BEGIN, END):
        return []
    _, (near, _) = nx.minimum_cut(network, BEGIN, END)
    return sorted(id_ for id_ in reached if (id_, 0) in near and (id_, 1) not in near)
