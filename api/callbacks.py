"""How events and tasks look in what callbacks are told: as the API shows them, but for the text of a task.

What shows them is loaded when the first one is told: an engine without callbacks need not have it.
"""

from __future__ import annotations

from engine.model import Event, Json, Task


class ShownInCallbacks:
    """What is told; an ``engine.webhooks.envelope.Shown``."""

    def event(self, event: Event) -> dict[str, Json]:
        """An event as in ``GET /tasks/{id}/events``."""
        from api import present

        return present.event_view(event).model_dump(mode="json", by_alias=True)

    def task(self, task: Task) -> dict[str, Json]:
        """A task as in ``GET /tasks``, without its description."""
        from api import present

        return present.task_summary(task).model_dump(mode="json", by_alias=True, exclude={"description"})
