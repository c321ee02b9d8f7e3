"""An input as a person is shown it: whole where it is small, else with its long parts cut and marked as such. Pure."""

from __future__ import annotations

import hashlib
import json

import msgspec

from engine.model import Json

SHOWN_BYTES = 16 * 1024
"""An input up to so many bytes of JSON is shown whole."""
LONGEST_TEXT = 1_000
"""Characters of a text in a larger one."""
LONGEST_LIST = 50
"""Members of a list or an object in a larger one."""
DEEPEST = 8
_encode = msgspec.json.Encoder().encode


def shown(value: Json) -> tuple[Json, int, bool]:
    """The input for a person, its size in bytes of JSON, and whether something of it was left out."""
    size = len(_encode(value))
    if size <= SHOWN_BYTES:
        return value, size, False
    for text, members in ((LONGEST_TEXT, LONGEST_LIST), (200, 20), (80, 8)):
        cut = _cut(value, text, members, DEEPEST)
        if len(_encode(cut)) <= SHOWN_BYTES:
            return cut, size, True
    return f"({size:,} bytes; GET the subtask for the whole input)", size, True


def _cut(value: Json, text: int, members: int, depth: int) -> Json:
    if isinstance(value, str):
        left = len(value) - text
        return value if left <= 0 else f"{value[:text]}… ({left:,} more characters)"
    if isinstance(value, (dict, list)) and not depth:
        return f"… ({len(value):,} more)"
    if isinstance(value, list):
        few = [_cut(found, text, members, depth - 1) for found in value[:members]]
        return few if len(value) <= members else [*few, f"… ({len(value) - members:,} more)"]
    if isinstance(value, dict):
        kept = {name: _cut(found, text, members, depth - 1) for name, found in list(value.items())[:members]}
        return kept if len(value) <= members else {**kept, "…": f"{len(value) - members:,} more fields"}
    return value


def fingerprint(type: str, value: Json) -> str:
    """The hash of what will run: a type and its whole input. The order of fields makes no difference, all else does.

    Raises ``ValueError`` when the input is no JSON value.
    """
    try:
        text = json.dumps([type, value], sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"this input of {type} is no JSON value: {error}") from None
    return hashlib.sha256(text.encode()).hexdigest()


def amended(value: Json, changes: Json) -> Json:
    """An input with the fields of ``changes`` put into it; where either is no object, ``changes`` take its place."""
    return {**value, **changes} if isinstance(value, dict) and isinstance(changes, dict) else changes
