"""CSV as text. Files are read by the database, which is faster; see ``raw``."""

from __future__ import annotations

import csv
import io
import json

from engine.model import Json
from engine.tools.rows.formats.fault import FormatFault, cells, columns_of, table_rows
from engine.tools.rows.formats.guess import delimiter

_QUOTED = ("\n", "\r", ",", '"')


def read(text: str) -> list[dict[str, Json]]:
    """The rows, as texts."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text.partition("\n")[0]), strict=True)
    try:
        header = next(lines, [])
        return cells(header, [line for line in lines if line], "row")
    except csv.Error as error:
        raise FormatFault(f"line {lines.line_num}: {error}") from None


def write(value: Json) -> str:
    """A header and a line for each row. Null is an empty field, an empty text is "", nested values are JSON."""
    rows = table_rows(value, "CSV table")
    names = columns_of(rows)
    lines = [[_field(name) for name in names], *([_field(row.get(name)) for name in names] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines if line)


def cell(value: Json) -> str:
    """A value in a table that knows only text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _field(value: Json) -> str:
    text = cell(value)
    if value == "" or any(sign in text for sign in _QUOTED) or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
