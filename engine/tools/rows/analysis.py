"""``analysis``: distributions, correlations, outliers, trends and differences between groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from pydantic import Field

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.rows import statistics
from engine.tools.rows.faults import in_parameter, no_column
from engine.tools.rows.insights import SECTIONS, insights
from engine.tools.rows.pipeline import Pipeline
from engine.tools.rows.source import SourceInput
from engine.tools.rows.stage import Stage
from engine.tools.rows.table import Table
from engine.tools.rows.workshop import Desk

Section = Literal["distributions", "correlations", "outliers", "trends", "groups"]


class AnalysisInput(SourceInput):
    """What to analyse."""

    columns: list[str] | None = Field(default=None, min_length=1)
    """Only these columns."""
    by: str | None = None
    """The column of the groups, and of the trends where it holds dates or numbers; found by itself when not given."""
    sections: list[Section] = Field(default_factory=lambda: list(get_args(Section)), min_length=1)
    """Which of distributions, correlations, outliers, trends, groups."""
    insights: bool = False
    """Add statements, as insight_generation makes them by rule."""


class Analysis(Stage[AnalysisInput]):
    """Its output is ``{"rows"}``, the asked sections, and ``insights`` when asked for."""

    name = "analysis"
    model = AnalysisInput

    async def perform(self, value: AnalysisInput, context: RunContext) -> Json:  # noqa: ARG002
        """Analyses in a thread."""
        return await self.workshop.work([value.origin], lambda desk: _analysed(desk, value))


def _analysed(desk: Desk, value: AnalysisInput) -> Json:
    pipeline = Pipeline(desk.load(value.origin)[0])
    everything = pipeline.table
    if value.by is not None and value.by not in everything.columns:
        raise no_column(value.by, "by", everything.columns)
    if value.columns is not None:
        pipeline.select([*value.columns, *([value.by] if value.by else [])])
    table = pipeline.table
    sections: dict[str, Callable[[], Json]] = {
        "distributions": lambda: statistics.distributions(table),
        "correlations": lambda: statistics.correlations(table),
        "outliers": lambda: statistics.outliers(table),
        "trends": lambda: statistics.trends(table, _axis(table, value.by)),
        "groups": lambda: statistics.groups(table, _keys(table, value.by)),
    }
    found: dict[str, Json] = {"rows": table.count()}
    with in_parameter("analysis", table.columns):
        for name in SECTIONS:
            if name in value.sections:
                found[name] = sections[name]()
    return found | ({"insights": insights(found)} if value.insights else {})


def _axis(table: Table, by: str | None) -> str | None:
    """What trends run along: ``by`` where it is a number or a date, else the first column of dates, else the rows."""
    found = statistics.time_column(table)
    return by if by is not None and (by in statistics.numeric(table) or by == found) else found


def _keys(table: Table, by: str | None) -> list[str]:
    return [by] if by is not None else statistics.group_columns(table)
