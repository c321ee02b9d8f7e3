"""A source as one value: rows with types where it is a table, else whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from engine.model import Json
from engine.tools.base import InputFault
from engine.tools.rows.opening import unwrapped
from engine.tools.rows.source import SourceInput
from engine.tools.rows.workshop import Desk

_VALUES = ("json", "yaml", "toml", "text")


class SourceOrParts(SourceInput):
    """A SOURCE, or the outputs of earlier stages."""

    parts: list[Json] | None = Field(default=None, min_length=1)
    """Outputs of earlier stages, put together in order."""


def one_place(value: SourceOrParts) -> None:
    """Raises ``InputFault`` when there is a source beside the parts."""
    if value.parts is not None and (named := value.named()):
        raise InputFault(f"stand for a source; leave out {' and '.join(named)}", "parts")


def content(desk: Desk, value: Any) -> tuple[Json, str]:
    """What a source or the parts hold, and in which format it came."""
    if getattr(value, "parts", None) is not None:
        return together(value.parts), "json"
    origin = value.origin
    format = desk.format(origin)
    if format in _VALUES and origin.part is None:
        return desk.value(origin)
    table, _ = desk.load(origin)
    return list(table.rows()), format


def together(parts: Sequence[Json]) -> Json:
    """The rows of all parts; a list of what they hold when that is not rows."""
    found = [unwrapped(part) for part in parts]
    if all(isinstance(part, list) for part in found):
        return [row for part in found for row in part]
    if all(isinstance(part, str) for part in found):
        return "\n".join(found)
    return found


def is_rows(value: Json) -> bool:
    """Whether it is a list of objects."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def counted(value: Json) -> dict[str, Json]:
    """{"data": value}, and how many rows where it is rows."""
    return {"data": value} | ({"rows": len(value)} if is_rows(value) else {})
