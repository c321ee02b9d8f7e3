"""Events to rows and back: the only place in Python that spells how a change is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model import Event, NewSubtask, NewTask, Pause
from engine.states import SubtaskStatus, TaskStatus
from engine.times import iso
from engine.turn import NOTHING, Change, TaskChanges, event_of

EVENT_CHANGES = 1_000
"""Changes that one event node holds when a rerun is stored."""


def event_key(task_id: str, number: int) -> str:
    """The text that sorts the events of all tasks: by task, then by number."""
    return f"{task_id}:{number:010d}"


def created_event(task: NewTask, namespace: str) -> dict[str, Any]:
    """The first event of a task; its detail says who sent it."""
    return task_event(task.id, 1, "created", TaskStatus.PENDING.value, task.created_at, namespace, task.by)


def reuse_events(task: NewTask, namespace: str) -> list[dict[str, Any]]:
    """The events after the first one: what a rerun took over, and from where."""
    settled = task.settled
    return [
        {
            "key": event_key(task.id, start + 2),
            "namespace": namespace,
            "task_id": task.id,
            "turn": "",
            "first": start + 2,
            "last": start + 1 + len(settled[start : start + EVENT_CHANGES]),
            "at": task.created_at,
            "changes": [_reuse(subtask, task) for subtask in settled[start : start + EVENT_CHANGES]],
        }
        for start in range(0, len(settled), EVENT_CHANGES)
    ]


def _reuse(subtask: NewSubtask, task: NewTask) -> str:
    token = int(subtask.reused is not None)
    source, status = SubtaskStatus.PENDING.value, subtask.status.value
    return change_text(Change(subtask.id, subtask.key, "reuse", source, status, token, f"from {task.rerun_of}"))


def task_event(
    task_id: str, number: int, event: str, status: str, at: int, namespace: str, detail: str = ""
) -> dict[str, Any]:
    """An event of the task itself."""
    return {
        "key": event_key(task_id, number),
        "namespace": namespace,
        "task_id": task_id,
        "turn": "",
        "first": number,
        "last": number,
        "at": at,
        "changes": [change_text(Change(task_id, "", event, NOTHING, status, 0, detail))],
    }


def paused_event(task_id: str, pause: Pause, at: int, number: int, namespace: str) -> dict[str, Any]:
    """The event of a pause; its detail says until when, and what follows."""
    ends = f"until {iso(pause.until)}, then {pause.then}" if pause.until is not None else ""
    detail = "; ".join(part for part in (pause.by, ends) if part)
    return task_event(task_id, number, "pause", TaskStatus.PAUSED.value, at, namespace, detail)


def change_text(change: Change) -> str:
    """One change as an Event keeps it: "event from to token id key", and the detail where there is one.

    A key holds no blank, and the key of a task's own event is empty.
    """
    text = f"{change.event} {change.source} {change.status} {change.token} {change.id} {change.key}"
    return f"{text} {change.detail}" if change.detail else text


def change(text: str) -> Change:
    """Parses what ``change_text`` has written."""
    event, source, status, token, id_, key, *detail = text.split(" ", 6)
    return Change(id_, key, event, source, status, int(token), detail[0] if detail else "")


def task_changes(task_id: str, first: int, texts: list[str]) -> TaskChanges:
    """The changes of one task in one turn."""
    return TaskChanges(task_id, first, [change(text) for text in texts])


def events(task_id: str, row: Mapping[str, Any], after: int) -> list[Event]:
    """The single events of one Event node, those numbered above ``after``."""
    first = row["first"]
    found = []
    for number, text in enumerate(row["changes"], first):
        if number > after:
            parsed = change(text)
            found.append(event_of(task_id, number, row["at"], parsed))
    return found
