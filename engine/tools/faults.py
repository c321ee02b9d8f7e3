"""Pydantic's findings in plain words, as (path, message) pairs. The only place that knows its error codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]
Faults = list[tuple[Path, str]]


def faults_of(error: ValidationError, model: type[BaseModel]) -> Faults:
    """Every fault of one validation, in the order of the fields."""
    known = field_names(model)
    return [(tuple(found["loc"]), _message(found, known)) for found in error.errors(include_url=False)]


def field_names(model: type[BaseModel]) -> list[str]:
    """The names that an input may have, as a caller writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def closest(name: str, known: Iterable[str]) -> str:
    """A ready "; did you mean x?", or nothing when no known name is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _message(found: Mapping[str, Any], known: list[str]) -> str:
    kind, path = found["type"], found["loc"]
    if kind == "missing":
        return "this field is needed"
    if kind == "extra_forbidden" and len(path) == 1:
        return f"unknown field; there are: {', '.join(known)}{closest(str(path[0]), known)}"
    if kind == "extra_forbidden":
        return "unknown field; remove it"
    if kind in ("model_type", "dict_type"):
        return "must be an object"
    if kind in ("too_short", "too_long"):
        bound = found["ctx"]["min_length" if kind == "too_short" else "max_length"]
        return f"should have at {'least' if kind == 'too_short' else 'most'} {bound} item{'s' * (bound != 1)}"
    text = str(found["msg"]).removeprefix("Value error, ")
    return text.replace("Input should", "should", 1) if text.startswith("Input should") else text
