"""What all pictures of a graph have in common: boxes and arrows, made of what ``GET /tasks/{id}/graph`` answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from api.drawings.looks import worst
from engine.model import Json
from engine.states import UNSUCCESSFUL

LONGEST = 60
"""Characters of one line of a box."""
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")


class Box(NamedTuple):
    """A subtask, or like ones as one: two lines of text, its state, and whether the critical path leads through it."""

    title: str
    detail: str
    status: str
    critical: bool


class Arrow(NamedTuple):
    """From a dependency to its dependant, by the numbers of their boxes."""

    start: int
    end: int
    critical: bool


class Scene(NamedTuple):
    """A graph to be drawn. ``left_out``: boxes that were too many."""

    boxes: list[Box]
    arrows: list[Arrow]
    left_out: int = 0


def scene(drawn: Mapping[str, Json], most: int | None = None) -> Scene:
    """The scene of a graph, collapsed or not.

    Args:
        drawn: nodes, edges as [dependency, dependant] of keys, and the keys of the critical path.
        most: boxes at most; of more, those on the critical path and those without success are kept, then the first.
    """
    nodes = drawn["nodes"] if most is None else _bounded(drawn["nodes"], most)
    index = {node["key"]: number for number, node in enumerate(nodes)}
    path = drawn["critical_path"]
    steps = set(pairwise(path))
    arrows = [
        Arrow(index[start], index[end], (start, end) in steps)
        for start, end in drawn["edges"]
        if start in index and end in index
    ]
    return Scene([_box(node) for node in nodes], arrows, len(drawn["nodes"]) - len(nodes))


def _bounded(nodes: Sequence[Mapping[str, Json]], most: int) -> list[Mapping[str, Json]]:
    if len(nodes) <= most:
        return list(nodes)
    first = sorted(range(len(nodes)), key=lambda number: (not _stands_out(nodes[number]), number))[:most]
    return [nodes[number] for number in sorted(first)]


def _stands_out(node: Mapping[str, Json]) -> bool:
    return node["critical_path"] or _status(node) in UNSUCCESSFUL


def _box(node: Mapping[str, Json]) -> Box:
    return Box(line_of(node["key"]), line_of(_detail(node)), _status(node), node["critical_path"])


def _status(node: Mapping[str, Json]) -> str:
    status: str = worst(node["statuses"]) if "statuses" in node else node["status"]
    return status


def _detail(node: Mapping[str, Json]) -> str:
    """The type and what there is to say of it: how many in which states, or how long it took."""
    if node.get("count", 1) > 1:
        counts = ", ".join(f"{count:,} {status}" for status, count in node["statuses"].items() if status)
        return f"{node['type']} · {counts or format(node['count'], ',')}"
    seconds = node.get("seconds")
    return node["type"] if seconds is None else f"{node['type']} · {brief(seconds)}"


def brief(seconds: float) -> str:
    """A duration in a few characters, such as 12ms, 3.4s, 2m05s or 3h07m."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"


def line_of(text: str, longest: int = LONGEST) -> str:
    """Somebody else's text on one line, cut in its middle: keys often differ at the end."""
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    if len(line) <= longest:
        return line
    head = longest * 2 // 3
    return f"{line[:head]}…{line[head + 1 - longest :]}"
