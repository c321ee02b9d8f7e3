"""``on_failure: rollback``: a task that ends failed or cancelled leaves the files that it changed as they were.

The task is closed first, in the graph, so that nobody can retry a part of it meanwhile; then its files are put back,
and only after that it is final. Whoever takes it up after a crash in between does the same again, which changes
nothing more. An engine that had a part in a task that another one has ended puts its own part back at its next start.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import structlog

from engine.errors import Category
from engine.model import Finish, Json, Task
from engine.plan import stored
from engine.plan.stored import StoredBody
from engine.states import TaskStatus
from engine.tools.undo import UndoLog, Undone

_log = structlog.get_logger("rollback")

UNWANTED = (TaskStatus.FAILED, TaskStatus.CANCELLED)
"""Ends that leave nothing behind."""
MOST_NAMED = 5
"""Files that are named where they could not be put back."""


def wanted(body: StoredBody, status: TaskStatus) -> bool:
    """Whether a task that ends so is rolled back."""
    return body.on_failure == "rollback" and status in UNWANTED


class Rollback:
    """Puts back what tasks have changed, by the journal of their file tools."""

    def __init__(self, log: UndoLog) -> None:
        self.log = log

    async def undo(self, task_id: str) -> Undone:
        """Puts back what a task has changed; never raises: what is left is told."""
        try:
            undone = await asyncio.to_thread(self.log.roll_back, task_id)
        except OSError as error:
            undone = Undone(failed={str(self.log.folder / task_id): error.strerror or str(error)})
        if undone.failed:
            _log.error("a rollback is not complete", task_id=task_id, failed=undone.failed)
        return undone

    async def catch_up(self, task: Task) -> None:
        """Puts back this engine's part in a task that another engine has ended."""
        if not wanted(stored.decode(task.body), task.status) or self.log.rolled_back(task.id):
            return
        undone = await self.undo(task.id)
        _log.info("rolled back a part of a task that has ended", task_id=task.id, files=len(undone.restored))


def told(end: Finish, undone: Undone) -> Finish:
    """The end of a task with what has become of its files."""
    return msgspec.structs.replace(end, detail=_said(undone), error=_error(end, undone))


def _said(undone: Undone) -> str:
    if undone.failed:
        return f"put back {len(undone.restored)} file(s), and not {_listed(undone)}"
    return f"put back {len(undone.restored)} file(s)" if undone.restored else "no file to put back"


def _error(end: Finish, undone: Undone) -> str | None:
    """The error of the task, which says what was not put back: somebody has to look after it."""
    if not undone.failed:
        return end.error
    said: dict[str, Json] = _read(end.error) or {
        "category": Category.RESOURCE.value,
        "message": "cancelled",
        "suggestion": "",
        "subtasks": [],
        "impact": {},
    }
    hint = f"Mend that, then put back the rest: agent03 undo {end.task_id}."
    return json.dumps(
        said
        | {
            "message": f"{said['message']}; not put back: {_listed(undone)}",
            "suggestion": f"{said['suggestion']} {hint}".strip(),
        }
    )


def _listed(undone: Undone) -> str:
    named = [f"{path} ({why})" for path, why in list(undone.failed.items())[:MOST_NAMED]]
    more = len(undone.failed) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)


def _read(error: str | None) -> dict[str, Any]:
    found = json.loads(error) if error else None
    return found if isinstance(found, dict) else {}
