"""The states of subtasks and tasks, and every legal move between them, as data.

This table is the one truth about moves. ``docs/states.md`` and the ``from -> to`` headers of the Cypher files are
checked against it by tests. A move that the engine does not offer yet is listed all the same: the graph may hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubtaskStatus(StrEnum):
    """Where a subtask stands. Everything from ``COMPLETED`` on is settled."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    RETRYING = "retrying"
    AWAITING_APPROVAL = "awaiting_approval"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"


class TaskStatus(StrEnum):
    """Where a task stands. ``COMPLETED``, ``FAILED`` and ``CANCELLED`` are final: nothing in it moves any more."""

    PENDING = "pending"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


SYNONYMS = {
    "waiting": "pending",
    "queued": "ready",
    "scheduled": "ready",
    "running": "processing",
    "in_progress": "processing",
    "started": "processing",
    "succeeded": "completed",
    "success": "completed",
    "done": "completed",
    "finished": "completed",
    "error": "failed",
    "errored": "failed",
    "failure": "failed",
    "canceled": "cancelled",
    "aborted": "cancelled",
    "suspended": "paused",
}
"""What callers of other systems call our states. Accepted in filters; what we answer is one vocabulary."""

TASK_VERBS = frozenset({"pause", "resume", "cancel"})
SUBTASK_VERBS = frozenset({"approve", "reject", "retry", "skip"})
"""The events that a person causes; all others are the engine's."""

SETTLED = frozenset(
    {
        SubtaskStatus.COMPLETED,
        SubtaskStatus.FAILED,
        SubtaskStatus.SKIPPED,
        SubtaskStatus.BLOCKED,
        SubtaskStatus.CANCELLED,
        SubtaskStatus.QUARANTINED,
    }
)
UNSUCCESSFUL = frozenset({SubtaskStatus.FAILED, SubtaskStatus.BLOCKED, SubtaskStatus.QUARANTINED})
"""How a subtask ends whose work was wanted and not done: where it is critical, its task fails."""
FINAL = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move: what causes it, from where to where, and what must hold."""

    event: str
    source: str
    target: str
    guard: str


def _moves(event: str, sources: str, targets: str, guard: str) -> list[Move]:
    return [Move(event, source, target, guard) for source in sources.split() for target in targets.split()]


SUBTASK_MOVES: tuple[Move, ...] = tuple(
    _moves("dependencies_settled", "pending", "ready", "unmet = 0 and run_if holds")
    + _moves("dependencies_settled", "pending", "skipped", "unmet = 0 and run_if does not hold")
    + _moves("dependencies_settled", "pending", "blocked", "unmet = 0 and a needed dependency did not succeed")
    + _moves("dependencies_settled", "pending", "failed", "unmet = 0 and its run_if cannot be evaluated")
    + _moves("claim", "ready", "processing", "a slot is free and the task is open")
    + _moves("approval_needed", "processing", "awaiting_approval", "a person has to decide: a rule, or an interruption")
    + _moves("approve", "awaiting_approval", "ready", "by who may decide, in time")
    + _moves("reject", "awaiting_approval", "failed", "by who may decide, or expired")
    + _moves("succeed", "processing", "completed", "the attempt's token is current")
    + _moves("reuse", "pending ready", "completed", "the task it reruns holds the result")
    + _moves("reuse", "pending", "skipped", "the task it reruns had skipped it, and nothing asks for it again")
    + _moves("fail", "processing", "failed", "the token is current and no attempt is left")
    + _moves("retry_later", "processing", "retrying", "the token is current and an attempt is left")
    + _moves("fall_back", "processing", "ready", "no attempt is left or a breaker is open, and a fallback takes over")
    + _moves("postpone", "processing", "retrying", "a limit is reached or a breaker is open; spends no attempt")
    + _moves("backoff_over", "retrying", "ready", "the waiting time has passed")
    + _moves("requeue", "processing", "ready", "interrupted or paused; spends no attempt")
    + _moves("time_out", "pending ready retrying awaiting_approval", "failed", "a limit in time has passed")
    + _moves("quarantine", "processing", "quarantined", "it keeps failing in a way that endangers others")
    + _moves("cancel", "pending ready processing retrying awaiting_approval", "cancelled", "the task is being closed")
    + _moves("skip", "pending ready retrying awaiting_approval", "skipped", "a person abandons it")
    + _moves("skip", "failed blocked quarantined", "skipped", "the task is open; a person abandons it")
    + _moves("retry", "retrying", "ready", "a person asks not to wait")
    + _moves("retry", "failed quarantined", "ready", "the task is open; a person asks")
    + _moves("unblock", "blocked skipped", "pending", "an ancestor was retried while the task is open")
)

TASK_MOVES: tuple[Move, ...] = tuple(
    _moves("start", "pending", "processing", "its first subtask is claimed")
    + _moves("pause", "pending processing", "paused", "a person asks")
    + _moves("resume", "paused", "pending processing", "a person asks, or the pause ends so")
    + _moves("finish", "pending processing paused", "completed", "all settled and no critical one without success")
    + _moves("finish", "pending processing paused", "failed", "a critical one without success, or past its deadline")
    + _moves("cancel", "pending processing paused", "cancelled", "a person asks")
)


def legal_targets(status: SubtaskStatus) -> list[SubtaskStatus]:
    """Every state that a subtask can move to from ``status``, in the order of the table, without repeats."""
    return list(dict.fromkeys(SubtaskStatus(move.target) for move in SUBTASK_MOVES if move.source == status))


def legal_events(status: SubtaskStatus) -> list[str]:
    """Every event that a subtask in ``status`` accepts, in the order of the table, without repeats."""
    return list(dict.fromkeys(move.event for move in SUBTASK_MOVES if move.source == status))


def legal_task_events(status: TaskStatus) -> list[str]:
    """Every event that a task in ``status`` accepts, in the order of the table, without repeats."""
    return list(dict.fromkeys(move.event for move in TASK_MOVES if move.source == status))


def subtask_verbs(status: SubtaskStatus) -> list[str]:
    """What a person may do to a subtask in ``status``."""
    return [event for event in legal_events(status) if event in SUBTASK_VERBS]


def task_verbs(status: TaskStatus) -> list[str]:
    """What a person may do to a task in ``status``. What is done to a final one leaves its state as it is."""
    if status in FINAL:
        return ["rerun", "delete"]
    return [event for event in legal_task_events(status) if event in TASK_VERBS]
