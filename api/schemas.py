"""What goes over the wire: strict pydantic models, apart from the engine's own values, so that either can change.

They are built by ``api.present`` and documented in ``/openapi.json``. Times are ISO-8601 in UTC with milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.states import SubtaskStatus, TaskStatus

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T10:15:30.123Z"])]
Phase = Literal["planning", "executing", "aggregating"]
Gate = Literal["pausing", "paused", "cancelling", "failing", "expired"]


class Wire(BaseModel):
    """Base of all wire models: frozen, strict, and without fields that are not declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Estimate(Wire):
    """When a task will have ended, in seconds from its start: the median, and an interval that holds it four times of
    five.
    """

    seconds: float
    low: float
    high: float
    work_seconds: float
    """All subtasks one after the other."""
    critical_path_seconds: float
    """The longest path: no number of slots ends it sooner."""
    evidence: dict[str, int]
    """Subtasks by what their estimates rest on: ``subtask`` (the same one in earlier runs), ``kind`` (type, version and
    size), ``type``, ``any``, ``none``.
    """


class WhatIfAnswer(Wire):
    """How a task goes on, in seconds from now, and how it would with the change."""

    now: Estimate
    then: Estimate
    difference: float
    """Seconds; negative when it would end sooner."""


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


class Fault(Wire):
    """What went wrong."""

    category: str | None = Field(examples=["configuration"])
    message: str
    suggestion: str | None
    """What to do about it."""


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


class SubtaskError(Fault):
    """Why a subtask failed or could not start."""

    attempt: int
    """The attempt that failed; 0 when none was made."""


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


class SubtaskResult(Wire):
    """A subtask and what came of it."""

    subtask_id: str
    key: str
    type: str
    status: SubtaskStatus
    output: Any
    """Of one that failed: what it had produced until then, null when that is nothing."""
    error: SubtaskError | None
    """Of its last attempt, also while it waits for the next one."""
    attempts: int
    retry_at: Time | None
    """When its next attempt is due; null unless it waits out a back-off."""
    reason: str | None
    """Why it is where it is, where that needs saying: ``interrupted`` asks whether a repeat does harm."""
    cached: bool
    """Whether the output was reused instead of made."""
    agent_id: str | None
    queued_at: Time | None
    """When it became ready."""
    started_at: Time | None
    completed_at: Time | None
    execution_time: float | None
    """Seconds of its last attempt."""


class AttemptView(Wire):
    """One execution of a subtask."""

    token: int
    """Its fencing token: a result with an older one is refused."""
    outcome: str
    ran_on: str
    started_at: Time
    finished_at: Time
    execution_time: float
    output: Any
    """What it produced, in part when it failed."""
    output_hash: str | None
    """The address of that; ``POST /recall`` takes it as ``result``."""
    error: SubtaskError | None
    retry_at: Time | None
    """When it is repeated; null unless that is still to come."""


class AwaitedView(Wire):
    """A subtask that makes at this moment what another one wants too."""

    task_id: str
    key: str


class SubtaskDetail(Wire):
    """Everything about one subtask."""

    subtask: SubtaskResult
    dependencies: list[str]
    priority: int
    generation: int
    """Longest way from a subtask without dependencies."""
    input: Any
    """As it was sent, with its references."""
    resolved_input: Any
    """With every reference replaced; null until its dependencies are there."""
    attempts: list[AttemptView]
    waiting_for: AwaitedView | None = None
    """While it runs: whose run of the same work it waits for, instead of running itself."""


class TaskDocument(Wire):
    """A task and its first 1,000 subtasks in plan order."""

    task: Task
    subtask_results: list[SubtaskResult]


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


class SubtaskPage(Wire):
    """Subtasks in plan order."""

    subtask_results: list[SubtaskResult]
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
    """Who asked for it and why, where somebody did."""


class EventPage(Wire):
    """Events in order."""

    events: list[EventView]
    next_after: int
    """Send it back as ``after`` to go on from here."""


class GraphNode(Wire):
    """A subtask in its graph."""

    model_config = ConfigDict(extra="allow")

    key: str
    type: str
    status: SubtaskStatus
    generation: int
    critical_path: bool
    seconds: float | None = None
    """What it took, or has been running for."""
    expected: float | None = None
    """What it was expected to take; null when nothing was known."""


class GraphView(Wire):
    """The plan as a graph."""

    nodes: list[GraphNode]
    edges: list[tuple[str, str]]
    """Pairs (dependency, dependant) of keys."""
    critical_path: list[str]
    """The keys on the longest way through the graph, in order: by real durations of what has settled, else expected."""


class GraphGroup(Wire):
    """Subtasks that are drawn as one."""

    key: str
    """The key of a single one; of several what their keys share, with ``#`` for the numbers."""
    type: str
    generation: int
    count: int
    statuses: dict[str, int]
    critical_path: bool
    keys: list[str]
    """Some of them."""


class CollapsedGraphView(Wire):
    """The plan as a graph in which like subtasks are one node."""

    nodes: list[GraphGroup]
    edges: list[tuple[str, str]]
    critical_path: list[str]


class TemplateView(Wire):
    """A plan template of the engine's own folder."""

    name: str
    description: str
    parameters: dict[str, dict[str, Any]]
    """By name: type, whether it is required, default, limits."""
    subtasks: int


class LearnedView(Wire):
    """A plan that has worked before."""

    key: str
    type: str
    text: str
    """The sentence without its literals."""
    source: str
    """Who had planned it."""
    successes: int
    failures: int
    median_seconds: float | None
    created_at: Time
    used_at: Time


class Templates(Wire):
    """What plans can be made of."""

    templates: list[TemplateView]
    learned: list[LearnedView]
    """Newest first, at most 1,000."""


class PlanPreview(Wire):
    """What a plan would become; nothing is stored."""

    subtasks_count: int
    edges_count: int
    width: int
    """Subtasks in the largest generation: how many could run at once."""
    generations: list[list[str]]
    """Keys by longest way from a subtask without dependencies."""
    critical_path: list[str]
    planned: PlannedView | None
    """How the plan came about; null for one that was sent as it is."""
    plan: dict[str, Any] | None
    """The plan that would be stored, as it could be sent; null for one that was sent, or above 1,000 subtasks."""
    estimate: Estimate | None = None
    """Null while nothing is known of what its subtasks take."""


class Health(Wire):
    """How the engine is, for people."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"]
    graph: dict[str, Any]
    redis: dict[str, Any]
    engine: dict[str, Any]


class Alive(Wire):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Wire):
    """The engine takes work."""

    status: Literal["ready"] = "ready"


class Welcome(Wire):
    """Where to go from here."""

    name: str
    version: str
    openapi: str = "/openapi.json"
    tasks: str = "/tasks"
    health: str = "/health"
    metrics: str = "/metrics"


class ProblemError(Wire):
    """One fault: ``pointer`` into the body (RFC 6901), or the name of a ``parameter``."""

    pointer: str | None = Field(None, examples=["/plan/subtasks/3/priority"])
    parameter: str | None = Field(None, examples=["limit"])
    detail: str


class Problem(Wire):
    """An error as Problem Details (RFC 9457)."""

    type: str = Field(examples=["urn:agent03:problem:invalid-input"])
    """Stable; branch on this."""
    title: str
    status: int
    detail: str
    """What to do about it."""
    instance: str
    """The request's id, as the log names it."""
    errors: list[ProblemError] = Field(default_factory=list)
    state: str | None = None
    """Of a conflict with the state machine: where the task or subtask stands."""
    legal_moves: list[str] = Field(default_factory=list)
    """What may be asked of it instead."""


class CacheStats(Wire):
    """How the reuse of outputs does in this engine."""

    hits: int
    misses: int
    hit_rate: float
    """0 to 1; 0 before the first look-up."""
    saved_seconds: float
    """What making the outputs had taken that were used again."""
    saved_cost: float
    """The same in US dollars, where a model was asked."""
    errors: int
    """Entries that could not be read, and what Redis refused or did not answer."""
    entries: int
    """In Redis, or in the table in its place; 0 while it is not available."""
    bytes: int
    available: bool


class Invalidated(Wire):
    """What was forgotten."""

    removed: int


class KeptView(Wire):
    """An output that is kept to be used again."""

    key: str
    task_id: str | None
    subtask_id: str | None
    """Who made it; null where a program has put it there."""
    version: str
    bytes: int
    created_at: Time
    expires_at: Time


class CacheExplanation(Wire):
    """What the cache has for a subtask."""

    verdict: Literal["hit", "miss", "not cacheable"]
    says: str
    """The same in words."""
    key: str | None
    nearest: KeptView | None
    """The entry that is there, or the one that differs least."""
    differs: list[str]
    """In which parts of what makes the key: version, environment NAME, input /PATH."""
