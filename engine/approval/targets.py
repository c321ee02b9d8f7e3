"""Where an input points: the paths and the recipients in it, by the names that its fields have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.model import Json

_PATHS = frozenset({"path", "paths", "file", "files", "folder", "folders", "directory", "cwd", "destination", "target"})
_RECIPIENTS = frozenset({"to", "cc", "bcc", "recipient", "recipients", "reply_to"})
_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_MOST = 100_000
"""Values of an input that are looked at; a larger one points everywhere."""
EVERYWHERE = "/"


class _TooMany(Exception):
    """The input is too large to look at."""


def paths_of(value: Json) -> list[str]:
    """Every text in a field that is called like a path; the root of all paths where the input is too large to tell."""
    try:
        return list(dict.fromkeys(_named(value, _is_path)))
    except _TooMany:
        return [EVERYWHERE]


def recipients_of(value: Json) -> list[str]:
    """Every address in a field that is called like a recipient, whatever stands around it: a mail program may take any
    of them; a text without one counts as it is.
    """
    try:
        texts = list(_named(value, _RECIPIENTS.__contains__))
    except _TooMany:
        return ["*"]
    return list(dict.fromkeys(address for text in texts for address in _ADDRESS.findall(text) or [text]))


def _is_path(name: str) -> bool:
    return name in _PATHS or name.endswith(("_path", "_file", "_folder", "_directory"))


def _named(value: Json, wanted: object) -> Iterator[str]:
    """The texts below fields whose names are wanted, at any depth."""
    assert callable(wanted)
    stack: list[tuple[Json, bool]] = [(value, False)]
    seen = 0
    while stack:
        seen += 1
        if seen > _MOST:
            raise _TooMany
        found, inside = stack.pop()
        if isinstance(found, str) and inside:
            yield found
        elif isinstance(found, dict):
            stack += [(inner, inside or wanted(name.casefold())) for name, inner in reversed(found.items())]
        elif isinstance(found, list):
            stack += [(inner, inside) for inner in reversed(found)]
