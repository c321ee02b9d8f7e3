"""Runs one task from its body to its outcome: the shortest way to use an engine from a program."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import msgspec

from engine.errors import Conflict
from engine.model import Json, Subtask, Task
from engine.service import Engine
from engine.states import TaskStatus

PAGE = 1_000
"""Subtasks that are read at a time."""
_STATUS = {TaskStatus.COMPLETED: "success", TaskStatus.FAILED: "failed", TaskStatus.CANCELLED: "cancelled"}


class Ended(TypedDict):
    """One subtask of a task that is final."""

    key: str
    type: str
    status: str
    output: Json
    error: dict[str, Json] | None
    attempts: int


class Outcome(TypedDict):
    """What became of a task: ``status`` is success, failed or cancelled, ``subtasks`` are in the order of the plan,
    ``final_output`` is the task's result, and ``error`` is there unless it succeeded or was cancelled.
    """

    status: str
    task_id: str
    subtask_count: int
    subtasks: list[Ended]
    final_output: Json
    error: NotRequired[dict[str, Json] | None]


class ExecutionEngine:
    """A started engine, asked for whole outcomes. It holds every output in memory: for large tasks ask the engine.

    Args:
        engine: started; whoever started it stops it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def execute_task(self, task: Any) -> Outcome:
        """Waits for a task to end and tells its outcome.

        Args:
            task: the body of ``POST /tasks``, which is submitted; or the id of a task, or anything with an ``id`` or a
                ``task_id``, such as what ``engine.submit`` returns.

        Raises:
            InvalidInput: with every fault of a body; nothing was stored.
            NotFound: when there is no task with that id.
            TypeError: it is neither a body nor anything with an id.
        """
        if isinstance(task, dict):
            task = await self._engine.submit(task)
        return await self._outcome(await self._engine.wait(_id_of(task)))

    async def cancel_task(self, task: Any) -> bool:
        """Cancels a task, given as in ``execute_task``; what runs is stopped for real.

        Returns whether it is cancelled after five seconds at most, or was already; False as well when it had ended
        otherwise. One that takes longer goes on being cancelled.

        Raises:
            NotFound: when there is no task with that id.
        """
        try:
            return (await self._engine.cancel(_id_of(task))).status is TaskStatus.CANCELLED
        except Conflict:
            return False

    async def _outcome(self, task: Task) -> Outcome:
        subtasks = [await self._ended(subtask) for subtask in await self._subtasks(task.id)]
        outcome: Outcome = {
            "status": _STATUS[task.status],
            "task_id": task.id,
            "subtask_count": len(subtasks),
            "subtasks": subtasks,
            "final_output": await self._engine.output(task),
        }
        if task.status is TaskStatus.FAILED:
            outcome["error"] = _error(task.error)
        return outcome

    async def _subtasks(self, task_id: str) -> list[Subtask]:
        found: list[Subtask] = []
        while True:
            after = found[-1].id if found else ""
            page = await self._engine.subtasks(task_id, status=None, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    async def _ended(self, subtask: Subtask) -> Ended:
        return {
            "key": subtask.key,
            "type": subtask.type,
            "status": subtask.status.value,
            "output": await self._engine.output(subtask),
            "error": _error(subtask.error),
            "attempts": subtask.attempts,
        }


def _id_of(task: Any) -> str:
    found = task if isinstance(task, str) else getattr(task, "id", None) or getattr(task, "task_id", None)
    if not isinstance(found, str):
        raise TypeError(f"{type(task).__name__} is no task: give a body, an id, or what engine.submit returned")
    return found


def _error(text: str | None) -> dict[str, Json] | None:
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])
