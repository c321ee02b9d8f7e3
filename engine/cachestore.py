"""Where the graph keeps outputs to be used again, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model import CacheEntry


class CacheStore(Protocol):
    """Outputs by the hash of what made them, where they survive a restart. What is gone from it is made anew."""

    async def cached(self, keys: Sequence[str], now: int) -> list[CacheEntry]:
        """The entries of those keys that are still of use at a moment (milliseconds); ``parts`` is left out."""

    async def put_cached(self, entries: Sequence[CacheEntry]) -> None:
        """Keeps entries, each in the place of the one with its key. Raises ``Fenced``."""

    async def drop_cached(self, keys: Sequence[str]) -> int:
        """Removes entries by key; returns how many there were. Not fenced."""

    async def cached_keys(self, limit: int, *, type: str = "", tag: str = "", version: str = "") -> list[str]:
        """Keys of up to ``limit`` entries of a type, of a tag, of a version; "" is any. In no promised order."""

    async def expired_keys(self, now: int, limit: int) -> list[str]:
        """Keys of up to ``limit`` entries that are too old at a moment (milliseconds)."""

    async def cache_entries(self, type: str, limit: int) -> list[CacheEntry]:
        """Up to ``limit`` entries of a type, newest first."""
