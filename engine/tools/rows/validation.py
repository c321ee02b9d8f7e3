"""``validation``: rows or text against a schema, the inferred one where none is given."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.base import InputFault
from engine.tools.rows.faults import wrong
from engine.tools.rows.parameters import Checked
from engine.tools.rows.source import Format, SourceInput
from engine.tools.rows.splitting import parts_of
from engine.tools.rows.stage import Stage
from engine.tools.rows.steps import as_rows, checked
from engine.tools.rows.text_checks import TextChecks, check_text
from engine.tools.rows.workshop import Desk


class ValidationInput(SourceInput, Checked):
    """What to validate, and how."""

    output: Literal["data", "parts", "report"] = "data"
    """data: the good rows; parts: SOURCEs of parts of the file, for processing; report: neither."""
    partition_rows: int = Field(default=100_000, ge=1)
    """Rows of one part."""
    min_length: int | None = Field(default=None, ge=0)
    """Text: fewest characters."""
    max_length: int | None = Field(default=None, ge=0)
    """Text: most characters."""
    contains: list[str] | None = None
    """Text: what must be in it."""
    parses_as: Format | None = None
    """Text: the format that it must be readable as."""

    @property
    def text_checks(self) -> TextChecks:
        """The checks of a text."""
        return TextChecks(self.min_length, self.max_length, self.contains or [], self.parses_as)


class Validation(Stage[ValidationInput]):
    """Finds faults of rows with their place, and leaves such rows out or fails.

    Its output is ``{"rows", "dropped", "faults", "fault_count", "columns"}`` with ``data`` or ``parts``; of a text
    ``{"data", "valid", "faults"}``.
    """

    name = "validation"
    model = ValidationInput

    def examine(self, value: ValidationInput) -> None:
        """Only a file has parts that can be read where they lie."""
        super().examine(value)
        if value.output == "parts" and value.origin.path is None:
            raise InputFault('parts are made of files; use "output": "data", or name a path', "output")

    async def perform(self, value: ValidationInput, context: RunContext) -> Json:  # noqa: ARG002
        """Validates in a thread."""
        return await self.workshop.work([value.origin], lambda desk: _validated(desk, value))


def _validated(desk: Desk, value: ValidationInput) -> Json:
    if desk.format(value.origin) == "text" or value.text_checks.asked:
        if value.row_schema is not None:
            raise wrong("schema: it is for rows, and this is text", "Leave out schema, or give rows.")
        return check_text(desk.text(value.origin), value.text_checks, value.on_fault)
    table, findings = checked(desk, value.origin, value.row_schema, value.on_fault, infer=True)
    rows = table.count()
    report: dict[str, Json] = {
        "rows": rows,
        "dropped": len(findings.rows),
        "faults": findings.listed(),
        "fault_count": findings.count,
        "columns": {name: table.kind(name) for name in table.columns},
    }
    if value.output == "parts":
        total = rows + len(findings.rows)
        return report | {"parts": parts_of(desk, value, total, report["columns"])}
    return report | (as_rows(table) if value.output == "data" else {})
