"""The outline of a text that is to be generated: what a template needs and what there is, or sections by rule. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice

from engine.model import Json
from engine.planning.prompt import shape_of

_LISTED = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+(\S.*)$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_MOST = 12
_ROWS_SEEN = 1_000
_OF_ROWS = frozenset({"data", "rows", "row", "item", "items", "index"})
"""What a template may call a list of rows, or one of them."""


def names_in(data: Json) -> set[str]:
    """The names that a template finds in its data."""
    if data is None:
        return set()
    if isinstance(data, dict):
        return {"data", *map(str, data)}
    if isinstance(data, list):
        return {*_OF_ROWS, *_columns(data)}
    return {"data", "text"}


def item_count(data: Json) -> int:
    """How many things the data holds: the rows of a list, else 1, and 0 where there is none."""
    return len(data) if isinstance(data, list) else int(data is not None)


def template_outline(needed: Iterable[str], optional: Collection[str], data: Json) -> list[dict[str, Json]]:
    """One entry for each variable of a template: where it comes from, and what it looks like."""
    known = names_in(data)
    return [
        {
            "variable": name,
            "given": name in known,
            "needed": name not in optional,
            "shape": shape_of(data[name], 1) if isinstance(data, dict) and name in data else None,
        }
        for name in needed
    ]


def prompt_outline(text: str, data: Json) -> list[dict[str, Json]]:
    """Sections of a text: those that the prompt lists, else one for each part of the data, else one per sentence."""
    listed = [found[1].strip() for found in _LISTED.finditer(text)]
    if len(listed) > 1:
        return _sections(listed)
    parts = _parts(data)
    if parts:
        return _sections(["Overview", *parts, "Conclusion"])
    return _sections(found[0].strip() for found in _SENTENCE.finditer(text) if found[0].strip(" .!?"))


def _parts(data: Json) -> list[str]:
    if isinstance(data, dict):
        return [str(name) for name in islice(data, _MOST)]
    return list(islice(_columns(data), _MOST)) if isinstance(data, list) else []


def _columns(rows: list[Json]) -> dict[str, None]:
    """The fields of the first rows, in the order in which they come."""
    return dict.fromkeys(str(name) for row in rows[:_ROWS_SEEN] if isinstance(row, dict) for name in row)


def _sections(titles: Iterable[str]) -> list[dict[str, Json]]:
    return [{"section": number, "title": title[:200]} for number, title in enumerate(islice(titles, _MOST + 2), 1)]
