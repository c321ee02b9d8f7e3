"""Outputs and files as passages of a length that a reader can take in. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model import Json

LONG = 600
"""Characters of a passage."""
SHORTEST = 12
"""A text of fewer characters says nothing that anybody would look for."""
MOST = 30
"""Passages of one output or file; what comes after them is not found."""
READ = LONG * MOST


def text_of(value: Json) -> str:
    """The words of an output: its texts, each under the names that lead to it; numbers alone say nothing."""
    found: list[str] = []
    length = 0
    for line in _lines(value, ""):
        found.append(line)
        length += len(line) + 1
        if length > READ:
            break
    return "\n".join(found)[:READ]


def _lines(value: Json, name: str) -> Iterator[str]:
    stack: list[tuple[str, Json]] = [(name, value)]
    while stack:
        label, part = stack.pop()
        if isinstance(part, str):
            yield f"{label}: {part}" if label else part
        elif isinstance(part, dict):
            stack.extend((f"{label}.{key}" if label else str(key), below) for key, below in reversed(part.items()))
        elif isinstance(part, list):
            stack.extend((label, below) for below in reversed(part[:READ]))
        elif label and part is not None:
            yield f"{label}: {str(part)[:40]}"


def pieces(text: str) -> list[str]:
    """A text cut into passages, at the ends of lines or words where there are some near; none of a text too short."""
    found: list[str] = []
    start = 0
    while start < len(text) and len(found) < MOST:
        end = start + LONG
        if end < len(text):
            window = text[start:end]
            cut = max(window.rfind("\n", LONG // 2), window.rfind(" ", LONG // 2))
            end = start + (cut if cut > 0 else LONG)
        piece = text[start:end].strip()
        if len(piece) >= SHORTEST and any(letter.isalpha() for letter in piece):
            found.append(piece)
        start = end
    return found
