"""Reads what the difference of two runs is made of, up to a bound."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import msgspec

from engine.answers import diff
from engine.answers.diff import Diff, Inputs, Member, Pair
from engine.model import Json, Subtask, Task
from engine.plan import stored
from engine.plan.spec import Spec
from engine.ports import Graph

MOST = 10_000
"""Subtasks of either run that are compared."""
PAGE = 1_000
MOST_EDGES = 200_000
"""Dependencies of either run up to which they are compared."""
PLACES = 5
"""Changed places of one input that are told."""


class Comparisons:
    """Compares runs."""

    def __init__(self, graph: Graph, find: Callable[[str], Awaitable[Task]]) -> None:
        self._graph = graph
        self._find = find

    async def diff(self, a: str, b: str) -> Diff:
        """How task ``b`` differs from task ``a``. Raises ``NotFound``."""
        one, other = await self._find(a), await self._find(b)
        before, more_before = await self._members(a)
        after, more_after = await self._members(b)
        cut = more_before or more_after
        pairs, removed, added = diff.align(before, after)
        changed = [pair for pair in pairs if pair[0].inputs != pair[1].inputs]
        states = diff.statuses(pairs)
        found = Diff(
            a=one,
            b=other,
            words="",
            shape=diff.shape(pairs, removed, added, None if cut else await self._edges(a, b)),
            task=diff.changes(_common(one), _common(other)),
            inputs=[await self._inputs(a, b, pair) for pair in changed[: diff.SHOWN]],
            inputs_changed=len(changed),
            statuses=states[: diff.SHOWN],
            statuses_changed=len(states),
            results=diff.results(pairs),
            durations=diff.durations(pairs),
            cut=cut,
        )
        return msgspec.structs.replace(found, words=diff.told(found))

    async def _members(self, task_id: str) -> tuple[list[Member], bool]:
        """The first subtasks of a task, and whether there are more."""
        found: list[Member] = []
        after = ""
        while len(found) < MOST:
            page = await self._graph.subtasks(task_id, status=None, after=after, limit=PAGE)
            found += map(_member, page)
            if len(page) < PAGE:
                return found, False
            after = page[-1].id
        return found, bool(await self._graph.subtasks(task_id, status=None, after=after, limit=1))

    async def _edges(self, a: str, b: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]] | None:
        before, after = await self._graph.edges(a), await self._graph.edges(b)
        return None if max(len(before), len(after)) > MOST_EDGES else (before, after)

    async def _inputs(self, a: str, b: str, pair: Pair) -> Inputs:
        before, after = await self._settings(a, pair[0].key), await self._settings(b, pair[1].key)
        return Inputs(pair[1].key, diff.changes(before, after, PLACES))

    async def _settings(self, task_id: str, key: str) -> Json:
        found = await self._graph.find(task_id, key)
        return msgspec.json.decode(_comparable(found.spec)) if found else {}


def _member(row: Subtask) -> Member:
    ran = row.started_at is not None and row.completed_at is not None and not row.cached
    return Member(
        key=row.key,
        type=row.type,
        generation=row.generation,
        status=row.status.value,
        inputs=_digest(_comparable(row.spec)),
        result=row.output_hash or (_digest(row.output.encode()).hex() if row.output is not None else ""),
        seconds=max(0.0, ((row.completed_at or 0) - (row.started_at or 0)) / 1000) if ran else None,
    )


def _comparable(text: str) -> bytes:
    """What a subtask was asked to do and how, without the places of other subtasks in the plan."""
    spec, replace = Spec.decode(text), msgspec.structs.replace
    map_, fallback, run_if = spec.map, spec.fallback, spec.run_if
    plain = replace(
        spec,
        refs=None,
        implied=[],
        upstream=[],
        map=map_ and replace(map_, refs=None, rank=1.0, lane="", follows=None),
        fallback=fallback and replace(fallback, refs=None),
        run_if=run_if and replace(run_if, keys={}),
    )
    return plain.encode().encode()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _common(task: Task) -> dict[str, Json]:
    """The fields of a task beside its plan, and beside whom it tells: their addresses may hold secrets."""
    named = {"name": task.name, "type": task.type, "description": task.description, "priority": task.priority}
    limits = {"max_parallel": task.max_parallel, "failure_policy": task.failure_policy}
    sent = {name: value for name, value in stored.as_sent(task.body).items() if name != "callbacks"}
    return sent | named | limits
