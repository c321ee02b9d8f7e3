"""What kind of values the columns hold, decided by counting all of them; pure apart from the one query it is told.

Raw columns are either text (CSV and other formats that know only text) or JSON text, in which strings have quotes.
Nothing is guessed from a sample: a value in the last row counts like one in the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["text", "json"]
_INTEGER = "'-?[1-9][0-9]*|0'"
_NUMBER = r"'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?'"
_EXACT_IN_DOUBLE = 2**53
SQL_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "string": "VARCHAR", "null": "VARCHAR"}
"""A kind that is not here is kept as JSON."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many values of each kind a column has; ``small`` and ``wide`` are the integers up to 64 and up to 128 bits,
    ``inexact`` those that a number would round.
    """

    values: int
    integer: int
    small: int
    wide: int
    inexact: int
    fraction: int
    boolean: int
    string: int
    array: int
    object: int

    def of(self, kind: str) -> int:
        """Values that fit ``kind``."""
        if kind == "number":
            return self.integer + self.fraction
        return self.values if kind in ("any", "null") else int(getattr(self, kind))


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is kept. ``kind`` is what is told, ``sql`` the type in the database."""

    kind: str
    sql: str


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def counting(name: str, family: Family) -> str:
    """Ten aggregates of a raw column, in the order of ``Counts``."""
    x = quoted(name)
    conditions = _text_conditions(x) if family == "text" else _json_conditions(x)
    return ", ".join([f"count({x})", *(f"count(*) FILTER ({condition})" for condition in conditions)])


def _text_conditions(x: str) -> list[str]:
    integer = f"regexp_full_match({x}, {_INTEGER})"
    wide = f"try_cast({x} AS HUGEINT)"
    return [
        integer,
        f"{integer} AND try_cast({x} AS BIGINT) IS NOT NULL",
        f"{integer} AND {wide} IS NOT NULL",
        f"{integer} AND ({wide} IS NULL OR {wide} > {_EXACT_IN_DOUBLE} OR {wide} < -{_EXACT_IN_DOUBLE})",
        f"NOT {integer} AND {_fraction(x)}",
        f"lower({x}) IN ('true', 'false')",
        f"{x} IS NOT NULL",
        f"{x} LIKE '[%' AND json_valid({x})",
        f"{x} LIKE '{{%' AND json_valid({x})",
    ]


def _json_conditions(x: str) -> list[str]:
    kind, raw = f"json_type({x})", f"CAST({x} AS VARCHAR)"
    integer = _json_integer(x)
    wide = f"try_cast({raw} AS HUGEINT)"
    return [
        integer,
        f"{integer} AND try_cast({raw} AS BIGINT) IS NOT NULL",
        f"{integer} AND {wide} IS NOT NULL",
        f"{integer} AND ({wide} IS NULL OR {wide} > {_EXACT_IN_DOUBLE} OR {wide} < -{_EXACT_IN_DOUBLE})",
        f"{kind} = 'DOUBLE' AND NOT {integer} AND isfinite(try_cast({raw} AS DOUBLE))",
        f"{kind} = 'BOOLEAN'",
        f"{kind} = 'VARCHAR'",
        f"{kind} = 'ARRAY'",
        f"{kind} = 'OBJECT'",
    ]


def _json_integer(x: str) -> str:
    """An integer beyond 64 bits has the type DOUBLE, although its digits are kept."""
    return (
        f"(json_type({x}) IN ('BIGINT', 'UBIGINT') OR json_type({x}) = 'DOUBLE' "
        f"AND regexp_full_match(CAST({x} AS VARCHAR), {_INTEGER}))"
    )


def _fraction(x: str) -> str:
    return f"regexp_full_match({x}, {_NUMBER}) AND isfinite(try_cast({x} AS DOUBLE))"


def column(counts: Counts, family: Family, *, majority: bool, fixed: str | None = None) -> Column:
    """How a column is kept.

    Args:
        counts: what it holds.
        family: how it is written.
        majority: take the kind of more than half of the values; without it, only a kind that all values have.
        fixed: the kind, when it is known from elsewhere.
    """
    kind = fixed if fixed not in (None, "null") else _kind(counts, family, majority)
    if kind == "integer":
        return Column(kind, _integer_type(counts))
    return Column(kind, SQL_TYPES.get(kind, "JSON"))


def _kind(counts: Counts, family: Family, majority: bool) -> str:
    if counts.values == 0:
        return "null"
    enough = counts.values // 2 + 1 if majority else counts.values
    if counts.integer + counts.fraction >= enough and not (counts.fraction and counts.inexact):
        return "number" if counts.fraction else "integer"
    plain = ("boolean", "array", "object") if family == "text" else ("boolean", "string", "array", "object")
    otherwise = "string" if family == "text" else "any"
    return next((kind for kind in plain if counts.of(kind) >= enough), otherwise)


def _integer_type(counts: Counts) -> str:
    if counts.small == counts.integer:
        return "BIGINT"
    return "HUGEINT" if counts.wide == counts.integer else "JSON"


def value(name: str, family: Family, found: Column) -> str:
    """The raw value of a column as its kind; NULL where it does not fit."""
    x = quoted(name)
    fits = _text_fits(x) if family == "text" else _json_fits(x)
    if found.kind == "null":
        return "CAST(NULL AS VARCHAR)"
    raw = x if family == "text" or found.sql == "JSON" else f"CAST({x} AS VARCHAR)"
    if found.kind == "string" and family == "json":
        raw = f"{x} ->> '$'"
    return f"CASE WHEN {fits[found.kind]} THEN CAST({raw} AS {found.sql}) END"


def _text_fits(x: str) -> Mapping[str, str]:
    conditions = _text_conditions(x)
    return {
        "integer": conditions[0],
        "number": _fraction(x),
        "boolean": conditions[5],
        "string": "TRUE",
        "array": conditions[7],
        "object": conditions[8],
        "any": f"json_valid({x})",
    }


def _json_fits(x: str) -> Mapping[str, str]:
    conditions = _json_conditions(x)
    return {
        "integer": conditions[0],
        "number": f"({conditions[0]} OR {conditions[4]})",
        "boolean": conditions[5],
        "string": conditions[6],
        "array": conditions[7],
        "object": conditions[8],
        "any": "TRUE",
    }
