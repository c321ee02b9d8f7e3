"""Subtasks and their attempts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.schemas.base import Fault, Time, Wire
from api.schemas.logs import LogView
from engine.estimates.estimate import Basis
from engine.states import SubtaskStatus


class SubtaskError(Fault):
    """Why a subtask failed or could not start."""

    attempt: int
    """The attempt that failed; 0 when none was made."""


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
    """The agent in another process at which it runs, or ran last; null where the engine ran it."""
    queued_at: Time | None
    """When it became ready."""
    started_at: Time | None
    completed_at: Time | None
    execution_time: float | None
    """Seconds of its last attempt."""


class OptionView(Wire):
    """A tool that may run a subtask."""

    tool: str
    parameters: dict[str, Any]
    """Fields that go over the subtask's input."""
    requires: list[str]
    """An agent that has all of these runs it; ``agent:ID`` is what only that one has."""


class RequestView(Wire):
    """What an attempt was asked to do, where a rule of ROUTER_CONFIG has chosen its tool."""

    tool: str
    version: str
    type: str
    """The subtask's own, or that of its fallback."""
    token: int
    """The attempt's; 0 in a preview."""
    rule: str
    strategy: str
    reason: str
    """Why this tool, in words."""
    parameters: dict[str, Any]
    """Fields that went over the subtask's input."""
    environment: dict[str, str]
    """What else the output depends on: versions, files."""
    requires: list[str]
    """An agent that has all of these ran it, beside what the subtask itself requires."""
    limits: dict[str, float]
    """Of the attempt, in seconds."""
    fallback: list[OptionView]
    """What takes over when its attempts are used up, in this order."""


class AttemptView(Wire):
    """One execution of a subtask."""

    token: int
    """Its fencing token: a result with an older one is refused."""
    outcome: str
    ran_on: str
    agent_id: str | None
    """The agent in another process that it ran at."""
    started_at: Time
    finished_at: Time
    execution_time: float
    output: Any
    """What it produced, in part when it failed."""
    output_hash: str | None
    """The address of that; ``POST /recall`` takes it as ``result``."""
    error: SubtaskError | None
    request: RequestView | None
    """What it was asked to do, and why its tool; null where the subtask's type ran it."""
    retry_at: Time | None
    """When it is repeated; null unless that is still to come."""
    memory_bytes: int | None
    """The most that any one of its processes held; null unless it had processes of its own (``shell``, ``python``)."""
    cpu_seconds: float | None
    """Processor time of all its processes."""
    saved_seconds: float | None
    """What making its output took, where the cache had it."""
    tainted: bool = False
    """What came of it holds something from outside that no person has looked at."""


class AwaitedView(Wire):
    """A subtask that makes at this moment what another one wants too."""

    task_id: str
    key: str


class Expected(Wire):
    """How long an attempt is expected to take, in seconds: the median, and an interval that holds it four times of
    five.
    """

    seconds: float
    low: float
    high: float
    count: int
    """Attempts that it rests on."""
    basis: Basis
    """What these were: ``subtask`` (the same one in earlier runs), ``kind`` (type, version and size), ``type``,
    ``any``.
    """


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
    expected_seconds: float | None = None
    """What it was expected to take when it was put in order; null when nothing was known."""
    estimate: Expected | None = None
    """What it is expected to take by what is known now; null when nothing is, and once it is settled."""
    logs: list[LogView] = Field(default_factory=list)
    """The latest 100 lines that it has logged, in the order of time; the others through ``/logs``."""


class SubtaskPage(Wire):
    """Subtasks in plan order."""

    subtask_results: list[SubtaskResult]
    next_cursor: str | None
    """Send it back as ``cursor`` for the next page; null on the last one."""
