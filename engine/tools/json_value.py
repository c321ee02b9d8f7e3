"""What counts as a JSON value, and how a Python value becomes one.

Outputs are stored as JSON text, so a value that JSON cannot carry must be refused where it is made, with its place,
and not seconds later inside the writer of the graph. Only the standard library is used: the process that runs a
caller's Python code loads this file on its own, without the rest of the engine.
"""

from __future__ import annotations

import math

MAX_DEPTH = 200
"""Nesting that every JSON reader on the way can follow."""
MAX_DIGITS = 4300
"""Longest integer that Python turns into text and back."""
_MAX_BITS = 14_284


class NotJson(ValueError):
    """A value that JSON cannot carry; the message names its place and what to return instead."""


def plain(value: object) -> object:
    """``value`` in the plain JSON types: tuples become lists, subclasses of str, int and float their base.

    Raises:
        NotJson: for any other type, a key that is no text, NaN, infinity, a lone surrogate, an integer of more than
            4,300 digits, or nesting deeper than 200.
    """
    return _plain(value, "", 0)


def _plain(value: object, at: str, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, at)
    if isinstance(value, (int, float)):
        return _number(value, at)
    if depth >= MAX_DEPTH:
        raise NotJson(f"nested deeper than {MAX_DEPTH} (or it contains itself){_place(at)}")
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{at}/{index}", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, at): _plain(item, f"{at}/{key}", depth + 1) for key, item in value.items()}
    raise NotJson(f"a {type(value).__name__} is no JSON value{_place(at)}; use text, numbers, lists and dictionaries")


def _text(value: str, at: str) -> str:
    exact = str.__str__(value)
    if not exact.isascii():
        try:
            exact.encode()
        except UnicodeEncodeError:
            raise NotJson(f"the text holds a lone surrogate{_place(at)}; decode it as UTF-8 first") from None
    return exact


def _number(value: int | float, at: str) -> int | float:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotJson(f"{value} is no JSON number{_place(at)}; use null instead")
        return float(value)
    if value.bit_length() > _MAX_BITS:
        raise NotJson(f"the integer has more than {MAX_DIGITS} digits{_place(at)}; return it as text")
    return int(value)


def _key(key: object, at: str) -> str:
    if not isinstance(key, str):
        raise NotJson(f"the key {key!r} is no text{_place(at)}; turn keys into text")
    return _text(key, at)


def _place(at: str) -> str:
    return f" at {at if len(at) <= 200 else at[:200] + '...'}" if at else ""
