"""What the streams say beside the events themselves."""

from __future__ import annotations

from api.schemas.base import Time, Wire
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


class TaskNews(Progress):
    """How a task stands, for those who watch all of them: each message is the whole of it, the latest one counts."""

    task_id: str
    seq: int
    """Number of its last event."""
    name: str
    type: str
    user_id: str
    status: TaskStatus
    phase: Phase | None
    gate: str | None
    counts: dict[str, int]
    created_at: Time
    updated_at: Time
    started_at: Time | None
    completed_at: Time | None
