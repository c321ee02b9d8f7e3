"""Rows as they are written, in a table of text or of JSON text; ``typing`` finds out what they mean."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.model import Json
from engine.room import require_room
from engine.tools.file_errors import explained
from engine.tools.rows.census import Family, quoted, text
from engine.tools.rows.database import Database
from engine.tools.rows.faults import bad_data, in_source
from engine.tools.rows.formats import parse
from engine.tools.rows.formats.guess import delimiter
from engine.tools.rows.opening import Opened
from engine.tools.rows.source import Origin
from engine.tools.rows.table import ROW

_ALL = 2**62
_NOTHING = "__nothing"
"""A table cannot be without a column; this one is left out again."""
_LONGEST_OBJECT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Raw:
    """A table in the database; the family None says that its columns have types already."""

    database: Database
    name: str
    columns: list[str]
    family: Family | None


def load_raw(database: Database, opened: Opened, source: Origin, name: str) -> Raw:
    """Reads the rows, or the part of them, into the table ``name``."""
    if opened.location is None:
        return _of_values(database, _objects(opened.value, opened.label), source, name, "json")
    if opened.format == "csv" or _may_be_csv(opened, source):
        return _of_csv(database, opened, source, name)
    if opened.format == "ndjson" or (opened.format == "json" and _is_list(opened.location)):
        return _of_json(database, opened, source, name)
    if opened.format == "parquet":
        return _table(database, f"read_parquet({text(opened.location)})", source, name, None)
    if opened.format == "text":
        raise bad_data(opened.label, "it is text, not rows", f'Give rows, or name the "format": {_tabular()}.')
    value, family = parse(opened.text(), opened.format, opened.label)
    return _of_values(database, _objects(value, opened.label), source, name, family)


def _may_be_csv(opened: Opened, source: Origin) -> bool:
    """Where rows are wanted, uneven lines with delimiters are a faulty CSV rather than a text."""
    if opened.format != "text" or source.format is not None:
        return False
    first, _, rest = opened.text().lstrip().partition("\n")
    return bool(rest.strip()) and first.count(delimiter(first)) > 0


def _tabular() -> str:
    return "csv, json, ndjson, yaml, toml, xml, markdown or html"


# --- CSV -----------------------------------------------------------------------------------------------------------


def header(opened: Opened, given: str | None) -> tuple[str, list[str]]:
    """The delimiter and the names of the columns of a CSV file."""
    assert opened.location is not None
    try:
        with open(opened.location, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:  # noqa: PTH123
            sign = given or delimiter(file.readline())
            file.seek(0)
            names = next(csv.reader(file, delimiter=sign), [])
        "".join(names).encode()
    except UnicodeEncodeError:
        raise bad_data(opened.label, "line 1 is no UTF-8 text", "Save it in UTF-8.") from None
    except csv.Error as error:
        raise bad_data(opened.label, f"line 1: {error}", "Correct the header.") from None
    return sign, [name or f"column_{index}" for index, name in enumerate(names, 1)]


def _of_csv(database: Database, opened: Opened, source: Origin, name: str) -> Raw:
    sign, names = header(opened, source.delimiter)
    checked_names(names, opened.label)
    location = opened.location or ""
    if source.bytes is not None:
        location = _piece(opened, source.bytes, database.folder, with_header=True)
    columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in names)
    reader = (
        f"read_csv({text(location)}, auto_detect = false, delim = {text(sign)}, quote = '\"', escape = '\"', "
        f"header = true, columns = {{{columns}}}, allow_quoted_nulls = false, strict_mode = true)"
    )
    return _table(database, reader, source, name, "text")


def checked_names(names: Sequence[str], label: str) -> None:
    """Raises ``ToolError`` for names that the database cannot tell apart."""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() == ROW:
            raise bad_data(label, f"the column name {name} is taken", "Rename that column.")
        if name.lower() in seen:
            other = seen[name.lower()]
            same = "there are two columns" if other == name else f"the columns {other} and"
            hint = "" if other == name else " differ only in capital letters"
            raise bad_data(label, f"{same} {name}{hint}", "Rename one of them.")
        seen[name.lower()] = name


# --- JSON ----------------------------------------------------------------------------------------------------------


def _is_list(location: str) -> bool:
    """Whether a JSON file is a list of objects, which is read piece by piece."""
    with open(location, "rb") as file:  # noqa: PTH123
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] == b"[" and start[1:].lstrip()[:1] == b"{"


def _of_json(database: Database, opened: Opened, source: Origin, name: str) -> Raw:
    location = opened.location or ""
    if source.bytes is not None:
        location = _piece(opened, source.bytes, database.folder, with_header=False)
    layout = "array" if opened.format == "json" else "newline_delimited"
    options = f"format = '{layout}', maximum_object_size = {_LONGEST_OBJECT}"
    with in_source(opened.label):
        _all_objects(database, location, options, opened.label)
    reader = (
        f"read_json({text(location)}, {options}, maximum_depth = 1, sample_size = -1, map_inference_threshold = -1)"
    )
    if not database.rows(f"SELECT 1 FROM read_json_objects({text(location)}, {options}) LIMIT 1"):
        return _of_values(database, [], source, name, "json")
    return _table(database, reader, source, name, "json")


def _all_objects(database: Database, location: str, options: str, label: str) -> None:
    found = database.rows(
        f"SELECT number, json_type(json) FROM (SELECT row_number() OVER () AS number, json "
        f"FROM read_json_objects({text(location)}, {options})) WHERE json_type(json) <> 'OBJECT' LIMIT 1"
    )
    if found:
        raise _no_object(label, found[0][0], str(found[0][1]).lower())


def _no_object(label: str, row: int, what: str) -> Exception:
    return bad_data(label, f"row {row} is no object ({what})", "Give every row as an object: name and value.")


def _objects(value: Json, label: str) -> list[dict[str, Json]]:
    """Rows of a value: a list of objects, one object, or a list of plain values."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise bad_data(label, f"a {type(value).__name__} is no list of rows", "Give a list of objects.")
    if value and not any(isinstance(row, (dict, list)) for row in value):
        return [{"value": row} for row in value]
    for number, row in enumerate(value, 1):
        if not isinstance(row, dict):
            raise _no_object(label, number, "null" if row is None else type(row).__name__)
    return value


def _of_values(database: Database, rows: list[dict[str, Json]], source: Origin, name: str, family: Family) -> Raw:
    names = list(dict.fromkeys(column for row in rows for column in row))
    checked_names(names, source.label)
    path = database.folder / f"{name}.ndjson"
    lines = _lines(rows, source.label)
    with explained(source.label):
        require_room(database.folder, len(lines))
        path.write_bytes(lines)
    kind = "VARCHAR" if family == "text" else "JSON"
    columns = ", ".join(f"{text(column)}: '{kind}'" for column in names)
    reader = (
        f"read_json({text(str(path))}, format = 'newline_delimited', columns = {{{columns}}}, "
        f"maximum_object_size = {_LONGEST_OBJECT})"
    )
    if not names:
        reader = f"range({len(rows)}) AS empty({quoted(_NOTHING)})"
    try:
        return _table(database, reader, source, name, family, hide=None if names else _NOTHING)
    finally:
        path.unlink()


def _lines(rows: list[dict[str, Json]], label: str) -> bytes:
    try:
        return msgspec.json.Encoder().encode_lines(rows)
    except (TypeError, ValueError, UnicodeError, RecursionError) as error:
        raise bad_data(label, f"it is no JSON: {error}", "Use text, numbers, lists and objects.") from None


# --- all -----------------------------------------------------------------------------------------------------------


def _table(
    database: Database, reader: str, source: Origin, name: str, family: Family | None, hide: str | None = None
) -> Raw:
    offset, rows = (source.part.offset, source.part.rows) if source.part else (0, _ALL)
    skipped = 0 if source.bytes is not None else offset
    hidden = "" if hide is None else f" EXCLUDE ({quoted(hide)})"
    with in_source(source.label):
        database.run(
            f"CREATE TABLE {quoted(name)} AS SELECT row_number() OVER () + {offset} AS {quoted(ROW)}, *{hidden} "
            f"FROM (SELECT * FROM {reader} LIMIT {rows} OFFSET {skipped})"
        )
        found = [column for column, _ in database.types(f"SELECT * FROM {quoted(name)}") if column != ROW]
    if family is None:
        checked_names(found, source.label)
    return Raw(database, name, found, family)


def _piece(opened: Opened, bounds: Sequence[int], folder: Path, *, with_header: bool) -> str:
    """A copy of some bytes of a file, behind its header."""
    path = folder / f"piece-{bounds[0]}-{len(list(folder.iterdir()))}"
    with open(opened.location or "", "rb") as whole, path.open("wb") as piece:  # noqa: PTH123
        size = os.fstat(whole.fileno()).st_size
        if not 0 <= bounds[0] <= bounds[1] <= size:
            raise bad_data(opened.label, "it is shorter than when it was validated", "Validate it again.")
        if with_header:
            piece.write(_header_bytes(whole))
        with explained(opened.label):
            require_room(folder, bounds[1] - bounds[0])
        whole.seek(bounds[0])
        _copy(whole, piece, bounds[1] - bounds[0])
    return str(path)


def _header_bytes(whole: BinaryIO) -> bytes:
    """A split file has no line breaks in quotes, so its header is its first line."""
    return whole.readline().rstrip(b"\r\n") + b"\n"


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length > 0 and (data := source.read(min(length, 1 << 20))):
        target.write(data)
        length -= len(data)
