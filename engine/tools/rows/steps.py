"""What the stages have in common: loading with checks, the steps of processing, and what aggregation makes of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import Category, ToolError
from engine.model import Json
from engine.tools.rows.made import made_table
from engine.tools.rows.parameters import Gathering, Ordering
from engine.tools.rows.pipeline import Pipeline, mergeable
from engine.tools.rows.schema import RowSchema
from engine.tools.rows.source import Origin
from engine.tools.rows.states import Groups, State, summary
from engine.tools.rows.table import Table
from engine.tools.rows.typed import Findings, without
from engine.tools.rows.workshop import Desk

_TOLD = 5
_COUNT = {"count": "count(*)"}


def checked(
    desk: Desk, origin: Origin, schema: Mapping[str, Json] | None, on_fault: str, *, infer: bool
) -> tuple[Table, Findings]:
    """The rows of a source without those that have faults; raises ``ToolError`` when a fault is to end the stage.

    Args:
        desk: where it is done.
        origin: the source; what an earlier validation found about it counts too.
        schema: JSON Schema of one row.
        on_fault: drop or fail.
        infer: without any schema, a value that is not like most of its column is a fault.
    """
    rules = [RowSchema(found) for found in (schema, origin.row_schema) if found is not None]
    fixed = origin.columns or (rules[0].kinds() if rules else None)
    majority = infer and not rules and origin.columns is None
    table, findings = desk.load(origin, majority=majority, fixed=fixed, complete=origin.columns is not None)
    known = frozenset(findings.rows)
    for rule in rules:
        rule.judge((numbered for numbered in table.numbered() if numbered[0] not in known), findings)
    if findings.count and on_fault == "fail":
        raise faulty(origin.label, findings)
    without(table, findings.rows)
    return table, findings


def faulty(label: str, findings: Findings) -> ToolError:
    """The first faults, as an error."""
    told = "; ".join(
        f"row {fault['row']}, column {fault['column']}: {fault['message']}" for fault in findings.listed()[:_TOLD]
    )
    more = f" (and {findings.count - _TOLD} more)" if findings.count > _TOLD else ""
    return ToolError(
        f"{label}: {told}{more}",
        category=Category.LOGIC,
        suggestion='Correct the data, or leave such rows out with "on_fault": "drop".',
        output={"faults": findings.listed(), "fault_count": findings.count},
    )


def prepared(desk: Desk, origin: Origin, value: Any, *, infer: bool = False) -> Pipeline:
    """Loaded, checked, joined, derived and filtered: what comes before rows are shaped or gathered."""
    table, _ = checked(desk, origin, value.row_schema, value.on_fault, infer=infer)
    join = value.join
    other = desk.load(join.origin, "joined")[0] if join is not None else None
    desk.database.lock()
    pipeline = Pipeline(table)
    if not table.columns and not table.count():
        return pipeline
    if join is not None and other is not None:
        pipeline.join(other, join)
    row_by_row(pipeline, value)
    return pipeline


def row_by_row(pipeline: Pipeline, value: Any) -> None:
    """Derive and filter."""
    if value.derive:
        pipeline.derive(value.derive)
    if value.filter is not None:
        pipeline.filter(value.filter)


def shape(pipeline: Pipeline, value: Any) -> None:
    """select, rename and distinct."""
    if value.select:
        pipeline.select(value.select)
    if value.rename:
        pipeline.rename(value.rename)
    if value.distinct:
        pipeline.distinct()


def finish(pipeline: Pipeline, value: Ordering) -> None:
    """Sort and limit."""
    if value.sort:
        pipeline.sort(value.sort)
    if value.limit is not None:
        pipeline.limit(value.limit)


def process(desk: Desk, pipeline: Pipeline, value: Any) -> Pipeline:
    """All steps after ``prepared``. An empty table without columns stays as it is."""
    table = pipeline.table
    if not table.columns and not table.count():
        return pipeline
    if value.sql is not None:
        pipeline.query(value.sql)
        return pipeline
    if value.group_by or value.aggregate:
        pipeline = gather(desk, pipeline, value)
        if value.distinct:
            pipeline.distinct()
    else:
        shape(pipeline, value)
    finish(pipeline, value)
    return pipeline


def gather(desk: Desk, pipeline: Pipeline, value: Gathering) -> Pipeline:
    """group_by and aggregate; by way of mergeable states where possible, so that parts give the same."""
    group_by, aggregate = value.group_by or [], value.aggregate or _COUNT
    if not mergeable(aggregate):
        pipeline.group(group_by, aggregate)
        return pipeline
    return Pipeline(made_table(desk.database, pipeline.groups(group_by, aggregate).rows()))


def groups(pipeline: Pipeline, value: Gathering) -> Groups:
    """group_by and aggregate as a state that can be merged."""
    return pipeline.groups(value.group_by or [], value.aggregate or _COUNT)


def as_rows(table: Table) -> dict[str, Json]:
    """{"data": rows, "rows": n}."""
    rows = list(table.rows())
    return {"data": rows, "rows": len(rows)}


def as_summary(pipeline: Pipeline) -> dict[str, Json]:
    """{"rows": n, "columns": {...}}."""
    return {"rows": pipeline.table.count(), "columns": summary(pipeline.column_states())}


def partial_columns(states: Mapping[str, State]) -> dict[str, Json]:
    """The states of all columns, as a partial result."""
    return {"columns": {name: state.as_json() for name, state in states.items()}}
