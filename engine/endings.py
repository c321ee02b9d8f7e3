"""How a task ends: its status, its result, and what is said about what failed.

A task fails if and only if a critical subtask ends failed, blocked or quarantined; else it completes, with warnings.
Its result is the output of its leaves: the value itself where there is one leaf, else an object by key; or what its
``aggregate`` makes of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import structlog

from engine.errors import Category, EngineError, GraphUnavailable, ToolError
from engine.estimates.promise import punctuality
from engine.model import BLOB_BYTES, Finish, Json, Troubled
from engine.payloads import Payloads, pack
from engine.plan.spec import Refs, Spec
from engine.ports import Clock, GraphReader
from engine.references import resolve
from engine.running import CANCELLING, EXPIRED, RunningTask
from engine.scopes import Scopes
from engine.states import SubtaskStatus, TaskStatus

_log = structlog.get_logger("endings")

MOST_LEAVES = 1_000
"""A task with more leaves has no result of its own: its subtasks' outputs are read page by page."""
MOST_TROUBLES = 20
"""Unsuccessful subtasks named in the error of a task."""
UNDONE = (SubtaskStatus.BLOCKED.value, SubtaskStatus.SKIPPED.value, SubtaskStatus.CANCELLED.value)
CAUSES = (SubtaskStatus.FAILED.value, SubtaskStatus.QUARANTINED.value)
TROUBLES = (*CAUSES, SubtaskStatus.BLOCKED.value)


class Endings:
    """Concludes tasks whose subtasks are all settled."""

    def __init__(self, graph: GraphReader, payloads: Payloads, clock: Clock) -> None:
        self._graph = graph
        self._payloads = payloads
        self._scopes = Scopes(payloads)
        self._clock = clock

    async def conclude(self, task: RunningTask) -> Finish:
        """Reads what the end needs and decides it; the number of its event is left open (0)."""
        counts = task.present()
        troubled = await self._graph.troubled(task.id, MOST_TROUBLES) if any(map(counts.get, TROUBLES)) else []
        status = decide(task.gate, troubled)
        said = about(status, task.gate, troubled, counts)
        text, digest, fault = (None, None, "") if task.gate == CANCELLING else await self._readable_result(task)
        if said is None and fault:
            said = warning(fault)
        now = self._clock.now()
        completed = status is TaskStatus.COMPLETED and task.started_at is not None
        return Finish(
            task_id=task.id,
            status=status,
            at=now,
            started_at=task.started_at,
            counts=counts,
            last_event=0,
            result=text,
            result_hash=digest,
            error=None if said is None else json.dumps(said),
            detail=punctuality(task.estimate, (now - (task.started_at or now)) / 1000) if completed else "",
        )

    async def _readable_result(self, task: RunningTask) -> tuple[str | None, str | None, str]:
        """The result, or none where an output cannot be read any more: that must not keep the task open."""
        try:
            return await self._result(task)
        except GraphUnavailable:
            raise
        except EngineError as error:
            _log.error("the task's result cannot be put together", task_id=task.id, reason=str(error))
            return None, None, ""

    async def _result(self, task: RunningTask) -> tuple[str | None, str | None, str]:
        """The result as text or by the hash that it is kept under, and why it is not what the task asks for."""
        value, fault = await self._combined(task)
        packed = pack(value)
        if packed.size <= BLOB_BYTES:
            return packed.text, None, fault
        await self._payloads.keep(task.id, packed)
        return None, packed.digest, fault

    async def _combined(self, task: RunningTask) -> tuple[Json, str]:
        wish = task.body.aggregate
        if task.body.aggregate_refs is not None:
            return await self._referred(task, str(wish), task.body.aggregate_refs)
        leaves = await self._graph.leaves(task.id, MOST_LEAVES + 1)
        if len(leaves) > MOST_LEAVES:
            return None, "" if wish is None else f"aggregate: there are more than {MOST_LEAVES:,} outputs"
        outputs = await self._scopes.outputs_of([id_ for id_, _ in leaves])
        found = dict(zip((key for _, key in leaves), outputs, strict=True))
        by_key = outputs[0] if len(outputs) == 1 else found
        return (by_key, "") if wish is None else combined(wish, found, by_key)

    async def _referred(self, task: RunningTask, text: str, refs: Refs) -> tuple[Json, str]:
        try:
            return resolve(text, await self._scopes.scope(task.id, refs, Spec(), task.input)), ""
        except ToolError as error:
            return None, f"aggregate: {error}"


def combined(wish: str, found: dict[str, Json], otherwise: Json) -> tuple[Json, str]:
    """The outputs by key as one value, and why that is ``otherwise`` instead; "" when it is what was asked for.

    What did not complete has no part in it.
    """
    values = {key: value for key, value in found.items() if value is not None}
    if wish == "first":
        return next(iter(values.values()), None), ""
    kind = dict if wish == "merge" else list
    odd = next((key for key, value in values.items() if not isinstance(value, kind)), None)
    if odd is None:
        return _joined(list(values.values()), wish), ""
    if wish == "concat" and all(isinstance(value, str) for value in values.values()):
        return "".join(values.values()), ""
    wanted = "objects" if wish == "merge" else "lists, or texts alone"
    return otherwise, f"aggregate: {wish} needs {wanted}, and {odd} gave something else; the result is by key"


def _joined(values: list[Json], wish: str) -> Json:
    if wish == "concat":
        return [part for value in values for part in value]
    return {name: part for value in values for name, part in value.items()}


def warning(message: str) -> dict[str, Json]:
    """What is said of a completed task whose result is not what it asks for."""
    return {
        "category": Category.CONFIGURATION.value,
        "message": f"completed with warnings: {message}",
        "suggestion": "correct aggregate, and rerun the task: what is completed is kept",
        "subtasks": [],
        "impact": {},
    }


def decide(gate: str, troubled: Sequence[Troubled]) -> TaskStatus:
    """The status in which a task ends. ``gate`` says why it was closed, if it was; ``troubled`` lists critical subtasks
    first.
    """
    if gate == CANCELLING:
        return TaskStatus.CANCELLED
    if gate:
        return TaskStatus.FAILED
    return TaskStatus.FAILED if any(trouble.critical for trouble in troubled) else TaskStatus.COMPLETED


def about(status: TaskStatus, gate: str, troubled: Sequence[Troubled], counts: dict[str, int]) -> Json:
    """What is said of a task that did not simply complete; of a completed one it is a warning. None: nothing.

    ``impact`` counts what was not done, by status; of the unsuccessful subtasks the first few are listed.
    """
    if gate != EXPIRED and not troubled:
        return None
    impact = {status: counts[status] for status in UNDONE if counts.get(status)}
    said = _expired(counts) if gate == EXPIRED else _failed(status, troubled, counts, impact)
    listed = [{"key": trouble.key, "status": trouble.status.value} for trouble in troubled]
    return {**said, "subtasks": listed, "impact": impact}


def _expired(counts: dict[str, int]) -> dict[str, Json]:
    """What is said of a task whose deadline has passed."""
    undone = sum(number for status, number in counts.items() if status != SubtaskStatus.COMPLETED.value)
    return {
        "category": Category.TIMEOUT.value,
        "message": f"the deadline passed before {undone} of {sum(counts.values())} subtask(s) were completed",
        "suggestion": "raise deadline_seconds, or rerun the task from what failed: what is completed is kept",
    }


def _failed(
    status: TaskStatus, troubled: Sequence[Troubled], counts: dict[str, int], impact: dict[str, int]
) -> dict[str, Json]:
    """What is said of a task by its unsuccessful subtasks."""
    causes = [trouble for trouble in troubled if trouble.status is not SubtaskStatus.BLOCKED]
    first = json.loads(causes[0].error or "{}") if causes else {}
    number = sum(counts.get(cause, 0) for cause in CAUSES)
    named = ", ".join(trouble.key for trouble in causes or troubled[:1])
    message = f"{number} subtask(s) failed ({named}{', ...' if 0 < len(causes) < number else ''})"
    if impact:
        message += "; not done: " + ", ".join(f"{number} {status}" for status, number in impact.items())
    return {
        "category": first.get("category", Category.LOGIC.value),
        "message": f"completed with warnings: {message}" if status is TaskStatus.COMPLETED else message,
        "suggestion": first.get("suggestion", ""),
    }
