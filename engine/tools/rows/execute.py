"""``execute``: the middle of a task of several steps, which is processing; data that is no table passes through."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows.content import content
from engine.tools.rows.parameters import applied
from engine.tools.rows.prepare import holds_rows
from engine.tools.rows.processing import Processing, ProcessingInput, processed
from engine.tools.rows.stage import origins
from engine.tools.rows.workshop import Desk


class Execute(Processing):
    """Takes and gives what processing does."""

    name = "execute"

    async def perform(self, value: ProcessingInput, context: RunContext) -> Json:  # noqa: ARG002
        """Processes in a thread."""
        return await self.workshop.work(origins(value), lambda desk: _executed(desk, value))


def _executed(desk: Desk, value: ProcessingInput) -> Json:
    if not applied(value) and not value.partial and value.row_schema is None and not holds_rows(desk, value):
        return {"data": content(desk, value)[0], "applied": []}
    return processed(desk, value)
