"""Tasks, what became of them, and their events."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.schemas.base import Fault, Time, Wire
from api.schemas.forecasts import Estimate
from api.schemas.reports import ReportedView
from api.schemas.subtasks import SubtaskResult
from engine.states import SubtaskStatus, TaskStatus

Phase = Literal["planning", "executing", "aggregating"]

Gate = Literal["pausing", "paused", "cancelling", "failing", "expired"]


class Created(Wire):
    """The answer to a submitted task."""

    task_id: str = Field(examples=["01KAJ7M2Q8Z5T3V9W4X6Y7B8C9"])
    status: Literal["created"] = "created"
    subtasks_count: int
    """Subtasks stored; those of a ``map`` come on top when its list is known."""
    initial_subtasks_queued: int
    """Subtasks that could start at once."""
    estimate: Estimate | None = None
    """Null while nothing is known of what its subtasks take."""
    needs_approval: list[str] = Field(default_factory=list)
    """Subtasks that will wait for a person, as far as the plan shows it: it says so, or what comes from outside reaches
    a tool that refuses it. The first 100; empty where the answer is repeated.
    """


class Trouble(Wire):
    """A subtask without success."""

    key: str
    status: SubtaskStatus


class PauseView(Wire):
    """A pause."""

    by: str
    until: Time | None
    """When it ends by itself; null waits for somebody to resume."""
    on_timeout: str
    """What happens then: ``resume`` or ``cancel``."""


class TaskError(Fault):
    """Why a task has not completed."""

    subtasks: list[Trouble]
    """The first subtasks without success, critical ones first."""


class Progress(Wire):
    """How far a task is."""

    percent: float = Field(ge=0, le=100)
    """Share of its subtasks that are settled, whichever way."""
    completed: int
    """Subtasks that succeeded."""
    total: int
    eta: Time | None = None
    """When it will have ended; null where nothing is known, in lists, and of a task that does not go on."""
    eta_low: Time | None = None
    """Four times of five it ends between this and ``eta_high``."""
    eta_high: Time | None = None
    late: bool = False
    """It takes longer than was foretold when it came in."""


class PlannedView(Wire):
    """How a task's plan came about."""

    by: Literal["strategy", "rules", "template", "learned", "model", "none"]
    """``model`` plans while the task runs; ``none``: nobody could, and its one subtask says what is missing."""
    name: str | None
    """Which strategy, rule or template."""
    level: str | None
    """How complex the task is: simple, moderate, complex, very_complex."""
    reasons: list[str]
    """What gave the level, and the shape of the plan."""


class TaskSummary(Wire):
    """A task in a list."""

    id: str
    user_id: str
    name: str
    type: str
    description: str
    tags: list[str]
    priority: int
    status: TaskStatus
    created_at: Time
    updated_at: Time
    started_at: Time | None
    completed_at: Time | None
    deadline_at: Time | None
    subtasks: dict[str, int]
    """Subtasks by status; a status without any is left out. ``quarantined`` and ``awaiting_approval`` ones keep the
    task open until somebody decides.
    """
    gate: Gate | None
    """Why nothing of it starts: ``pausing`` while something still runs, then ``paused``; ``cancelling``, ``failing``
    (fast) and ``expired`` (deadline) until it is final.
    """
    gate_detail: str | None
    """Who or what closed it."""
    pause: PauseView | None
    progress: Progress
    error: TaskError | None
    warnings: list[Trouble]
    """The first subtasks without success in a task that completed all the same."""
    note: str | None
    """What is said of a task that completed and is not wholly as it was asked for."""
    impact: dict[str, int]
    """What was not done because something failed: subtasks by status ``blocked``, ``skipped``, ``cancelled``."""
    failure_policy: str
    planned: PlannedView | None
    """Null for a plan that was sent as it is."""
    rerun_of: str | None


class Task(TaskSummary):
    """A task."""

    phase: Phase | None
    """``planning`` before its first subtask starts, ``aggregating`` when only its last is left, null once final."""
    current: list[str]
    """Keys of subtasks that run now, the first 100."""
    result: Any
    """Outputs of the subtasks on which nothing depends; null while there are none."""
    browser_url: str | None = None
    """Where Neo4j Browser opens with the graph of the task; null without NEO4J_BROWSER_URL or Neo4j."""


class CallbackView(Wire):
    """Who is told what happens to a task, and how far that is."""

    url: str
    """The values of its query are masked: they may be secrets."""
    events: list[str]
    delivered: int
    """Number of the last event that the receiver has; 0 while it has none."""
    failing_since: Time | None
    """When the first attempt failed of those that it does not answer now."""
    error: str | None
    """Why the last attempt failed, or why nothing more is told."""
    given_up: bool
    """Nothing more is told: it failed for a day, or answered 410."""


class TaskDocument(Wire):
    """A task and its first 1,000 subtasks in plan order."""

    task: Task
    callbacks: list[CallbackView]
    """In the order in which they were sent."""
    subtask_results: list[SubtaskResult]
    seq: int
    """Number of the last event that is in here for certain: whoever streams the events after it misses nothing."""


class TaskAnswer(Wire):
    """The task as it is after a verb."""

    task: Task
    detail: str | None = None
    """Of a 202: what is accepted and not yet applied; null when it has been done."""


class TaskPage(Wire):
    """Tasks, newest first."""

    tasks: list[TaskSummary]
    next_cursor: str | None
    """Send it back as ``cursor`` for the next page; null on the last one."""


class EventView(Wire):
    """One recorded transition. ``seq`` counts from 1 without gaps inside its task."""

    model_config = ConfigDict(populate_by_name=True)

    seq: int
    at: Time
    key: str | None
    """The subtask; null for the task itself."""
    event: str
    """What happened, as the table of legal moves calls it; of a task also ``created``."""
    from_: str | None = Field(alias="from")
    """The state before; null for a task's own events."""
    to: str
    """The state after."""
    status: str
    """The same."""
    token: int | None
    """The attempt's fencing token where there is one."""
    detail: str | None
    """Who asked for it and why, where somebody did; of a report what it says."""
    report: ReportedView | None = Field(None, exclude_if=lambda value: value is None)
    """Of the event ``report``: how the task stood."""


class EventPage(Wire):
    """Events in order."""

    events: list[EventView]
    next_after: int
    """Send it back as ``after`` to go on from here."""
