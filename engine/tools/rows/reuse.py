"""Whether the output of a stage may be used again, and what it depends on beside its input. Looks at no data.

The input is looked at as it came, not as a model: this runs before every stage, and rows may be many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from engine.model import Json
from engine.tools.roots import Roots

_SOURCES = ("source", "left", "right")
_DATA = frozenset({*_SOURCES, "data", "parts", "join", "analysis"})
_UNSTEADY = re.compile(
    r"\b(random|setseed|\w*uuid\w*|now|today|age|current_\w+|get_current_\w+|localtime\w*|transaction_timestamp"
    r"|nextval|currval|txid_current|sample|tablesample)\b",
    re.IGNORECASE,
)
"""Words of SQL and of templates that may give something else the next time."""


def steady(value: Json, roots: Roots) -> bool:
    """Whether a stage gives the same for this input as long as its files stay as they are: nothing comes from the web,
    nothing is written, and no expression asks for the time or for chance.
    """
    if not isinstance(value, dict) or value.get("to_path") is not None:
        return False
    for place in _places(value):
        if place.get("url") is not None:
            return False
        if place.get("path") is not None and stamp(place["path"], roots) is None:
            return False
    return not any(_UNSTEADY.search(text) for text in _texts(value))


def files(value: Json, roots: Roots) -> Mapping[str, str]:
    """Size and time of every file that a stage reads, by its name."""
    paths = {place["path"] for place in _places(value) if place.get("path") is not None}
    return {f"file {path}": stamp(path, roots) or "missing" for path in sorted(paths, key=str)}


def url_of(value: Json) -> Json:
    """The first address in the web that a stage reads from; None where it reads from none."""
    return next((place["url"] for place in _places(value) if place.get("url") is not None), None)


def stamp(path: Json, roots: Roots) -> str | None:
    """Size and time of a file; None when it cannot be looked at."""
    return roots.stamp(path) if isinstance(path, str) else None


@cache
def libraries() -> Mapping[str, str]:
    """The version of what works on rows."""
    try:
        return {"duckdb": version("duckdb")}
    except PackageNotFoundError:
        return {}


def _places(value: Json) -> Iterator[dict[str, Json]]:
    """The objects of an input that may name where data comes from."""
    if not isinstance(value, dict):
        return
    yield value
    join = value.get("join")
    beside = [value.get(name) for name in _SOURCES] + [join.get("with") if isinstance(join, dict) else None]
    yield from (place for place in beside if isinstance(place, dict))


def _texts(value: dict[str, Json]) -> Iterator[str]:
    """The texts of the parameters: those of the data are left out."""
    stack = [part for name, part in value.items() if name not in _DATA]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list):
            stack += part
