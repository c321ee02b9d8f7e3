"""``extraction``: what is in rows or in a text."""

from __future__ import annotations

from pydantic import Field

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.base import InputFault
from engine.tools.rows.census import quoted
from engine.tools.rows.pipeline import Pipeline
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage
from engine.tools.rows.states import State
from engine.tools.rows.steps import as_rows
from engine.tools.rows.table import ROW, Table
from engine.tools.rows.texts import facts
from engine.tools.rows.values import objects
from engine.tools.rows.workshop import Desk

_EXAMPLES = 3


class ExtractionInput(SourceInput):
    """Where to look, and for what."""

    columns: list[str] | None = Field(default=None, min_length=1)
    """Rows: only these columns."""
    fields: list[str] | None = Field(default=None, min_length=1)
    """Another word for columns."""
    summary_sentences: int = Field(default=3, ge=1, le=100)
    """Text: sentences of the summary."""


class Extraction(Stage[ExtractionInput]):
    """Of rows: ``{"data", "rows", "columns": {name: {"type", "count", "nulls", "distinct", "min", "max", "mean",
    "examples"}}}``. Of a text: ``{"text", "words", "sentences", "numbers", "dates", "emails", "urls", "keywords",
    "summary"}``.
    """

    name = "extraction"
    model = ExtractionInput

    def examine(self, value: ExtractionInput) -> None:
        """Columns and fields are the same."""
        super().examine(value)
        if value.columns is not None and value.fields is not None:
            raise InputFault("is another word for columns; leave out one of them", "fields")

    async def perform(self, value: ExtractionInput, context: RunContext) -> Json:  # noqa: ARG002
        """Extracts in a thread."""
        return await self.workshop.work([value.origin], lambda desk: _extracted(desk, value))


def _extracted(desk: Desk, value: ExtractionInput) -> Json:
    if desk.format(value.origin) == "text":
        return facts(desk.text(value.origin), value.summary_sentences)
    pipeline = Pipeline(desk.load(value.origin)[0])
    if wanted := value.columns or value.fields:
        pipeline.select(wanted)
    table, states = pipeline.table, pipeline.column_states()
    rows = table.count()
    columns = {name: _column(table, name, states[name], rows) for name in table.columns}
    return as_rows(table) | {"columns": columns}


def _column(table: Table, name: str, state: State, rows: int) -> dict[str, Json]:
    x = quoted(name)
    (distinct,) = table.database.row(f"SELECT count(DISTINCT {x}) FROM {quoted(table.name)}")
    found = table.database.rows(
        f"SELECT {x} FROM {quoted(table.name)} WHERE {x} IS NOT NULL GROUP BY {x} ORDER BY min({quoted(ROW)}) "
        f"LIMIT {_EXAMPLES}"
    )
    return {
        "type": table.kind(name),
        "count": state.count,
        "nulls": rows - state.count,
        "distinct": distinct,
        "min": state.min,
        "max": state.max,
        "mean": state.mean,
        "examples": [row[name] for row in objects([name], [table.columns[name]], found)],
    }
