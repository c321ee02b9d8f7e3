"""Where the graph keeps outputs to be used again, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model import BLOB_BYTES, Value


class CacheEntry(Value, frozen=True):
    """An output by the hash of what made it, to be used again until ``expires_at`` (milliseconds).

    ``output`` is its JSON text, None where only its address is kept: ``output_hash`` and ``output_bytes``. ``seconds``
    and ``cost`` (US dollars) are what making it took, ``subtask_id`` who made it, ``tags`` those of that task.
    ``parts`` is JSON text: short hashes of what went into the key, to tell what differs.
    """

    key: str
    type: str
    version: str
    output: str | None
    output_hash: str
    output_bytes: int
    seconds: float
    task_id: str
    subtask_id: str
    created_at: int
    expires_at: int
    cost: float | None = None
    tags: tuple[str, ...] = ()
    parts: str = "{}"

    @property
    def blob(self) -> bool:
        """Whether the blob store has the output."""
        return self.output is None and self.output_bytes > BLOB_BYTES


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
