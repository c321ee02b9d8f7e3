"""A stored task as a drawing: what its longest way is by what is known of durations, and like nodes as one. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median

from engine.model import Json
from engine.plan.order import critical_path, order
from engine.states import SETTLED, SubtaskStatus

HOP_SECONDS = 0.001
"""What each subtask costs beside its own work: a turn. It decides between ways that are equally long."""
UNKNOWN_SECONDS = 1.0
"""What a subtask is reckoned with while nothing at all is known."""
SHOWN_KEYS = 5


def measured(nodes: Sequence[Mapping[str, Json]], now: int) -> list[dict[str, Json]]:
    """The nodes with ``seconds`` (that they took, or run until now; None before) in place of their times."""
    return [_measured(node, now) for node in nodes]


def _measured(node: Mapping[str, Json], now: int) -> dict[str, Json]:
    shown = dict(node)
    start, end = shown.pop("started_at"), shown.pop("completed_at")
    end = now if node["status"] == SubtaskStatus.PROCESSING else end
    ran = start is not None and end is not None and end >= start
    return shown | {"seconds": (end - start) / 1000 if ran else None}


def longest_way(nodes: Sequence[Mapping[str, Json]], edges: Iterable[tuple[str, str]]) -> list[str]:
    """The keys on the longest way through a task: real durations of what has settled, expected ones of the rest.

    Args:
        nodes: of ``measured``; what grew while the task ran is among them.
        edges: (dependant key, dependency key).
    """
    index = {node["key"]: number for number, node in enumerate(nodes)}
    dependencies: list[list[int]] = [[] for _ in nodes]
    for dependant, dependency in edges:
        if dependant in index and dependency in index:
            dependencies[index[dependant]].append(index[dependency])
    ordered = order([list(dict.fromkeys(needed)) for needed in dependencies], weights(nodes))
    return [nodes[number]["key"] for number in critical_path(ordered)]


def weights(nodes: Sequence[Mapping[str, Json]]) -> list[float]:
    """The seconds that each node is reckoned with; one of unknown duration takes what is usual in its task."""
    known = [seconds for node in nodes for seconds in [_known(node)] if seconds is not None]
    usual = median(known) if known else UNKNOWN_SECONDS
    return [HOP_SECONDS + _weight(node, usual) for node in nodes]


def _known(node: Mapping[str, Json]) -> float | None:
    known: float | None = node["seconds" if node["status"] == SubtaskStatus.COMPLETED else "expected"]
    return known


def _weight(node: Mapping[str, Json], usual: float) -> float:
    if node["status"] in SETTLED:
        return float(node["seconds"] or 0.0)
    expected = float(node["expected"] if node["expected"] is not None else usual)
    running = node["status"] == SubtaskStatus.PROCESSING
    return max(expected, float(node["seconds"] or 0.0)) if running else expected


# --- like nodes as one ----------------------------------------------------------------------------------------------


def collapsed(drawn: Mapping[str, Json], *, opened: Collection[str] = (), members: bool = False) -> dict[str, Json]:
    """A drawing in which nodes of one type, with keys equal but for their numbers and like dependencies, are one.

    Args:
        drawn: nodes, edges as [dependency, dependant], and the critical path, by key.
        opened: names of groups that stay apart, node by node.
        members: whether each group names all its nodes, with their states.
    """
    above: dict[str, list[str]] = {node["key"]: [] for node in drawn["nodes"]}
    for dependency, dependant in drawn["edges"]:
        above[dependant].append(dependency)
    apart = frozenset(opened)
    names = {key: key if name in apart else name for key, name in _named(drawn["nodes"], above).items()}
    groups: dict[str, dict[str, Json]] = {}
    for node in drawn["nodes"]:
        name = names[node["key"]]
        if name not in groups:
            groups[name] = _group(name, node)
        _join(groups[name], node, members=members)
    edges = dict.fromkeys((names[dependency], names[dependant]) for dependency, dependant in drawn["edges"])
    return {
        "nodes": list(groups.values()),
        "edges": [list(edge) for edge in edges if edge[0] != edge[1]],
        "critical_path": list(dict.fromkeys(names[key] for key in drawn["critical_path"])),
    }


def _join(group: dict[str, Json], node: Mapping[str, Json], *, members: bool) -> None:
    """Counts a node with its group."""
    group["count"] += 1
    group["statuses"][node["status"]] += 1
    group["critical_path"] = group["critical_path"] or node["critical_path"]
    if len(group["keys"]) < SHOWN_KEYS:
        group["keys"].append(node["key"])
    if members:
        group.setdefault("members", []).append([node["key"], node["status"]])


def _group(name: str, node: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "key": name,
        "type": node["type"],
        "generation": node["generation"],
        "count": 0,
        "statuses": Counter(),
        "critical_path": False,
        "keys": [],
    }


def _named(nodes: Sequence[Mapping[str, Json]], above: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By key the name of its group: a single one keeps its key, several share theirs with ``#`` for the numbers."""
    group_of = _grouped(nodes, above)
    sizes = Counter(group_of.values())
    taken: Counter[str] = Counter()
    names: dict[int, str] = {}
    for key, group in group_of.items():
        if group in names:
            continue
        name = _pattern(key) if sizes[group] > 1 else key
        taken[name] += 1
        names[group] = name if taken[name] == 1 else f"{name} ({taken[name]})"
    return {key: names[group] for key, group in group_of.items()}


def _grouped(nodes: Sequence[Mapping[str, Json]], above: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """By key the number of its group; dependencies come first, so that theirs are known."""
    index = {node["key"]: number for number, node in enumerate(nodes)}
    ordered = order([[index[key] for key in dict.fromkeys(above[node["key"]])] for node in nodes])
    groups: dict[Json, int] = {}
    found: dict[str, int] = {}
    for number in ordered.topological:
        node = nodes[number]
        like = (node["type"], _pattern(node["key"]), frozenset(found[key] for key in above[node["key"]]))
        found[node["key"]] = groups.setdefault(like, len(groups))
    return found


def _pattern(key: str) -> str:
    return re.sub(r"\d+", "#", key)
