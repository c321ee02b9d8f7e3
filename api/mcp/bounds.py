"""Makes an answer small enough for a model to read: long texts and lists are cut, and it says so."""

from __future__ import annotations

from typing import Any

import msgspec

MOST_CHARACTERS = 24_000
"""Of an answer as JSON: about 8,000 tokens."""
_STEPS = ((4_000, 200), (1_000, 50), (300, 20), (100, 5))
"""Characters of a text and rows of a list that are kept, tried one after the other until the answer fits."""
CUT = "The answer was too long, so texts and lists in it are cut. Ask for one subtask, or for a smaller page."


def bounded(answer: dict[str, Any], most: int = MOST_CHARACTERS) -> dict[str, Any]:
    """The answer, cut until it has no more than ``most`` characters as JSON; a cut one says so under ``cut``."""
    if _length(answer) <= most:
        return answer
    for text, rows in _STEPS:
        smaller = {"cut": CUT, **{name: _cut(value, text, rows) for name, value in answer.items()}}
        if _length(smaller) <= most:
            return smaller
    return {"cut": f"The answer has {_length(answer):,} characters, more than fit here. {CUT}"}


def _length(value: Any) -> int:
    return len(msgspec.json.encode(value))


def _cut(value: Any, text: int, rows: int) -> Any:
    if isinstance(value, str) and len(value) > text:
        return f"{value[:text]} ... ({len(value) - text:,} more characters)"
    if isinstance(value, list):
        kept = [_cut(item, text, rows) for item in value[:rows]]
        return [*kept, f"... ({len(value) - rows:,} more)"] if len(value) > rows else kept
    if isinstance(value, dict):
        fields = {name: _cut(item, text, rows) for name, item in list(value.items())[:rows]}
        return {**fields, "...": f"{len(value) - rows:,} more"} if len(value) > rows else fields
    return value
