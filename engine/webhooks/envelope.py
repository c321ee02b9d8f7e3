"""What is sent: one event as a CloudEvent 1.0 in structured JSON. It holds neither inputs nor outputs."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.model import Event, Json, Task
from engine.plan.happenings import name_of
from engine.times import iso

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class Shown(Protocol):
    """How events and tasks look to whoever asks for them."""

    def event(self, event: Event) -> dict[str, Json]:
        """One event."""

    def task(self, task: Task) -> dict[str, Json]:
        """A task in short."""


def id_of(event: Event) -> str:
    """The same for every repeat, by which a receiver knows what it has already."""
    return f"{event.task_id}:{event.seq}"


def envelope(event: Event, namespace: str, shown: Shown, ended: Task | None) -> str:
    """The body; ``ended`` is the task after its last event."""
    task = {} if ended is None else {"task": shown.task(ended)}
    found: dict[str, Json] = {
        "specversion": "1.0",
        "id": id_of(event),
        "source": f"/namespaces/{namespace}",
        "type": f"agent03.{name_of(event)}.v1",
        "subject": f"{event.task_id}/{event.key}" if event.key else event.task_id,
        "time": iso(event.at),
        "datacontenttype": "application/json",
        "data": {"event": shown.event(event), **task},
    }
    return msgspec.json.encode(found).decode()
