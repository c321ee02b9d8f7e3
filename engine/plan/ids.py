"""Ids: a task's is a ULID, so the text order of ids is the order of their making.

A ULID is 48 bits of milliseconds and 80 random bits, written as 26 characters of Crockford's base 32.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


class Ulids:
    """Makes ULIDs that always grow within this process, also when the clock stands still or goes back."""

    def __init__(self, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._randomness = randomness
        self._lock = threading.Lock()
        self._last = 0

    def new(self, now: int) -> str:
        """A new id; ``now`` is milliseconds since 1970 UTC."""
        fresh = (now << _RANDOM_BITS) | int.from_bytes(self._randomness(_RANDOM_BITS // 8))
        with self._lock:
            same_moment = fresh >> _RANDOM_BITS <= self._last >> _RANDOM_BITS
            self._last = self._last + 1 if same_moment else fresh
            value = self._last
        return _text(value)


def first_ulid(moment: int) -> str:
    """The text below which all ids lie that were made before a moment (milliseconds since 1970 UTC)."""
    return _text(max(moment, 0) << _RANDOM_BITS)


def born(ulid: str) -> int:
    """When an id was made, in milliseconds since 1970 UTC."""
    value = 0
    for letter in ulid[:10]:
        value = value * 32 + _ALPHABET.index(letter)
    return value


def _text(value: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def subtask_id(task_id: str, index: int) -> str:
    """The id of the subtask at ``index`` of its plan, or of the item at ``index`` of a mapped subtask."""
    return f"{task_id}.{index:07d}"
