"""What the database complains about, in words of the caller's parameters and columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from engine.errors import Category, ToolError
from engine.tools.faults import closest

_NO_COLUMN = re.compile(r'Referenced column "([^"]*)" (?:was )?not found')
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_COUNT = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_JSON_PLACE = re.compile(r"at byte (\d+) in (?:line|record/value|record) (\d+): ([^\n]*)")
_MOST_COLUMNS = 30


class QueryFault(Exception):
    """A statement failed; ``kind`` is interrupted, memory, forbidden, file or query."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@contextmanager
def in_parameter(parameter: str, columns: Iterable[str]) -> Iterator[None]:
    """Turns a ``QueryFault`` inside into a ``ToolError`` about the parameter and the columns that there are."""
    try:
        yield
    except QueryFault as fault:
        raise _of_parameter(fault, parameter, list(columns)) from None


@contextmanager
def in_source(label: str) -> Iterator[None]:
    """Turns a ``QueryFault`` inside into a ``ToolError`` about the data that was read."""
    try:
        yield
    except QueryFault as fault:
        raise _of_source(fault, label) from None


def bad_data(label: str, message: str, suggestion: str) -> ToolError:
    """The data itself is at fault."""
    return ToolError(f"{label}: {message}", category=Category.LOGIC, suggestion=suggestion)


def wrong(message: str, suggestion: str) -> ToolError:
    """The input of the subtask is at fault."""
    return ToolError(message, category=Category.CONFIGURATION, suggestion=suggestion)


def no_column(name: str, parameter: str, columns: Iterable[str]) -> ToolError:
    """A parameter names a column that is not there."""
    known = list(columns)
    return ToolError(
        f"{parameter}: there is no column {name!r}{closest(name, known)}; there are: {listed(known)}",
        category=Category.LOGIC,
        suggestion=f"Correct {parameter}, or the data that it is for.",
    )


def listed(columns: Iterable[str]) -> str:
    """The first names, for a message."""
    names = list(columns)
    more = f" and {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
    return (", ".join(names[:_MOST_COLUMNS]) or "none") + more


def _of_parameter(fault: QueryFault, parameter: str, columns: list[str]) -> ToolError:
    text = str(fault)
    if general := _general(fault, parameter):
        return general
    if found := _NO_COLUMN.search(text):
        return no_column(found[1], parameter, columns)
    if found := _NO_TABLE.search(text):
        return wrong(f"{parameter}: there is no table {found[1]}", "The rows are in the table rows; there is no other.")
    return ToolError(
        f"{parameter}: {_first_line(text)}",
        category=Category.LOGIC,
        suggestion=f"Correct {parameter}; the columns are: {listed(columns)}.",
    )


def _of_source(fault: QueryFault, label: str) -> ToolError:
    text = str(fault)
    if general := _general(fault, label):
        return general
    if line := _CSV_LINE.search(text):
        return _of_csv(text, label, line[1])
    if place := _JSON_PLACE.search(text):
        return bad_data(label, f"line {place[2]} is no JSON (byte {place[1]}: {place[3]})", "Correct that line.")
    return bad_data(label, _first_line(text), "Check its content and its format.")


def _of_csv(text: str, label: str, line: str) -> ToolError:
    if counts := _CSV_COUNT.search(text):
        message = f"line {line} has {counts[2]} field(s), and the header has {counts[1]}"
        return bad_data(label, message, "Correct that line, or quote a field that holds the delimiter.")
    if "unicode" in text.lower() or "not utf-8" in text:
        return bad_data(label, f"line {line} is no UTF-8 text", "Save it in UTF-8.")
    reason = next((part for part in text.splitlines()[2:] if part.strip()), "it cannot be read")
    return bad_data(label, f"line {line}: {reason.strip()}", "Correct that line.")


def _general(fault: QueryFault, what: str) -> ToolError | None:
    if fault.kind == "interrupted":
        return ToolError(f"{what}: it was stopped", category=Category.CANCELLED)
    if fault.kind == "memory":
        return ToolError(
            f"{what}: the rows need more memory than a subtask may take",
            category=Category.RESOURCE,
            suggestion="Select fewer columns, filter first, or work on parts of the rows.",
        )
    if fault.kind == "forbidden":
        return wrong(f"{what}: files, network and settings are out of reach", "Work on the given rows only.")
    return None


def _first_line(text: str) -> str:
    """The first sentence, without the library's name for its kind."""
    line = text.strip().splitlines()[0] if text.strip() else "it failed"
    return re.sub(r"^(?:[A-Z][A-Za-z-]* )+Error: ", "", line)[:300]
