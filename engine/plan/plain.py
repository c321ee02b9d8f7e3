"""Is it plain JSON? Whatever parser a body came through, what is stored must come back equal.

A parser may let through what JSON cannot hold: NaN, lone surrogates, dates and sets from YAML, keys that are numbers.
The quick look goes level by level through the containers and stops at the first doubt; only then the slow look finds
each place. The depth limit protects every recursive reader after this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.model import Json
from engine.plan.faults import Faults, pointer

MAX_DEPTH = 100
"""Levels of lists and objects in one body."""
MAX_CONTAINERS = 20_000_000
"""Lists and objects in one body; YAML aliases can unfold a line into more."""

_PLAIN = frozenset({bool, int, type(None)})
_LONG_INT_BITS = 14_000  # Python refuses to write integers above 4,300 digits


def check_plain(body: Json, faults: Faults) -> bool:
    """Whether ``body`` holds nothing but JSON; notes every place where it does not."""
    if is_plain(body):
        return True
    for place, detail in _slow(body):
        faults.add(place, detail)
        if faults.full:
            break
    return False


def is_plain(value: Json) -> bool:
    """Whether ``value`` is JSON within the limits above."""
    level: list[Json] = [[value]]
    seen = 0
    for _ in range(MAX_DEPTH + 1):
        below: list[Json] = []
        if not all(_holds_plain(container, below) for container in level):
            return False
        seen += len(below)
        if not below:
            return True
        if seen > MAX_CONTAINERS:
            return False
        level = below
    return False


def _holds_plain(container: Json, below: list[Json]) -> bool:
    """Whether names and scalars of one list or object are JSON; adds the containers in it to ``below``."""
    values = container
    if type(container) is dict:
        if not all(type(name) is str and (name.isascii() or _encodes(name)) for name in container):
            return False
        values = container.values()
    for value in values:
        kind = type(value)
        if kind is str:
            if not (value.isascii() or _encodes(value)):
                return False
        elif kind is dict or kind is list:
            below.append(value)
        elif _fault_of_scalar(value):
            return False
    return True


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault_of_scalar(value: Json) -> str:
    """What is wrong with a value that is neither text, list nor object; "" when nothing is."""
    kind = type(value)
    if kind is float:
        return "" if math.isfinite(value) else f"{value} is no JSON number; send null or leave it out"
    if kind is int:
        return "the number has too many digits; send it as text" if value.bit_length() > _LONG_INT_BITS else ""
    return "" if kind in _PLAIN else f"a value of type {kind.__name__} is not JSON; write it as text, in quotes"


def _slow(body: Json) -> Iterator[tuple[str, str]]:
    """(pointer, detail) of every value that JSON cannot hold, in reading order."""
    stack: list[tuple[tuple[str | int, ...], Json]] = [((), body)]
    seen = 0
    while stack:
        path, value = stack.pop()
        if type(value) is str:
            if not _encodes(value):
                yield pointer(*path), "the text has a lone surrogate, which no encoding can hold; remove it"
        elif type(value) not in (dict, list):
            if detail := _fault_of_scalar(value):
                yield pointer(*path), detail
        elif len(path) >= MAX_DEPTH:
            yield pointer(*path[:8]), f"is nested more than {MAX_DEPTH} levels deep; flatten it"
        elif (seen := seen + 1) > MAX_CONTAINERS:
            yield pointer(*path[:8]), f"the body unfolds into more than {MAX_CONTAINERS:,} lists and objects"
            return
        elif type(value) is dict:
            yield from _bad_names(path, value)
            stack.extend(((*path, str(name)), below) for name, below in reversed(value.items()))
        else:
            stack.extend(((*path, number), value[number]) for number in range(len(value) - 1, -1, -1))


def _bad_names(path: tuple[str | int, ...], value: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for name in value:
        if type(name) is not str:
            yield pointer(*path, str(name)), "the name of a field must be text; put it in quotes"
        elif not _encodes(name):
            yield pointer(*path, name), "the name has a lone surrogate, which no encoding can hold; remove it"
