"""What every format can complain about."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import Json


class FormatFault(ValueError):
    """A text that is not in its format, or a value that a format cannot carry."""


def table_rows(value: Json, format: str) -> list[dict[str, Json]]:
    """The rows of a value for a format that is a table; one object is one row."""
    rows = [value] if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatFault(f"a {format} holds rows: a list of objects")
    return rows


def columns_of(rows: Iterable[dict[str, Json]]) -> list[str]:
    """The names of all columns, in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cells(header: list[str], lines: Iterable[list[str]], what: str) -> list[dict[str, Json]]:
    """Rows of texts; an empty cell is null.

    Raises:
        FormatFault: a row has more or fewer cells than the header, or a name comes twice.
    """
    names = [name or f"column_{index}" for index, name in enumerate(header, 1)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatFault(f"there are two columns {twice}")
    rows: list[dict[str, Json]] = []
    for number, line in enumerate(lines, 1):
        if len(line) != len(names):
            raise FormatFault(f"{what} {number} has {len(line)} cell(s), and the header has {len(names)}")
        rows.append({name: cell if cell != "" else None for name, cell in zip(names, line, strict=True)})
    return rows
