"""``aggregation``: brings parts together, or sums up rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.base import InputFault
from engine.tools.rows.faults import wrong
from engine.tools.rows.made import made_table
from engine.tools.rows.opening import unwrapped
from engine.tools.rows.parameters import Gathering, Ordering, applied
from engine.tools.rows.pipeline import Pipeline
from engine.tools.rows.source import Origin, SourceInput
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.states import merged_columns, merged_groups, summary
from engine.tools.rows.steps import as_rows, as_summary, finish, gather
from engine.tools.rows.workshop import Desk


class AggregationInput(SourceInput, Gathering, Ordering):
    """A SOURCE, or the parts that processing gave."""

    parts: list[Json] | None = Field(default=None, min_length=1)
    """Outputs of processing, in order: all partial, or all rows."""


class Aggregation(Stage[AggregationInput]):
    """Merges partial results, or joins rows one after another, groups them, and sorts at the end.

    Its output is ``{"data", "rows"}``; without any parameter, and when processing did not choose the rows either,
    ``{"rows", "columns": {name: {"count", "sum", "mean", "min", "max"}}}``.
    """

    name = "aggregation"
    model = AggregationInput

    def examine(self, value: AggregationInput) -> None:
        """Parts stand for the source."""
        if value.parts is None:
            super().examine(value)
        elif named := value.named():
            raise InputFault(f"stand for a source; leave out {' and '.join(named)}", "parts")

    async def perform(self, value: AggregationInput, context: RunContext) -> Json:  # noqa: ARG002
        """Aggregates in a thread."""
        return await self.workshop.work(origins(value), lambda desk: _aggregated(desk, value))


def _aggregated(desk: Desk, value: AggregationInput) -> Json:
    partials = partials_of(value)
    if partials:
        return merged(desk, partials, value)
    data = value.parts if value.parts is not None else [value.data]
    chosen = any(isinstance(part, dict) and part.get("applied") for part in data)
    origin = Origin(data=rows_of(value.parts)) if value.parts is not None else value.origin
    pipeline = Pipeline(desk.load(origin)[0])
    desk.database.lock()
    return gathered(desk, pipeline, value, rows=chosen)


def gathered(desk: Desk, pipeline: Pipeline, value: AggregationInput, *, rows: bool) -> Json:
    """What aggregation makes of rows.

    Args:
        desk: where it is done.
        pipeline: the rows.
        value: the parameters.
        rows: without parameters give the rows, not a summary of the columns.
    """
    if not rows and not applied(value):
        return as_summary(pipeline)
    if pipeline.table.columns:
        if value.group_by or value.aggregate:
            pipeline = gather(desk, pipeline, value)
        if value.distinct:
            pipeline.distinct()
        finish(pipeline, value)
    return as_rows(pipeline.table)


def partials_of(value: AggregationInput) -> list[Mapping[str, Json]]:
    """The partial results, also of a single one that came as data; none when there are rows."""
    parts = value.parts if value.parts is not None else [value.data]
    found: list[Mapping[str, Json]] = [part for part in parts if isinstance(part, dict) and "partial" in part]
    if found and len(found) < len(parts):
        raise wrong("parts: some are partial and some are rows", "Give the outputs of equal processing stages.")
    return found


def merged(desk: Desk, parts: Sequence[Mapping[str, Json]], value: AggregationInput) -> Json:
    """Partial results as one; ``group_by`` and ``aggregate`` are those of the parts."""
    partials = [part["partial"] for part in parts]
    try:
        if all("columns" in partial for partial in partials):
            rows = sum(part["rows"] for part in parts)
            return {"rows": rows, "columns": summary(merged_columns(partials))}
        groups = merged_groups(partials)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else "they are no partial results of processing"
        raise wrong(f"parts: {reason}", "Give the outputs of equal processing stages.") from None
    pipeline = Pipeline(made_table(desk.database, groups.rows()))
    desk.database.lock()
    if pipeline.table.columns:
        if value.distinct:
            pipeline.distinct()
        finish(pipeline, value)
    return as_rows(pipeline.table)


def rows_of(parts: Sequence[Json]) -> list[Json]:
    """The rows of all parts, one after another."""
    rows: list[Json] = []
    for number, part in enumerate(parts):
        found = unwrapped(part)
        if not isinstance(found, list):
            raise wrong(f"parts/{number}: it holds no rows", "Give outputs of processing.")
        rows += found
    return rows
