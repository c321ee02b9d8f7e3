r"""Keeps braces in a caller's values from becoming references of the plan that they are put into."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from engine.model import Json
from engine.references import find, has_braces

_LITERAL_FIELDS: dict[str, frozenset[str]] = {
    "generation": frozenset({"template"}),
    "planning": frozenset({"template"}),
    "python": frozenset({"code"}),
}


def literal_fields(type: str) -> Container[str]:
    """The fields that the built-in type of that name never resolves."""
    return _LITERAL_FIELDS.get(type, ())


def literal(value: Json) -> Json:
    r"""``value`` so that resolving its references gives ``value`` again.

    Text that holds a reference, or an escaped pair of braces, gets ``\{{`` for each ``{{``; all other text is left as
    it is, since text in other double braces never changes.
    """
    if isinstance(value, str):
        return value.replace("{{", r"\{{") if "{{" in value and find(value, ()).needed else value
    if isinstance(value, dict):
        return {name: literal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [literal(part) for part in value]
    return value


def literal_input(type: str, value: Json, fields: Container[str] | None = None) -> Json:
    """The input of a subtask of ``type`` whose values are the caller's; fields that are never resolved stay."""
    kept = literal_fields(type) if fields is None else fields
    if not has_braces(msgspec.json.encode(value)):
        return value
    if not isinstance(value, dict):
        return literal(value)
    return {name: part if name in kept else literal(part) for name, part in value.items()}


def input_reference(value: Json) -> bool:
    """Whether ``value`` is nothing but one reference to the task's input, such as ``{{input.customers}}``."""
    if not isinstance(value, str):
        return False
    found = find(value, ()).references
    return len(found) == 1 and found[0].whole and found[0].head == "input" and not found[0].problem
