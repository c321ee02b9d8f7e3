"""What the streams say beside the events themselves."""

from __future__ import annotations

from api.schemas.base import Wire
from api.schemas.tasks import Phase, Progress
from engine.states import TaskStatus


class LiveProgress(Progress):
    """How far a task is, as of now."""

    status: TaskStatus
    phase: Phase | None
    counts: dict[str, int]
    """Subtasks by status; a status without any is left out."""


class Snapshot(Wire):
    """Instead of events that a viewer is too far behind to be sent: load the task again, then go on after ``seq``."""

    seq: int
    status: TaskStatus
    counts: dict[str, int]


class End(Wire):
    """The task is final and this was its last event: do not connect again."""

    seq: int
    status: TaskStatus
