"""``data_processing``: validation, processing and aggregation in one, for what need not or cannot be split."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows.parameters import Processed, applied
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.steps import as_rows, as_summary, prepared, process
from engine.tools.rows.workshop import Desk


class DataProcessingInput(SourceInput, Processed):
    """The source, and the parameters of validation, processing and aggregation."""


class DataProcessing(Stage[DataProcessingInput]):
    """Leaves out faulty rows, processes the others, and gives what aggregation gives: rows, or a summary of every
    column where no step is asked for.
    """

    name = "data_processing"
    model = DataProcessingInput

    async def perform(self, value: DataProcessingInput, context: RunContext) -> Json:  # noqa: ARG002
        """Does all of it in a thread."""
        return await self.workshop.work(origins(value), lambda desk: _processed(desk, value))


def _processed(desk: Desk, value: DataProcessingInput) -> Json:
    pipeline = prepared(desk, value.origin, value, infer=True)
    if not applied(value):
        return as_summary(pipeline)
    return as_rows(process(desk, pipeline, value).table)
