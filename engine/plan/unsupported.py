"""What the contract names and this engine does not do yet: refused at the door, never silently ignored.

One row per feature; whoever builds the feature deletes its row. Rows name a field, and the values that are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from pydantic import BaseModel

from engine.model import Json


class Refusal(msgspec.Struct, frozen=True):
    """A field, by its path in the body, which of its values are refused, and what to do instead."""

    path: tuple[str, ...]
    refused: Callable[[Json], bool]
    instead: str = "leave it out"


def _except(default: Json) -> Callable[[Json], bool]:
    return lambda value: bool(value != default)


IN_SUBTASK = (Refusal(("required_capabilities",), _except([])),)
_FIELDS = frozenset(row.path[0] for row in IN_SUBTASK)


def refusals(model: BaseModel, rows: tuple[Refusal, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, detail) of every field of ``model`` that has a refused value."""
    if _FIELDS.isdisjoint(model.model_fields_set):
        return
    for row in rows:
        value: Json = model
        for name in row.path:
            value = getattr(value, name, None) if value is not None else None
        if row.path[0] in model.model_fields_set and value is not None and row.refused(value):
            yield row.path, f"this is not supported yet; {row.instead}"
