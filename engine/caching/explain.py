"""Why a look-up finds nothing: which part of what made the key differs from the nearest entry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from engine.cachestore import CacheEntry
from engine.caching.keys import fields_of, parts_of
from engine.model import Value

SHOWN = 10
"""Parts that are named."""
Verdict = Literal["hit", "miss", "not cacheable"]


class Explanation(Value, frozen=True):
    """What the cache has for a subtask. ``differs`` names the parts in which its key is another than that of
    ``nearest``; ``says`` is all of it in words.
    """

    verdict: Verdict
    says: str
    key: str = ""
    nearest: CacheEntry | None = None
    differs: tuple[str, ...] = ()


def parts(version: str, environment: Mapping[str, str], text: str) -> dict[str, str]:
    """The parts of a key by name, from what it is made of."""
    return _flat(parts_of(version, environment, text))


def explained(
    key: str, type: str, own: Mapping[str, str], hit: CacheEntry | None, others: Iterable[CacheEntry]
) -> Explanation:
    """What there is for a key.

    Args:
        key: of the subtask.
        type: its tool's name.
        own: what ``parts`` gave.
        hit: its entry.
        others: entries of the type, newest first.
    """
    if hit is not None:
        return Explanation("hit", f"its output is kept: {_from(hit)}", key, hit)
    best: tuple[list[str], CacheEntry] | None = None
    for entry in others:
        found = differences(own, _flat(entry.parts))
        if best is None or len(found) < len(best[0]):
            best = (found, entry)
    if best is None:
        return Explanation("miss", f"nothing of the type {type} is kept", key)
    differs, nearest = best
    if not differs:
        says = f"the nearest entry differs in what is not told apart; it is kept {_from(nearest)}"
    else:
        more = f" and {len(differs) - SHOWN} more" if len(differs) > SHOWN else ""
        says = f"{', '.join(differs[:SHOWN])}{more}: in this it differs from the nearest entry, {_from(nearest)}"
    return Explanation("miss", says, key, nearest, tuple(differs))


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names of the parts that differ or that only one has."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _flat(text: str) -> dict[str, str]:
    try:
        version, environment, value, *fields = msgspec.json.decode(text)
        flat = {"version": str(version)} | {f"environment {name}": str(own) for name, own in environment.items()}
        found = fields[0] if fields else fields_of(value)
        return flat | {f"input {path}": str(own) for path, own in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _from(entry: CacheEntry) -> str:
    return f"from {entry.subtask_id}" if entry.subtask_id else "put there by a program"
