"""``comparison``: what differs between two tables or two texts."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import Field

from engine.model import Json
from engine.toolport import RunContext
from engine.tools.base import Input, InputFault
from engine.tools.rows.census import quoted
from engine.tools.rows.faults import bad_data, in_parameter, no_column
from engine.tools.rows.source import Origin
from engine.tools.rows.stage import Stage
from engine.tools.rows.table import ROW, Table
from engine.tools.rows.values import objects
from engine.tools.rows.workshop import Desk

_EXAMPLES = 10
_DIFF_LINES = 200
_MOST_PIECES = 20_000
"""Words or lines that are compared one by one; longer texts only by how often they occur."""


class ComparisonInput(Input):
    """What to compare."""

    left: Origin
    """The rows or text before: an object with data, path or url."""
    right: Origin
    """The rows or text after."""
    on: list[str] | None = Field(default=None, min_length=1)
    """Rows: the columns that say which rows belong together; without it whole rows are compared."""


class Comparison(Stage[ComparisonInput]):
    """Of rows: ``{"added", "removed", "changed", "same", "examples"}``; of texts: ``{"similarity", "diff", "added",
    "removed"}``, of which the last two are lines.
    """

    name = "comparison"
    model = ComparisonInput

    def examine(self, value: ComparisonInput) -> None:
        """Both sides name one place."""
        for side in ("left", "right"):
            found: Origin = getattr(value, side)
            found.faults(self.workshop.roots, side)
            if isinstance(found.data, dict) and not found.data:
                raise InputFault("is empty", side, "data")

    async def perform(self, value: ComparisonInput, context: RunContext) -> Json:  # noqa: ARG002
        """Compares in a thread."""
        return await self.workshop.work([value.left, value.right], lambda desk: _compared(desk, value))


def _compared(desk: Desk, value: ComparisonInput) -> Json:
    texts = [desk.format(side) == "text" for side in (value.left, value.right)]
    if all(texts):
        return compared_texts(desk.text(value.left), desk.text(value.right))
    if any(texts):
        raise bad_data("comparison", "one side is text and the other is rows", "Give both in the same form.")
    left, right = desk.load(value.left, "left_rows")[0], desk.load(value.right, "right_rows")[0]
    for name in value.on or []:
        for side in (left, right):
            if name not in side.columns and side.columns:
                raise no_column(name, "on", side.columns)
    with in_parameter("comparison", left.columns):
        return _by_key(left, right, value.on) if value.on and left.columns and right.columns else _whole(left, right)


# --- rows ----------------------------------------------------------------------------------------------------------


def _by_key(left: Table, right: Table, on: list[str]) -> dict[str, Json]:
    """Rows belong together where their keys are equal, null included."""
    joined = _joined(left, right, on)
    database = left.database
    counts = dict(database.rows(f"SELECT what, count(*) FROM ({joined}) GROUP BY what"))
    examples: dict[str, Json] = {}
    for what, sides in (("added", "r"), ("removed", "l"), ("changed", "lr")):
        rows = database.rows(
            f"SELECT l_row, r_row FROM ({joined}) WHERE what = '{what}' ORDER BY 1, 2 LIMIT {_EXAMPLES}"
        )
        examples[what] = [_example(left, right, sides, *row) for row in rows]
    return {what: counts.get(what, 0) for what in ("added", "removed", "changed", "same")} | {"examples": examples}


def _joined(left: Table, right: Table, on: list[str]) -> str:
    match = " AND ".join(f"{_text('l', left, name)} IS NOT DISTINCT FROM {_text('r', right, name)}" for name in on)
    shared = [name for name in left.columns if name in right.columns and name not in on]
    differs = " OR ".join(f"{_text('l', left, name)} IS DISTINCT FROM {_text('r', right, name)}" for name in shared)
    return (
        f"SELECT l.{quoted(ROW)} AS l_row, r.{quoted(ROW)} AS r_row, CASE WHEN l.{quoted(ROW)} IS NULL THEN 'added' "
        f"WHEN r.{quoted(ROW)} IS NULL THEN 'removed' WHEN {differs or 'FALSE'} THEN 'changed' ELSE 'same' END AS what "
        f"FROM {quoted(left.name)} l FULL JOIN {quoted(right.name)} r ON {match}"
    )


def _text(side: str, table: Table, name: str) -> str:
    """A value in a form that does not depend on the column's type: 1 and 1.0 are equal."""
    x = f"{side}.{quoted(name)}"
    return (
        f"CAST(CAST({x} AS DOUBLE) AS VARCHAR)"
        if table.columns[name] in ("BIGINT", "DOUBLE")
        else f"CAST({x} AS VARCHAR)"
    )


def _example(left: Table, right: Table, sides: str, l_row: int | None, r_row: int | None) -> Json:
    if sides == "r":
        return _row(right, r_row)
    if sides == "l":
        return _row(left, l_row)
    before, after = _row(left, l_row), _row(right, r_row)
    changed = sorted(name for name in before if name in after and before[name] != after[name])
    return {"left": before, "right": after, "columns": changed}


def _row(table: Table, number: int | None) -> dict[str, Json]:
    names = ", ".join(map(quoted, table.columns))
    found = table.database.rows(f"SELECT {names} FROM {quoted(table.name)} WHERE {quoted(ROW)} = {number}")
    return next(objects(list(table.columns), list(table.columns.values()), found))


def _whole(left: Table, right: Table) -> dict[str, Json]:
    """Equal rows cancel each other out, one for one."""
    names = list(dict.fromkeys([*left.columns, *right.columns]))
    if not names:
        return {"added": 0, "removed": 0, "changed": 0, "same": left.count(), "examples": {}}
    one, other = (_all_columns(table, names) for table in (left, right))
    database = left.database
    counts = {}
    examples: dict[str, Json] = {}
    for what, sql in (("added", f"{other} EXCEPT ALL {one}"), ("removed", f"{one} EXCEPT ALL {other}")):
        counts[what] = database.row(f"SELECT count(*) FROM ({sql})")[0]
        types = [kind for _, kind in database.types(sql)]
        examples[what] = list(objects(names, types, database.rows(f"SELECT * FROM ({sql}) LIMIT {_EXAMPLES}")))
    return {**counts, "changed": 0, "same": left.count() - counts["removed"], "examples": examples}


def _all_columns(table: Table, names: list[str]) -> str:
    parts = [quoted(name) if name in table.columns else f"NULL AS {quoted(name)}" for name in names]
    return f"SELECT {', '.join(parts)} FROM {quoted(table.name)}"


# --- texts ---------------------------------------------------------------------------------------------------------


def compared_texts(left: str, right: str) -> dict[str, Any]:
    """Similarity is the share of equal words, from 0 to 1; the diff has at most 200 lines."""
    one, other = left.splitlines(), right.splitlines()
    diff = list(difflib.unified_diff(one, other, "left", "right", lineterm=""))
    body = diff[2:]
    return {
        "similarity": _similarity(left.split(), right.split()),
        "diff": "\n".join(diff[:_DIFF_LINES]),
        "added": sum(line.startswith("+") for line in body),
        "removed": sum(line.startswith("-") for line in body),
    }


def _similarity(left: list[str], right: list[str]) -> float:
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    long = len(left) + len(right) > _MOST_PIECES
    return round(matcher.quick_ratio() if long else matcher.ratio(), 4)
