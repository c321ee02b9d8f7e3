"""What the contract names and this engine does not do yet: refused at the door, never silently ignored.

One row per feature; whoever builds the feature deletes its row. Rows name a field, and the values that are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from pydantic import BaseModel

from engine.model import Json


class Refusal(msgspec.Struct, frozen=True):
    """A field of a subtask, which of its values are refused beside the subtask's type, and what to say."""

    field: str
    refused: Callable[[Json, str], bool]
    detail: str


ENGINE_ONLY = frozenset({"agent", "planning", "subplan"})
"""Types that need the graph: their work grows, or is kept step by step."""


def _elsewhere(capabilities: Json, type_: str) -> bool:
    return bool(capabilities) and type_ in ENGINE_ONLY


IN_SUBTASK: tuple[Refusal, ...] = (
    Refusal(
        "required_capabilities",
        _elsewhere,
        "a subtask of this type runs in the engine only, because its steps are kept in the graph; leave it out",
    ),
)
_FIELDS = frozenset(row.field for row in IN_SUBTASK)


def refusals(model: BaseModel, rows: tuple[Refusal, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, detail) of every field of ``model`` that has a refused value."""
    if _FIELDS.isdisjoint(model.model_fields_set):
        return
    for row in rows:
        if row.field in model.model_fields_set and row.refused(getattr(model, row.field), getattr(model, "type", "")):
            yield (row.field,), row.detail
