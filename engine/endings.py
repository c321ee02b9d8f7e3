"""How a task ends: its status, its result, and what is said about what failed.

A task fails if and only if a critical subtask ends failed, blocked or quarantined; else it completes, with warnings.
Its result is the output of its leaves: the value itself where there is one leaf, else an object by key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import structlog

from engine.errors import Category, EngineError, GraphUnavailable
from engine.model import BLOB_BYTES, Finish, Json, Troubled
from engine.payloads import Payloads, pack
from engine.ports import Clock, GraphReader
from engine.running import CANCELLING, EXPIRED, RunningTask
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
        self._clock = clock

    async def conclude(self, task: RunningTask) -> Finish:
        """Reads what the end needs and decides it; the number of its event is left open (0)."""
        counts = task.present()
        troubled = await self._graph.troubled(task.id, MOST_TROUBLES) if any(map(counts.get, TROUBLES)) else []
        status = decide(task.gate, troubled)
        said = about(status, task.gate, troubled, counts)
        text, digest = (None, None) if task.gate == CANCELLING else await self._readable_result(task)
        return Finish(
            task_id=task.id,
            status=status,
            at=self._clock.now(),
            started_at=task.started_at,
            counts=counts,
            last_event=0,
            result=text,
            result_hash=digest,
            error=None if said is None else json.dumps(said),
        )

    async def _readable_result(self, task: RunningTask) -> tuple[str | None, str | None]:
        """The result, or none where an output cannot be read any more: that must not keep the task open."""
        try:
            return await self._result(task)
        except GraphUnavailable:
            raise
        except EngineError as error:
            _log.error("the task's result cannot be put together", task_id=task.id, reason=str(error))
            return None, None

    async def _result(self, task: RunningTask) -> tuple[str | None, str | None]:
        leaves = await self._graph.leaves(task.id, MOST_LEAVES + 1)
        if len(leaves) > MOST_LEAVES:
            return None, None
        outputs = await self._payloads.outputs([id_ for id_, _ in leaves])
        value: Json = {key: outputs.get(id_) for id_, key in leaves}
        if len(leaves) == 1:
            value = outputs.get(leaves[0][0])
        packed = pack(value)
        if packed.size <= BLOB_BYTES:
            return packed.text, None
        await self._payloads.keep(task.id, packed)
        return None, packed.digest


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
