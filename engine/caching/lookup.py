"""Look-ups of entries, gathered: whatever is asked for in one step of the event loop is one question to Redis, and one
to the graph for what Redis does not have. A turn starts its attempts in one step, so a turn is one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from engine.cachestore import CacheEntry, CacheStore
from engine.caching.entries import hash_of, intact
from engine.caching.keeper import EntryKeeper
from engine.caching.service import CacheService
from engine.errors import EngineError
from engine.model import Value
from engine.ports import Clock, GraphReader

_log = structlog.get_logger("cache")

MOST_AT_ONCE = 500
"""Keys in one question."""
YOUNG_MS = 60_000
"""An entry that is younger is not removed because its Result is missing."""


class Hit(Value, frozen=True):
    """An entry with its output's text; None where the blob store has it."""

    entry: CacheEntry
    text: str | None


class Lookups:
    """Asks both levels for one engine. Whatever goes wrong is a miss."""

    def __init__(
        self, service: CacheService, store: CacheStore, reader: GraphReader, keeper: EntryKeeper, clock: Clock
    ) -> None:
        self._service = service
        self._store = store
        self._reader = reader
        self._keeper = keeper
        self._clock = clock
        self._asked: dict[str, list[asyncio.Future[Hit | None]]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def find(self, key: str, oldest: int = 0) -> Hit | None:
        """The entry of a key that is not older than a moment (milliseconds), with its output."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._send)
        answer: asyncio.Future[Hit | None] = loop.create_future()
        self._asked.setdefault(key, []).append(answer)
        hit = await answer
        return hit if hit is not None and hit.entry.created_at >= oldest else None

    def _send(self) -> None:
        asked, self._asked = self._asked, {}
        keys = list(asked)
        for start in range(0, len(keys), MOST_AT_ONCE):
            work = asyncio.create_task(self._answer({key: asked[key] for key in keys[start : start + MOST_AT_ONCE]}))
            self._working.add(work)
            work.add_done_callback(self._working.discard)

    async def _answer(self, asked: dict[str, list[asyncio.Future[Hit | None]]]) -> None:
        found: dict[str, Hit] = {}
        try:
            found = await self.look(list(asked))
        except EngineError as error:
            _log.debug("nothing is looked up", reason=str(error))
        finally:
            for key, answers in asked.items():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(found.get(key))

    async def look(self, keys: Sequence[str]) -> dict[str, Hit]:
        """What either level has of some keys."""
        now = self._clock.now()
        entries = {key: entry for key in keys if (entry := self._keeper.get(key))}
        left = [key for key in keys if key not in entries]
        if left:
            near = await self._service.entries(left)
            entries |= {entry.key: entry for entry in near if entry and entry.expires_at > now}
        left = [key for key in left if key not in entries]
        if left:
            entries |= await self._far(left, now)
        return await self._whole(entries)

    async def _far(self, keys: list[str], now: int) -> dict[str, CacheEntry]:
        """What the graph has; Redis gets it too, for the next time."""
        try:
            found = {entry.key: entry for entry in await self._store.cached(keys, now)}
        except EngineError as error:
            _log.debug("the graph is not asked", reason=str(error))
            return {}
        bad = [key for key, entry in found.items() if not intact(entry, key)]
        if bad:
            await self.drop(bad)
        good = {key: entry for key, entry in found.items() if key not in bad}
        for entry in good.values():
            if entry.output is not None:
                self._service.put_soon(entry, (entry.expires_at - now) / 1000)
        return good

    async def _whole(self, entries: dict[str, CacheEntry]) -> dict[str, Hit]:
        """The entries with their outputs; one whose output is gone, or not what it was, is removed."""
        wanted = [entry.output_hash for entry in entries.values() if entry.output is None and not entry.blob]
        bodies = await self._reader.result_bodies(list(dict.fromkeys(wanted))) if wanted else {}
        young = self._clock.now() - YOUNG_MS
        hits: dict[str, Hit] = {}
        gone: list[str] = []
        for key, entry in entries.items():
            text = bodies.get(entry.output_hash) if entry.output is None else entry.output
            if entry.output is None and not entry.blob and entry.output_hash not in bodies:
                if entry.created_at < young:  # else its Result may be written in this moment
                    gone.append(key)
            elif text is not None and hash_of(text) != entry.output_hash:
                gone.append(key)
            else:
                hits[key] = Hit(entry, text)
        if gone:
            await self.drop(gone)
        return hits

    async def drop(self, keys: Sequence[str]) -> int:
        """Removes entries from both levels; returns how many the one or the other had."""
        for key in keys:
            self._keeper.drop(key)
        near = await self._service.remove(keys)
        return max(near, await self._store.drop_cached(keys))
