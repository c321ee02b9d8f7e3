"""``formatting``: rows as text or as a file."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.base import InputFault
from engine.tools.rows.content import SourceOrParts, content, one_place
from engine.tools.rows.output import Target, delivered, encoded
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.workshop import Workshop
from engine.tools.write_file import WriteFile


class FormattingInput(SourceOrParts):
    """What to write, and how."""

    to: Target
    """csv, json, ndjson, yaml, toml, xml, markdown, html or parquet."""
    to_path: str | None = None
    """A file below FILE_ROOTS to put it in; without it the text is given."""


class Formatting(Stage[FormattingInput]):
    """Its output is ``{"text", "format", "bytes"}``; with ``to_path`` the path instead of the text, and for parquet
    ``base64``.
    """

    name = "formatting"
    risk: Risk = "write"
    model = FormattingInput

    def __init__(self, workshop: Workshop, writer: WriteFile) -> None:
        super().__init__(workshop)
        self._writer = writer

    def examine(self, value: FormattingInput) -> None:
        """A source or parts, and a path that may be written."""
        if value.parts is None:
            super().examine(value)
        one_place(value)
        if value.to_path is not None and (fault := self.workshop.roots.fault(value.to_path)):
            raise InputFault(fault, "to_path")

    def risk_of(self, value: Json) -> Risk:
        """It writes only where it is given a path."""
        return "write" if isinstance(value, dict) and value.get("to_path") is not None else "read"

    async def perform(self, value: FormattingInput, context: RunContext) -> Json:
        """Formats in a thread, then writes the file."""
        data = await self.workshop.work(origins(value), lambda desk: encoded(desk, content(desk, value)[0], value.to))
        return await delivered(data, value.to, value.to_path, self._writer, context)
