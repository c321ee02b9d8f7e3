"""What can happen to a task, as names for those who are told: "task.completed", "subtask.failed".

A name follows from an event alone: a noun, and the past tense of what happened. States are words of their own, because
"ready" and "processing" name where something stands, not what happened to it. A subtask that waits for a person is an
approval that is requested: that is what whoever is to decide listens for.
"""

from __future__ import annotations

from engine.model import Event
from engine.states import FINAL, SubtaskStatus, TaskStatus

ALL = "*"
"""Stands for every name."""

_SUBTASK = {
    SubtaskStatus.PENDING: "unblocked",
    SubtaskStatus.READY: "queued",
    SubtaskStatus.PROCESSING: "started",
    SubtaskStatus.RETRYING: "postponed",
}
_TASK = {"created": "created", "pause": "paused", "resume": "resumed", "late": "delayed", "report": "reported"}

_OF_SUBTASKS = {status.value: f"subtask.{_SUBTASK.get(status, status.value)}" for status in SubtaskStatus} | {
    SubtaskStatus.AWAITING_APPROVAL.value: "approval.requested"
}
FINAL_NAMES = tuple(f"task.{status.value}" for status in TaskStatus if status in FINAL)
"""What is told of a task unless a callback says otherwise."""
NAMES = (*(f"task.{name}" for name in _TASK.values()), *FINAL_NAMES, *_OF_SUBTASKS.values())
"""Every name there is."""
_FINAL = frozenset(status.value for status in FINAL)


def name_of(event: Event) -> str:
    """What an event is called."""
    if event.key:
        return _OF_SUBTASKS[event.status]
    return f"task.{_TASK.get(event.event, event.status)}"


def is_last(event: Event) -> bool:
    """Whether it is the end of its task, after which no event comes."""
    return not event.key and event.status in _FINAL
