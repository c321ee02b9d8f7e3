"""What of a task came from outside, where it goes, what asks a person because of it, and the fewest approvals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from engine.errors import Fault, InvalidInput
from engine.model import NewSubtask, Task, Value
from engine.plan.spec import Spec
from engine.ports import GraphReader
from engine.states import SETTLED, SubtaskStatus
from engine.taint.cut import smallest_cut
from engine.taint.flow import Flow, Row, flow_of, path_to
from engine.toolport import Tool

PAGE = 5_000
MOST = 50_000
"""Subtasks of a task of which taint is told."""
LARGE = 500
"""More subtasks than this are looked at on a thread, so that the event loop goes on."""
SHOWN = 100
"""Paths that are told."""


class Path(Value, frozen=True):
    """A way from outside to a tool that refuses it, as keys; ``asks``: its last subtask has still to be decided on."""

    keys: list[str]
    asks: bool


class Taint(Value, frozen=True):
    """The taint of a task.

    ``sources`` take something in from outside, ``tainted`` outputs hold some of it already, ``asking`` will each ask a
    person when it comes to it. ``approvals`` are the fewest subtasks whose approval covers all of these.
    """

    sources: list[str]
    tainted: list[str]
    asking: list[str]
    paths: list[Path]
    approvals: list[str]


class TaintDesk:
    """Answers about the taint of the tasks of a namespace."""

    def __init__(
        self, graph: GraphReader, tools: Callable[[str], Tool | None], find: Callable[[str], Awaitable[Task]]
    ) -> None:
        self._graph = graph
        self._tools = tools
        self._find = find

    async def of_task(self, task_id: str) -> Taint:
        """The taint of a task. Raises ``NotFound``, and ``InvalidInput`` for one that is too large."""
        task = await self._find(task_id)
        if task.subtasks_count > MOST:
            raise InvalidInput([Fault("", f"it has {task.subtasks_count:,} subtasks; taint is told of {MOST:,}")])
        rows: list[Row] = []
        while page := await self._graph.subtasks(task_id, status=None, after=rows[-1].id if rows else "", limit=PAGE):
            rows += [Row(one.id, one.key, one.type, one.spec, one.status, one.tainted) for one in page]
        if len(rows) > LARGE:
            return await asyncio.to_thread(taint_of, rows, self._tools, task_id)
        return taint_of(rows, self._tools, task_id)


def taint_of(rows: list[Row], tools: Callable[[str], Tool | None], task_id: str) -> Taint:
    """The taint of a task with these subtasks. Pure."""
    flow = flow_of(rows, tools, task_id)
    reached = flow.reached()
    sinks = flow.sinks(reached)
    open_ = [id_ for id_ in sinks if not flow.nodes[id_].asks]
    ran = [id_ for id_ in flow.arrives(reached) if flow.nodes[id_].refuses and flow.nodes[id_].settled]
    paths = [Path(_keys(flow, path_to(id_, reached)), id_ in sinks) for id_ in [*sinks, *sorted(ran)][:SHOWN]]
    return Taint(
        sources=_keys(flow, sorted(id_ for id_ in reached if flow.nodes[id_].source)),
        tainted=_keys(flow, sorted(row.id for row in rows if row.tainted)),
        asking=_keys(flow, sinks),
        paths=paths,
        approvals=_keys(flow, smallest_cut(flow, reached, open_)),
    )


def _keys(flow: Flow, ids: Iterable[str]) -> list[str]:
    return [flow.nodes[id_].key for id_ in ids]


def foreseen(subtasks: Iterable[NewSubtask], tools: Callable[[str], Tool | None], task_id: str) -> list[str]:
    """What of a new task will ask a person: its plan says so, or what comes from outside reaches a tool that refuses
    it, as keys in plan order. Costs a look at each type where there is none of both.
    """
    rows = list(subtasks)
    known = {type_: tools(type_) for type_ in {row.type for row in rows}}
    asking = {row.id for row in rows if row.status not in SETTLED and _planned(row.spec)}
    outside = any(tool is not None and tool.untrusted for tool in known.values())
    if outside or any('"fallback":' in row.spec for row in rows):
        flow = flow_of([_row(row) for row in rows], tools, task_id)
        asking |= set(flow.sinks(flow.reached()))
    return [row.key for row in rows if row.id in asking]


def _planned(spec: str) -> bool:
    """Whether a plan asks for a person; nearly none does, so the text is read first."""
    return '"approval":true' in spec and Spec.decode(spec).approval


def _row(new: NewSubtask) -> Row:
    tainted = bool(new.reused and new.reused.tainted)
    return Row(new.id, new.key, new.type, new.spec, SubtaskStatus(new.status), tainted)
