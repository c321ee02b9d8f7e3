"""What makes a result what it is, as one hash; and in parts, to say later which part differs. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping

import msgspec

from engine.model import Json

PREFIX = "task"
MOST_PARTS = 64
"""Fields of an input that are told apart."""
PART_DEPTH = 4
"""Levels of an input that are told apart."""
SHORT_TEXT = 1_024
"""Characters of an input up to which it is kept as it is."""
LARGE_TEXT = 64 * 1024
"""Characters of an input above which its fields are not told apart."""
_SHORT = 12
_encoder = msgspec.json.Encoder(order="deterministic")


def cache_key(type: str, text: str) -> str:
    """The key of a result: ``task:TYPE:HASH`` of what ``canonical`` gave."""
    return f"{PREFIX}:{type}:{_sha(text)}"


def type_of(key: str) -> str:
    """The type in a key."""
    return key.removeprefix(f"{PREFIX}:").rpartition(":")[0]


def canonical(type: str, input: Json, version: str, environment: Mapping[str, str]) -> str:
    """Version, environment and input as one text: the order of fields and the way a number is written (1, 1.0, 1e0)
    make no difference.

    Raises:
        ValueError: the input is no JSON value.
    """
    try:
        return _encoder.encode([version, environment, _plain(input)]).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no cache key for this input of {type}: {error}") from None


def parts_of(version: str, environment: Mapping[str, str], text: str) -> str:
    """What a later look-up can be compared with, as JSON text: what ``canonical`` gave where that is short; else the
    version, the environment, and by path a short hash of each field of the input, of a large one all in one.
    """
    if len(text) <= SHORT_TEXT:
        return text
    fields = {"/": _sha(text)[:_SHORT]} if len(text) > LARGE_TEXT else fields_of(msgspec.json.decode(text)[2])
    return _encoder.encode([version, environment, None, fields]).decode()


def fields_of(value: Json) -> dict[str, str]:
    """A short hash of each field of an input by its path."""
    return dict(_fields(value))


def _fields(value: Json) -> Iterator[tuple[str, str]]:
    """(path, short hash) of the fields, level by level; what is below the last level counts with what holds it."""
    level: list[tuple[str, Json]] = [("", value)]
    left = MOST_PARTS
    for _ in range(PART_DEPTH):
        below: list[tuple[str, Json]] = []
        for path, found in level:
            inner = [(f"{path}/{name}", part) for name, part in found.items()] if isinstance(found, dict) else []
            if inner and left >= len(inner):
                left -= len(inner)
                below += inner
            else:
                yield path or "/", _sha(_text(found))[:_SHORT]
        level = below
    for path, found in level:
        yield path, _sha(_text(found))[:_SHORT]


def _text(value: Json) -> str:
    return _encoder.encode(value).decode()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Json) -> Json:
    """A value in which equal numbers are written alike."""
    match value:
        case bool() | None | str() | int():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is no JSON number")
            return int(value) if value.is_integer() else value
        case list() | tuple():
            return [_plain(part) for part in value]
        case dict():
            return {_name(name): _plain(part) for name, part in value.items()}
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a field is {type(name).__name__}, not text")
    return name
