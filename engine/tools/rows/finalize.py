"""``finalize``: puts together what the steps of a task gave."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.base import InputFault
from engine.tools.rows.content import SourceOrParts, content, counted, one_place
from engine.tools.rows.output import Target, delivered, encoded
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.workshop import Workshop
from engine.tools.write_file import WriteFile


class FinalizeInput(SourceOrParts):
    """What to put together, and in which format."""

    to: Target = "json"
    """csv, json, ndjson, yaml, toml, xml, markdown, html or parquet; where it is given, the text is given too."""
    to_path: str | None = None
    """A file below FILE_ROOTS to put it in."""


class Finalize(Stage[FinalizeInput]):
    """Its output is ``{"data", "rows"}``, and with ``to`` or ``to_path`` also what formatting gives."""

    name = "finalize"
    risk: Risk = "write"
    model = FinalizeInput

    def __init__(self, workshop: Workshop, writer: WriteFile) -> None:
        super().__init__(workshop)
        self._writer = writer

    def examine(self, value: FinalizeInput) -> None:
        """A source or parts, and a path that may be written."""
        if value.parts is None:
            super().examine(value)
        one_place(value)
        if value.to_path is not None and (fault := self.workshop.roots.fault(value.to_path)):
            raise InputFault(fault, "to_path")

    def risk_of(self, value: Json) -> Risk:
        """It writes only where it is given a path."""
        return "write" if isinstance(value, dict) and value.get("to_path") is not None else "read"

    async def perform(self, value: FinalizeInput, context: RunContext) -> Json:
        """Puts it together in a thread."""
        found = await self.workshop.work(origins(value), lambda desk: content(desk, value)[0])
        output = counted(found)
        if not {"to", "to_path"} & value.model_fields_set:
            return output
        data = await self.workshop.work([], lambda desk: encoded(desk, found, value.to))
        return output | await delivered(data, value.to, value.to_path, self._writer, context)
