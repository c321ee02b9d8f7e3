"""Parts of a file that other stages read where they lie.

CSV and NDJSON are cut at line ends, so that a part is read without the lines before it. A CSV file with line breaks
inside quotes has no such places; its parts are counted off, which is slower and just as right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.model import Json
from engine.tools.rows.opening import opened
from engine.tools.rows.raw import header
from engine.tools.rows.source import Origin
from engine.tools.rows.workshop import Desk

_CHUNK = 1 << 20


def parts_of(desk: Desk, value: Any, rows: int, columns: dict[str, Json]) -> list[Json]:
    """The SOURCEs of the parts: path, format and part, with what validation found out.

    Args:
        desk: where the file can be opened.
        value: the input of validation.
        rows: how many rows the source has, faulty ones included.
        columns: the type of each column.
    """
    origin: Origin = value.origin
    start = origin.part.offset if origin.part else 0
    with opened(origin, desk.roots, desk.folder, None) as found:
        shared: dict[str, Json] = {"path": origin.path, "format": found.format, "columns": columns}
        skipped, single = 0, False
        if found.format == "csv":
            shared["delimiter"], names = header(found, origin.delimiter)
            skipped, single = 1, len(names) == 1  # where a blank line is a row too
        bounds = None
        if found.format in ("csv", "ndjson") and origin.part is None and not single:
            bounds = _line_bounds(found.location or "", skipped, value.partition_rows, rows)
    if value.row_schema is not None:
        shared["row_schema"] = value.row_schema
    parts: list[Json] = []
    for index, offset in enumerate(range(0, rows, value.partition_rows)):
        count = min(value.partition_rows, rows - offset)
        part = {**shared, "part": {"offset": start + offset, "rows": count}}
        parts.append(part | ({"bytes": list(bounds[index])} if bounds else {}))
    return parts


def _line_bounds(location: str, skipped: int, size: int, rows: int) -> list[tuple[int, int]] | None:
    """First byte and end of each part, when every line is one row; None when lines and rows differ."""
    starts: list[int] = []
    number, end = 0, 0
    with open(location, "rb") as file:  # noqa: PTH123 (it may be a descriptor's path)
        for start, after in _lines(file):
            if number >= skipped and (number - skipped) % size == 0:
                starts.append(start)
            number, end = number + 1, after
    if number - skipped != rows or not starts:
        return None
    return list(zip(starts, [*starts[1:], end], strict=True))


def _lines(file: Any) -> Iterator[tuple[int, int]]:
    """Where the lines that are not blank begin and end."""
    at = 0
    for line in file:
        if line.strip():
            yield at, at + len(line)
        at += len(line)
