"""Entries on their way to the graph: they gather here and are written in batches, beside the scheduler's loop.

Until an entry is written it is found here, so that there is no moment in which nobody has it. What a crash loses is
made anew; so nothing waits for these writes but the end of a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from engine.cachestore import CacheEntry, CacheStore
from engine.errors import Fenced, GraphUnavailable
from engine.pace import Pace
from engine.ports import Clock

_log = structlog.get_logger("cache")

WRITE_SECONDS = 1.0
"""Entries are written at most this often, unless many have gathered."""
MANY = 500
"""Entries that are written without delay."""
WRITE_BATCH = 250
"""Entries in one transaction: turns go between."""
MOST_PENDING = 5_000
"""Entries that wait while the graph is away; the oldest go first."""
TIDY_SECONDS = 60.0
"""How often entries that are too old are looked for, while new ones are written."""
TIDY_BATCH = 1_000


class EntryKeeper:
    """Holds the entries that the graph does not have yet. ``ring`` is called on the event loop when they are due."""

    def __init__(self, store: CacheStore, clock: Clock, ring: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._pace = Pace(clock, ring, WRITE_SECONDS)
        self._pending: dict[str, CacheEntry] = {}
        self._tidy_at = 0.0
        self._writing = asyncio.Lock()

    def get(self, key: str) -> CacheEntry | None:
        """An entry that is not written yet."""
        return self._pending.get(key)

    def add(self, entry: CacheEntry) -> None:
        """Has an entry written soon."""
        self._pending.pop(entry.key, None)
        self._pending[entry.key] = entry
        if len(self._pending) > MOST_PENDING:
            del self._pending[next(iter(self._pending))]

    def drop(self, key: str) -> None:
        """Forgets an entry that is not written yet."""
        self._pending.pop(key, None)

    def matching(self, type: str, tag: str, version: str) -> list[str]:
        """Keys of the entries here of a type, of a tag, of a version; "" is any."""
        return [
            key
            for key, entry in self._pending.items()
            if type in ("", entry.type) and version in ("", entry.version) and (not tag or tag in entry.tags)
        ]

    def due(self) -> bool:
        """Whether entries are to be written now."""
        if not self._pending or self._writing.locked():
            return False
        return len(self._pending) >= MANY or self._pace.due()

    async def write(self) -> None:
        """Writes what has gathered. Raises ``GraphUnavailable`` and ``Fenced``; any other trouble costs the entries."""
        async with self._writing:
            self._pace.done()
            await self._write()

    async def _write(self) -> None:
        if not self._pending:
            return
        while batch := list(self._pending.values())[:WRITE_BATCH]:
            try:
                await self._store.put_cached(batch)
            except (GraphUnavailable, Fenced):
                raise
            except Exception as error:  # whatever it is: a cache is never worth a failed task
                _log.warning("outputs are not kept for reuse", entries=len(batch), reason=str(error))
            for entry in batch:
                if self._pending.get(entry.key) is entry:
                    del self._pending[entry.key]
        await self._tidy()

    async def _tidy(self) -> None:
        """Removes some of what is too old."""
        if self._clock.monotonic() < self._tidy_at:
            return
        old = await self._store.expired_keys(self._clock.now(), TIDY_BATCH)
        if old:
            await self._store.drop_cached(old)
        self._tidy_at = self._clock.monotonic() + (0.0 if len(old) == TIDY_BATCH else TIDY_SECONDS)

    def close(self) -> None:
        """Rings no more."""
        self._pace.close()
