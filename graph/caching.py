"""Outputs to be reused, once for both dialects: one method, one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.cachestore import CacheEntry
from engine.errors import Fenced
from engine.model import INLINE_OUTPUT_BYTES
from graph.fencing import Fencing

STATEMENTS = frozenset({"cache/drop", "cache/expired", "cache/find", "cache/list", "cache/matching", "cache/put"})

COLUMNS = (
    "id",
    "key",
    "type",
    "version",
    "tags",
    "parts",
    "output",
    "output_hash",
    "output_bytes",
    "seconds",
    "cost",
    "task_id",
    "subtask_id",
    "created_at",
    "expires_at",
)
"""The properties of an entry beside its namespace, in the order in which the embedded graph takes them."""
_PLAIN = tuple(name for name in COLUMNS if name not in ("id", "tags", "output"))


class EntryStore(Fencing):
    """The entries of one namespace."""

    async def cached(self, keys: Sequence[str], now: int) -> list[CacheEntry]:
        """The entries of those keys that are still of use."""
        rows = await self._database.read("cache/find", ids=self._ids(keys), now=now)
        return [entry(row["c"]) for row in rows]

    async def put_cached(self, entries: Sequence[CacheEntry]) -> None:
        """Keeps entries, in one order for all engines, so that none waits for another twice."""
        rows = self._rows(entries)
        if rows and not await self._fenced_write("cache/put", namespace=self._namespace, rows=rows):
            raise Fenced()

    async def drop_cached(self, keys: Sequence[str]) -> int:
        """Removes entries by key."""
        rows = await self._database.write("cache/drop", ids=self._ids(keys))
        return int(rows[0]["dropped"]) if rows else 0

    async def cached_keys(self, limit: int, *, type: str = "", tag: str = "", version: str = "") -> list[str]:
        """Keys of entries of a type, of a tag, of a version."""
        asked = {"type": type, "tag": _tags((tag,)) if tag else "", "version": version, "limit": limit}
        rows = await self._database.read("cache/matching", namespace=self._namespace, **asked)
        return [row["key"] for row in rows]

    async def expired_keys(self, now: int, limit: int) -> list[str]:
        """Keys of entries that are too old."""
        rows = await self._database.read("cache/expired", namespace=self._namespace, now=now, limit=limit)
        return [row["key"] for row in rows]

    async def cache_entries(self, type: str, limit: int) -> list[CacheEntry]:
        """Entries of a type, newest first."""
        rows = await self._database.read("cache/list", namespace=self._namespace, type=type, limit=limit)
        return [entry(row["c"]) for row in rows]

    def _ids(self, keys: Sequence[str]) -> list[str]:
        return [f"{self._namespace}|{key}" for key in keys]

    def _rows(self, entries: Sequence[CacheEntry]) -> list[dict[str, Any]]:
        return [self._row(entry) for entry in sorted(entries, key=lambda entry: entry.key)]

    def _row(self, entry: CacheEntry) -> dict[str, Any]:
        small = entry.output is not None and entry.output_bytes <= INLINE_OUTPUT_BYTES
        return {
            "id": f"{self._namespace}|{entry.key}",
            "output": entry.output if small else None,
            "tags": _tags(entry.tags),
            **{name: getattr(entry, name) for name in _PLAIN},
        }


def entry(node: Mapping[str, Any]) -> CacheEntry:
    """A CacheEntry node as a value."""
    tags = tuple((node.get("tags") or "").strip("\n").split("\n")) if node.get("tags") else ()
    return CacheEntry(output=node.get("output"), tags=tags, **{name: node.get(name) for name in _PLAIN})  # type: ignore[arg-type]


def _tags(tags: Sequence[str]) -> str:
    """Tags as one text in which each can be looked for; none of them holds a line break."""
    return "".join(f"\n{tag}" for tag in tags) + "\n" if tags else ""
