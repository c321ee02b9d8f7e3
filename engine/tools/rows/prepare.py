"""``prepare``: data in good order for the steps that follow."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows.content import content
from engine.tools.rows.parameters import Checked
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage
from engine.tools.rows.steps import as_rows, checked
from engine.tools.rows.workshop import Desk


class PrepareInput(SourceInput, Checked):
    """What to prepare."""


class Prepare(Stage[PrepareInput]):
    """Reads rows and leaves out faulty ones; its output is ``{"data", "rows", "columns"}``. Any other value is only
    read: ``{"data"}``.
    """

    name = "prepare"
    model = PrepareInput

    async def perform(self, value: PrepareInput, context: RunContext) -> Json:  # noqa: ARG002
        """Prepares in a thread."""
        return await self.workshop.work([value.origin], lambda desk: _prepared(desk, value))


def _prepared(desk: Desk, value: PrepareInput) -> Json:
    if value.row_schema is None and not holds_rows(desk, value):
        return {"data": content(desk, value)[0]}
    table, _ = checked(desk, value.origin, value.row_schema, value.on_fault, infer=True)
    return as_rows(table) | {"columns": {name: table.kind(name) for name in table.columns}}


def holds_rows(desk: Desk, value: SourceInput) -> bool:
    """Whether a source is a table, and not a text or one value."""
    if desk.format(value.origin) not in ("json", "yaml", "toml", "text"):
        return True
    found = desk.value(value.origin)[0]
    return isinstance(found, list) and all(isinstance(row, dict) for row in found)
