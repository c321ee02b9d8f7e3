"""``transformation``: rows into other rows; with ``whole`` from one format into another."""

from __future__ import annotations

from pydantic import Field

from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.base import InputFault
from engine.tools.rows.content import content, counted
from engine.tools.rows.output import Target, delivered, encoded
from engine.tools.rows.parameters import Ordering, Shaping, applied
from engine.tools.rows.pipeline import Pipeline
from engine.tools.rows.source import Format, Origin, SourceInput
from engine.tools.rows.stage import Stage, origins
from engine.tools.rows.steps import as_rows, finish, row_by_row, shape
from engine.tools.rows.workshop import Desk, Workshop
from engine.tools.write_file import WriteFile


class TransformationInput(SourceInput, Shaping, Ordering):
    """What to transform, and how."""

    from_: Format | None = Field(default=None, alias="from")
    """The format of the source, another word for format."""
    to: Target | None = None
    """The format of the result; used with whole."""
    to_path: str | None = None
    """A file below FILE_ROOTS for the result; used with whole."""
    sql: str | None = None
    """One SELECT over the table rows, instead of the other steps."""
    whole: bool = False
    """Give what formatting gives, not rows."""

    @property
    def origin(self) -> Origin:
        """The source, read as ``from`` says."""
        found = super().origin
        return found if self.from_ is None else found.model_copy(update={"format": self.from_})


class Transformation(Stage[TransformationInput]):
    """Its output is ``{"data", "rows"}``; with ``whole`` that of formatting."""

    name = "transformation"
    risk: Risk = "write"
    model = TransformationInput

    def __init__(self, workshop: Workshop, writer: WriteFile) -> None:
        super().__init__(workshop)
        self._writer = writer

    def examine(self, value: TransformationInput) -> None:
        """A whole transformation needs to know into what."""
        super().examine(value)
        if value.whole and value.to is None:
            raise InputFault("is needed with whole: the format of the result", "to")
        if value.to_path is not None and (fault := self.workshop.roots.fault(value.to_path)):
            raise InputFault(fault, "to_path")

    def risk_of(self, value: Json) -> Risk:
        """It writes only where it is given a path."""
        return "write" if isinstance(value, dict) and value.get("to_path") is not None else "read"

    async def perform(self, value: TransformationInput, context: RunContext) -> Json:
        """Transforms in a thread."""
        if not value.whole or value.to is None:
            return await self.workshop.work(origins(value), lambda desk: counted(transformed(desk, value)))
        to = value.to
        found = await self.workshop.work(origins(value), lambda desk: transformed(desk, value))
        data = await self.workshop.work([], lambda desk: encoded(desk, found, to))  # at a desk that is not locked
        return await delivered(data, to, value.to_path, self._writer, context)


def transformed(desk: Desk, value: TransformationInput) -> Json:
    """The rows; any other value as it is when no step is asked for."""
    if not applied(value):
        return content(desk, value)[0]
    pipeline = Pipeline(desk.load(value.origin)[0])
    desk.database.lock()
    if pipeline.table.columns:
        if value.sql is not None:
            pipeline.query(value.sql)
        else:
            row_by_row(pipeline, value)
            shape(pipeline, value)
            finish(pipeline, value)
    return as_rows(pipeline.table)["data"]
