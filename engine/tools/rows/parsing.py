"""``parsing``: a text or a file as rows, or as the value that it holds."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows.content import content, counted
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage
from engine.tools.rows.workshop import Desk


class ParsingInput(SourceInput):
    """What to parse; ``format`` says from what."""


class Parsing(Stage[ParsingInput]):
    """Reads csv, json, ndjson, parquet, yaml, toml, xml and tables in markdown and html.

    Its output is ``{"data", "rows", "format"}``, without ``rows`` where the value is no list of objects.
    """

    name = "parsing"
    model = ParsingInput

    async def perform(self, value: ParsingInput, context: RunContext) -> Json:  # noqa: ARG002
        """Parses in a thread."""
        return await self.workshop.work([value.origin], lambda desk: _parsed(desk, value))


def _parsed(desk: Desk, value: ParsingInput) -> Json:
    found, format = content(desk, value)
    return counted(found) | {"format": format}
