"""The graph of a task."""

from __future__ import annotations

from pydantic import ConfigDict

from api.schemas.base import Wire
from engine.states import SubtaskStatus


class Led(Wire):
    """An edge that is led between the nodes of the generations that it passes over."""

    edge: int
    """Its place in ``edges``."""
    through: list[tuple[float, float]]


class GraphLayout(Wire):
    """The size of a laid out graph, in cells of one node each."""

    width: float
    height: float
    bends: list[Led]


class GraphNode(Wire):
    """A subtask in its graph."""

    model_config = ConfigDict(extra="allow")

    key: str
    type: str
    status: SubtaskStatus
    generation: int
    critical_path: bool
    seconds: float | None = None
    """What it took, or has been running for."""
    expected: float | None = None
    """What it was expected to take; null when nothing was known."""
    x: float | None = None
    y: float | None = None
    """The middle of its cell; only with ``layout``."""


class Picture(Wire):
    """A plan as a graph."""

    nodes: list[GraphNode]
    edges: list[tuple[str, str]]
    """Pairs (dependency, dependant) of keys."""
    critical_path: list[str]
    """The keys on the longest way through the graph, in order: by real durations of what has settled, else expected."""
    layout: GraphLayout | None = None


class GraphView(Picture):
    """The plan of a task as a graph."""

    seq: int
    """Number of the last event that is in here for certain: whoever streams the events after it misses nothing."""


class GraphGroup(Wire):
    """Subtasks that are drawn as one."""

    key: str
    """The key of a single one; of several what their keys share, with ``#`` for the numbers."""
    type: str
    generation: int
    count: int
    statuses: dict[str, int]
    critical_path: bool
    keys: list[str]
    """Some of them."""
    members: list[tuple[str, SubtaskStatus]] | None = None
    """All of them with their states; only with ``members``."""
    x: float | None = None
    y: float | None = None


class CollapsedGraphView(Wire):
    """The plan as a graph in which like subtasks are one node."""

    seq: int
    """Number of the last event that is in here for certain."""
    nodes: list[GraphGroup]
    edges: list[tuple[str, str]]
    critical_path: list[str]
    layout: GraphLayout | None = None
