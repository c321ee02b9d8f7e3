"""``processing``: rows in, rows out, or a partial result that aggregation merges."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.base import InputFault
from engine.tools.rows.parameters import Processed, applied
from engine.tools.rows.pipeline import mergeable
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.steps import as_rows, groups, partial_columns, prepared, process
from engine.tools.rows.workshop import Desk


class ProcessingInput(SourceInput, Processed):
    """What to process, and how: schema, join, derive, filter, then group_by with aggregate or select, rename,
    distinct, then sort, limit; or sql.
    """

    partial: bool = False
    """Give what aggregation merges: of aggregate, or of every column where no step is asked for."""


class Processing(Stage[ProcessingInput]):
    """Filters, selects, renames, derives, joins, groups, sorts; or runs one SELECT.

    Its output is ``{"data", "rows", "applied"}``, of which ``applied`` lists the steps; with ``partial``
    ``{"partial", "rows"}``.
    """

    name = "processing"
    model = ProcessingInput

    def examine(self, value: ProcessingInput) -> None:
        """A partial result needs aggregates that can be merged."""
        super().examine(value)
        if value.partial and value.aggregate and not mergeable(value.aggregate):
            raise InputFault("partial needs aggregates that can be merged: sum, count, min, max, avg", "aggregate")

    async def perform(self, value: ProcessingInput, context: RunContext) -> Json:  # noqa: ARG002
        """Processes in a thread."""
        return await self.workshop.work(origins(value), lambda desk: processed(desk, value))


def processed(desk: Desk, value: ProcessingInput) -> Json:
    """The output of processing."""
    steps = applied(value)
    pipeline = prepared(desk, value.origin, value)
    rows = pipeline.table.count()
    if value.partial and not steps:
        return {"partial": partial_columns(pipeline.column_states()), "rows": rows}
    if value.partial and (value.aggregate or value.group_by) and pipeline.table.columns:
        return {"partial": groups(pipeline, value).as_json(), "rows": rows}
    return as_rows(process(desk, pipeline, value).table) | {"applied": steps}
