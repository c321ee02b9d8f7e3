"""How a task and its end are put in words, alike for a task that ran here and for one on a server.

Apart from ``api.cli.run``, which loads the whole engine: a command that only asks a server answers at once.
"""

from __future__ import annotations

import msgspec

from api import schemas
from engine.model import Json
from engine.states import SubtaskStatus, TaskStatus


def outcome(task: schemas.Task, bad: list[schemas.SubtaskResult]) -> str:
    """The result; of a task without success, what went wrong."""
    if task.status is not TaskStatus.COMPLETED:
        return failures(task, bad)
    return task.result if isinstance(task.result, str) else pretty(task.result)


def failures(task: schemas.Task, bad: list[schemas.SubtaskResult]) -> str:
    """What went wrong and what to do: a line or two for each subtask that failed."""
    lines = [task.error.message] if task.error else [f"the task was {task.status}"]
    for subtask in bad:
        if subtask.error:
            lines.append(f"{subtask.key}: {subtask.error.category}: {subtask.error.message}")
            lines += [f"  {subtask.error.suggestion}"] if subtask.error.suggestion else []
    left_out = task.subtasks.get(SubtaskStatus.FAILED, 0) - len(bad)
    return "\n".join([*lines, *([f"and {left_out} more failed"] if bad and left_out > 0 else [])])


def pretty(value: Json) -> str:
    """JSON for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def closing_line(task: schemas.Task) -> str:
    """One line: the task, how it ended, and its counts."""
    counts = ", ".join(f"{count} {status}" for status, count in sorted(task.subtasks.items()))
    return f"task {task.id} {task.status}: {counts}"


def forecast_line(progress: schemas.Progress) -> str:
    """When a task will have ended, and how sure that is; empty where nothing is known of it."""
    if progress.eta is None:
        return ""
    late = "; later than foretold when it came in" if progress.late else ""
    return f"ends about {progress.eta} (four times of five from {progress.eta_low} to {progress.eta_high}){late}"
