"""What is learned when a task ends: that its plan has worked, or that a plan which had worked before did not.

Learning is worth no failure: it happens beside the loop, and what goes wrong with it is a line in the log.
"""

from __future__ import annotations

import msgspec
import structlog

from engine.model import Json, Task
from engine.payloads import Payloads
from engine.plan import stored
from engine.plan.ids import subtask_id
from engine.plan.stored import Origin
from engine.planning.learned import parametrise, shape, skeleton
from engine.planstore import LearnedPlan
from engine.ports import Graph
from engine.running import RunningTask
from engine.states import TaskStatus

_log = structlog.get_logger("lessons")


class Lessons:
    """Learns from the tasks of one engine."""

    def __init__(self, graph: Graph, payloads: Payloads) -> None:
        self._graph = graph
        self._payloads = payloads

    def concerns(self, task: RunningTask, status: TaskStatus) -> bool:
        """Whether the end of a task teaches anything."""
        origin = task.body.origin
        if origin is None or not origin.key:
            return False
        if status is TaskStatus.COMPLETED:
            return origin.by in ("model", "learned")
        return origin.by == "learned" and status is TaskStatus.FAILED

    async def learn(self, task_id: str) -> None:
        """Takes the lesson of a task that has ended. Never raises."""
        try:
            task = await self._graph.task(task_id)
            origin = stored.decode(task.body).origin if task else None
            if task is not None and origin is not None:
                await self._take(task, origin)
        except Exception as error:  # a plan that cannot be learned must not end the engine
            _log.warning("nothing was learned from a task", task_id=task_id, exc_info=error)

    async def _take(self, task: Task, origin: Origin) -> None:
        at = task.completed_at or task.updated_at
        seconds = max(0, at - (task.started_at or at)) / 1000
        if origin.by == "learned":
            await self._graph.used(origin.key, task.status is TaskStatus.COMPLETED, seconds, at)
            return
        plan = await self._plan(task.id)
        found = self._pattern(task, origin, plan, seconds, at) if plan else None
        if found is not None:
            await self._graph.learn(found)
            _log.info("a plan was learned", task_id=task.id, key=origin.key)

    async def _plan(self, task_id: str) -> list[dict[str, Json]] | None:
        """The subtasks that the model had planned, as its own subtask has recorded them."""
        id_ = subtask_id(task_id, 0)
        output = (await self._payloads.outputs([id_])).get(id_)
        note = output.get("note") if isinstance(output, dict) else None
        plan = note.get("plan") if isinstance(note, dict) else None
        return plan if isinstance(plan, list) else None

    def _pattern(
        self, task: Task, origin: Origin, plan: list[dict[str, Json]], seconds: float, at: int
    ) -> LearnedPlan | None:
        bare = skeleton(task.description)
        pattern = parametrise(plan, bare.literals)
        if pattern is None:
            return None
        given = stored.decode(task.body).input
        return LearnedPlan(
            key=origin.key,
            type=task.type,
            shape_hash=shape(given),
            text=bare.text,
            input_schema=msgspec.json.encode(_kinds(given)).decode(),
            pattern=pattern.encode(),
            source="claude",
            created_at=at,
            used_at=at,
            seconds=(seconds,),
        )


def shown(plan: LearnedPlan) -> dict[str, Json]:
    """What is told of a learned plan."""
    return {
        "key": plan.key,
        "type": plan.type,
        "text": plan.text,
        "source": plan.source,
        "successes": plan.successes,
        "failures": plan.failures,
        "median_seconds": plan.median_seconds,
        "created_at": plan.created_at,
        "used_at": plan.used_at,
    }


def _kinds(value: Json) -> Json:
    """The fields of an input and their types, for people who look at the graph."""
    if isinstance(value, dict):
        return {name: _kinds(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_kinds(value[0])] if value else []
    return type(value).__name__
