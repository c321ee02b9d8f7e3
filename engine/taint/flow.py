"""What flows where in a task: from the outputs that come from outside to the tools that refuse them. Pure.

Edges are those of references, of items to what they were made of, and of what grew to what it grew from: a dependency
that only waits carries nothing. What is settled counts as it was; of the rest it is said what may happen.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from engine.model import Value
from engine.plan.spec import Spec, place_id
from engine.states import SETTLED, SubtaskStatus
from engine.taint.marks import places_of
from engine.toolport import Tool


class Node(Value, frozen=True):
    """A subtask as the flow sees it.

    ``source``: what comes of it comes from outside by itself. ``refuses``: its tool refuses that, unless a person has
    looked. ``asks``: its plan asks for a person anyway, who looks at its input. ``settled`` ones ask nobody any more;
    those of them that are not ``tainted`` let nothing through.
    """

    id: str
    key: str
    type: str
    source: bool = False
    refuses: bool = False
    asks: bool = False
    settled: bool = False
    tainted: bool = False


class Flow(Value, frozen=True):
    """The nodes by id, and by id where the output of each goes."""

    nodes: Mapping[str, Node]
    into: Mapping[str, Sequence[str]]

    @property
    def sources(self) -> list[str]:
        """Where something comes in from outside."""
        return [id_ for id_, node in self.nodes.items() if node.source and not (node.settled and not node.tainted)]

    def lets_through(self, id_: str) -> bool:
        """Whether what comes in goes on with its output: no person looks, or none has looked."""
        node = self.nodes[id_]
        return node.tainted if node.settled else not node.asks

    def reached(self) -> dict[str, str]:
        """What taint may reach, or has reached: by id where it came from, "" for where it begins."""
        found: dict[str, str] = {}
        self._spread(self.sources, found)
        self._spread([id_ for id_, node in self.nodes.items() if node.tainted and node.settled], found)
        return found

    def _spread(self, begin: Iterable[str], found: dict[str, str]) -> None:
        """Follows what is not found yet from where it begins. A source gives off taint whatever comes into it."""
        queue: deque[str] = deque()
        for id_ in begin:
            if id_ not in found:
                found[id_] = ""
                queue.append(id_)
        while queue:
            here = queue.popleft()
            if found[here] and not (self.nodes[here].source or self.lets_through(here)):
                continue
            for there in self.into.get(here, ()):
                if there not in found:
                    found[there] = here
                    queue.append(there)

    def arrives(self, reached: Mapping[str, str]) -> set[str]:
        """Into the inputs of which subtasks taint comes."""
        gives = [
            id_ for id_, before in reached.items() if not before or self.nodes[id_].source or self.lets_through(id_)
        ]
        return {there for id_ in gives for there in self.into.get(id_, ())}

    def sinks(self, reached: Mapping[str, str]) -> list[str]:
        """What refuses what comes into it and has not run: each asks a person when it comes to it."""
        return sorted(id_ for id_ in self.arrives(reached) if self.nodes[id_].refuses and not self.nodes[id_].settled)


class Row(Value, frozen=True):
    """A subtask as it is stored, as far as its flow needs it."""

    id: str
    key: str
    type: str
    spec: str
    status: SubtaskStatus = SubtaskStatus.PENDING
    tainted: bool = False


def flow_of(rows: Iterable[Row], tools: Callable[[str], Tool | None], task_id: str) -> Flow:
    """The flow in a task with these subtasks."""
    nodes: dict[str, Node] = {}
    into: defaultdict[str, list[str]] = defaultdict(list)
    carried: list[tuple[str, str, bool]] = []
    for row in rows:
        spec = Spec.decode(row.spec)
        nodes[row.id] = _node(row, spec, tools)
        carried += [(place_id(task_id, place), row.id, mapped) for _, place, mapped in places_of(spec)]
        carried += [(place_id(task_id, place), row.id, False) for place in spec.upstream]
        if spec.fallback is not None:
            other = msgspec.structs.replace(spec, refs=spec.fallback.refs, map=None)
            carried += [(place_id(task_id, place), row.id, mapped) for _, place, mapped in places_of(other)]
        if row.id.count(".") > 1:
            carried.append((row.id.rpartition(".")[0], row.id, False))
    grown = _grown(nodes)
    for source, target, mapped in carried:
        ends = [*([] if mapped and grown.get(source) else [source]), *grown.get(source, ())]
        parent = target.rpartition(".")[0] == source
        for end in [source] if parent else ends:
            if end in nodes and end != target:
                into[end].append(target)
    return Flow(nodes, {id_: list(dict.fromkeys(targets)) for id_, targets in into.items()})


def _grown(nodes: Iterable[str]) -> dict[str, list[str]]:
    """By id of a subtask everything that has grown below it: whoever takes its output may take theirs."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for id_ in nodes:
        above = id_
        while above.count(".") > 1:
            above = above.rpartition(".")[0]
            found[above].append(id_)
    return found


def _node(row: Row, spec: Spec, tools: Callable[[str], Tool | None]) -> Node:
    types = [row.type] + ([spec.fallback.type] if spec.fallback else [])
    known = [tool for type_ in types if (tool := tools(type_)) is not None]
    runs = spec.map is None
    return Node(
        row.id,
        row.key,
        row.type,
        source=runs and any(_untrusted(tool, spec) for tool in known),
        refuses=any(tool.refuses_tainted for tool in known),
        asks=spec.approval and runs,
        settled=row.status in SETTLED,
        tainted=row.tainted,
    )


def _untrusted(tool: Tool, spec: Spec) -> bool:
    """Whether a tool takes something in from outside; where references are open it may."""
    if not tool.untrusted or spec.refs is not None:
        return tool.untrusted
    try:
        return tool.taints(spec.input)
    except (AttributeError, KeyError, TypeError, ValueError):
        return True


def path_to(id_: str, reached: Mapping[str, str]) -> list[str]:
    """The way by which taint reaches a subtask, from where it begins."""
    way = [id_]
    while reached[way[-1]]:
        way.append(reached[way[-1]])
    return way[::-1]
