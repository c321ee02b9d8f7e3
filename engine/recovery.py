"""Taking up tasks: this engine's own from an earlier life, or those that one connection failure left unsure.

There is one way to start a subtask: through the frontier. So whatever was running when the engine died is settled
first, as an interrupted attempt, and either goes back to the frontier or, where a repeat could do harm, ends with an
error.
"""

from __future__ import annotations

from engine.errors import Category, ToolError
from engine.model import OpenTask, Settle, Subtask
from engine.payloads import error_text
from engine.plan.spec import Spec, task_input
from engine.ports import Clock, GraphWriter
from engine.running import RunningTask
from engine.states import SubtaskStatus
from engine.tools.registry import ToolRegistry

INTERRUPTED = "interrupted"


class Recovery:
    """Rebuilds open tasks from the graph."""

    def __init__(self, graph: GraphWriter, tools: ToolRegistry, clock: Clock) -> None:
        self._graph = graph
        self._tools = tools
        self._clock = clock

    async def take_up(self, found: OpenTask) -> tuple[RunningTask, list[Settle], list[str]]:
        """The task in memory, the interrupted attempts to settle, and the ids of undecided subtasks."""
        await self._graph.release_holds(found.task.id)
        task = RunningTask.adopted(found, task_input(found.task.body))
        interrupted = [self._interrupted(subtask, bool(task.gate)) for subtask in await self._processing(found)]
        undecided = [id_ for id_, _ in await self._graph.undecided(task.id)]
        return task, interrupted, undecided

    async def _processing(self, found: OpenTask) -> list[Subtask]:
        running = found.counts.get(SubtaskStatus.PROCESSING.value, 0)
        return await self._graph.processing(found.task.id) if running else []

    def _interrupted(self, subtask: Subtask, cancelling: bool) -> Settle:
        if cancelling:
            to, error = SubtaskStatus.CANCELLED, ToolError("cancelled", category=Category.CANCELLED)
        elif self._repeatable(subtask):
            to, error = SubtaskStatus.READY, None
        else:
            to = SubtaskStatus.FAILED
            error = ToolError(
                "the engine stopped while it ran, and running it again could repeat what it did",
                category=Category.CONFIGURATION,
                suggestion='check what it did; where a repeat does no harm, set "on_interrupt": "retry"',
            )
        return Settle(
            id=subtask.id,
            task_id=subtask.task_id,
            key=subtask.key,
            token=subtask.token,
            to=to,
            outcome=INTERRUPTED,
            started_at=subtask.started_at or self._clock.now(),
            finished_at=self._clock.now(),
            error=error_text(error, subtask.token) if error else None,
        )

    def _repeatable(self, subtask: Subtask) -> bool:
        spec = Spec.decode(subtask.spec)
        if spec.on_interrupt is not None:
            return spec.on_interrupt == "retry"
        if spec.map is not None:
            return True
        tool = self._tools.get(subtask.type)
        return tool is not None and tool.repeatable(spec.input)
