"""The parameters of the stages that work on rows, as parts of their input models, and what can be seen early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import Field

from engine.model import Json
from engine.tools.base import Input, InputFault
from engine.tools.rows.expressions import ExpressionFault, check_expression, check_query
from engine.tools.rows.schema import RowSchema, SchemaFault
from engine.tools.rows.source import Origin

Names = list[str]


class Checked(Input):
    """What a row must be, and what happens to one that is not."""

    row_schema: dict[str, Json] | None = Field(default=None, alias="schema")
    """JSON Schema of one row."""
    on_fault: Literal["drop", "fail"] = "drop"
    """A row with a fault is left out (drop), or ends the stage (fail)."""


class Join(Input):
    """Other rows to join."""

    rows: Json = Field(alias="with")
    """Rows, or an object with data, path or url."""
    on: Names = Field(min_length=1)
    """Columns that both sides have."""
    how: Literal["inner", "left", "right", "full", "semi", "anti"] = "inner"
    """Which rows stay; a column that both sides have gets _right behind its name."""

    @property
    def origin(self) -> Origin:
        """The other rows as a source; raises pydantic's ``ValidationError``."""
        if isinstance(self.rows, dict) and {"data", "path", "url"} & self.rows.keys() and _is_origin(self.rows):
            return Origin.model_validate(self.rows)
        return Origin(data=self.rows)


def _is_origin(value: dict[str, Json]) -> bool:
    return value.keys() <= Origin.model_fields.keys()


class Shaping(Input):
    """Row by row."""

    filter: str | None = None
    """SQL expression that is true for the rows to keep, such as amount > 10."""
    select: Names | None = Field(default=None, min_length=1)
    """Only these columns, in this order."""
    rename: dict[str, str] | None = None
    """New names by old ones."""
    derive: dict[str, str] | None = None
    """New columns: SQL expressions by name, each may use the ones before."""


class Gathering(Input):
    """Over all rows."""

    group_by: Names | None = Field(default=None, min_length=1)
    """Columns; without aggregate the rows of each group are counted."""
    aggregate: dict[str, str] | None = Field(default=None, min_length=1)
    """New columns of each group (or of all rows): SQL aggregates by name, such as sum(amount)."""


class Ordering(Input):
    """At the end."""

    sort: Names | None = Field(default=None, min_length=1)
    """Columns; a minus sign in front sorts downwards."""
    distinct: bool = False
    """Only the first of equal rows."""
    limit: int | None = Field(default=None, ge=0)
    """At most so many rows."""


class Processed(Checked, Shaping, Gathering, Ordering):
    """All that processing can do."""

    join: Join | None = None
    """Other rows: {"with": rows or source, "on": [columns], "how": "inner"}."""
    sql: str | None = None
    """One SELECT over the table rows, instead of all of the others."""


_STEPS = ("filter", "select", "rename", "derive", "group_by", "aggregate", "sort", "distinct", "limit", "join", "sql")


def applied(value: Any) -> list[str]:
    """The names of the steps that an input asks for."""
    return [name for name in _STEPS if getattr(value, name, None) not in (None, False)]


def parameter_faults(value: Any) -> None:
    """Raises ``InputFault`` for what can be seen without data: syntax, a bad schema, parameters that exclude others."""
    for path, text, check in _texts(value):
        try:
            check(text)
        except ExpressionFault as fault:
            raise InputFault(str(fault), *path) from None
    if getattr(value, "sql", None) is not None and (others := [name for name in applied(value) if name != "sql"]):
        raise InputFault(f"stands alone; leave out {', '.join(others)}, or sql", "sql")
    if getattr(value, "row_schema", None) is not None:
        try:
            RowSchema(value.row_schema)
        except SchemaFault as fault:
            raise InputFault(f"is no JSON Schema: {fault}", "schema") from None


def _texts(value: Any) -> Iterator[tuple[tuple[str, ...], str, Callable[[str], object]]]:
    """Every text of SQL with its path and its check."""
    if (text := getattr(value, "filter", None)) is not None:
        yield ("filter",), text, check_expression
    for name in ("derive", "aggregate"):
        for column, text in (getattr(value, name, None) or {}).items():
            yield (name, column), text, check_expression
    if (text := getattr(value, "sql", None)) is not None:
        yield ("sql",), text, check_query
