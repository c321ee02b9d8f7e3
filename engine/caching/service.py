"""Results by what made them, in Redis: a value is there or it is not, and nothing is ever wrong because it is not.

Redis may be away, slow, full, or hold what cannot be read: every call then is a miss, or does nothing. While it is away
nobody waits for it: it is asked again once a second, beside the work, and each outage is one line in the log. Without
Redis a table in this process takes its place.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar

import msgspec
import structlog

from engine.adapters.redis import RedisConnection
from engine.cachestore import CacheEntry
from engine.caching import entries, keys
from engine.caching.shelves import MemoryShelf, RedisShelf, Shelf
from engine.model import Json

_log = structlog.get_logger("cache")
Result = TypeVar("Result")

ANSWER_SECONDS = 1.0
"""Longest wait for one answer of Redis; a cache that is slower than that is of no use."""
AGAIN_SECONDS = 1.0
"""How long Redis is left alone after it gave no answer."""
MOST_COUNTED = 100_000
"""Entries that the statistics look at, and that one removal by type looks for."""
MOST_WAITING = 16 * 1024 * 1024
"""Bytes that wait to be put into Redis; what comes on top of that is only kept in the graph."""
_BATCH = 500


class CacheStats(TypedDict):
    """``hits`` and ``misses`` of this process and their ``hit_rate`` (0..1, 0 before the first look-up); what the hits
    have saved, in seconds of work and US dollars; ``entries`` and ``bytes`` that Redis holds for this namespace, 0
    while it is not ``available``; ``errors`` counts what could not be read, and what Redis refused or did not answer.
    """

    hits: int
    misses: int
    hit_rate: float
    saved_seconds: float
    saved_cost: float
    errors: int
    entries: int
    bytes: int
    available: bool


class CacheService:
    """JSON values by key, each for a limited time.

    Args:
        connection: to Redis or its stand-in; whoever made it opens and closes it.
        ttl_seconds: how long a value stays when ``set`` does not say.
        namespace: keys of other namespaces are not seen.
        monotonic: seconds that never go back.
        shelf: where values lie, in the place of what the connection leads to.
    """

    def __init__(
        self,
        connection: RedisConnection,
        ttl_seconds: int = 3600,
        namespace: str = "agent03",
        monotonic: Callable[[], float] = time.monotonic,
        shelf: Shelf | None = None,
    ) -> None:
        self._connection = connection
        self.ttl_seconds = ttl_seconds
        self._prefix = f"{namespace}:"
        self._monotonic = monotonic
        self._shelf = shelf or (RedisShelf(connection) if connection.kind == "redis" else MemoryShelf())
        self.hits = 0
        self.misses = 0
        self.errors = 0
        self.saved_bytes = 0
        self.saved_seconds = 0.0
        self._saved_cost = 0.0
        self._away_since: float | None = None
        self._probe: asyncio.Task[None] | None = None
        self._probing = False
        self._refusal = ""
        self._waiting: deque[tuple[str, bytes, float]] = deque()
        self._waiting_bytes = 0
        self._putting: asyncio.Task[None] | None = None

    # --- values by key --------------------------------------------------------------------------------------------

    def generate_cache_key(
        self, type: str, input: Json, version: str = "1", environment: Mapping[str, str] | None = None
    ) -> str:
        """The key of a result: ``task:TYPE:HASH`` of what the type's tool was given, the tool's version, and what else
        its output depends on.

        The order of fields and the way a number is written (1, 1.0, 1e0) make no difference.

        Raises:
            ValueError: the input is no JSON value.
        """
        return keys.cache_key(type, keys.canonical(type, input, version, environment or {}))

    async def get(self, key: str, default: Json = None) -> Json:
        """The value of a key, also of a task's result; ``default`` when there is none, or only its address is kept.
        What cannot be read is removed.
        """
        (found,) = await self._ask(lambda: self._shelf.get([self._prefix + key]), [None])
        try:
            if found is not None:
                value = entries.value_of(found, key)
                self.hits += 1
                return value
        except entries.NoValue:
            pass
        except (msgspec.DecodeError, ValueError):
            await self._damaged(key)
        self.misses += 1
        return default

    async def set(self, key: str, value: Json, ttl_seconds: float | None = None) -> bool:
        """Keeps a value; whether it is kept. Raises ``TypeError`` or ``ValueError`` for what is no JSON value."""
        return await self._set(key, msgspec.json.encode(value), ttl_seconds)

    async def delete(self, key: str) -> bool:
        """Removes a value; whether there was one."""
        return bool(await self._ask(lambda: self._shelf.delete([self._prefix + key]), 0))

    async def exists(self, key: str) -> bool:
        """Whether a key has a value. It counts as no look-up."""
        (found,) = await self._ask(lambda: self._shelf.get([self._prefix + key]), [None])
        return found is not None

    async def get_task_result(
        self,
        type: str,
        input: Json,
        version: str = "1",
        default: Json = None,
        environment: Mapping[str, str] | None = None,
    ) -> Json:
        """The kept output of a tool for an input; ``default`` when there is none, or only its address is kept."""
        key = self.generate_cache_key(type, input, version, environment)
        (found,) = await self.entries([key], patient=True)
        if found is None or found.output is None:
            self.misses += 1
            return default
        self.count_hit(found)
        return msgspec.json.decode(found.output)

    async def cache_task_result(
        self,
        type: str,
        input: Json,
        output: Json,
        version: str = "1",
        ttl_seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> bool:
        """Keeps the output of a tool for an input; whether it is kept. Raises ``TypeError`` or ``ValueError``."""
        key, ttl = self.generate_cache_key(type, input, version, environment), ttl_seconds or self.ttl_seconds
        entry = entries.of_value(key, version, output, time.time_ns() // 1_000_000, ttl)
        return await self._set(key, entries.encode(entry), ttl)

    async def _set(self, key: str, data: bytes, ttl_seconds: float | None) -> bool:
        ttl = self.ttl_seconds if ttl_seconds is None else ttl_seconds
        return await self._hand_over([(self._prefix + key, data, ttl)], patient=True)

    async def _hand_over(self, rows: list[tuple[str, bytes, float]], *, patient: bool) -> bool:
        """Puts rows; whether all of them found room."""
        no_room: int | None = await self._ask(lambda: self._shelf.set(rows), None, patient=patient)
        if no_room is not None:
            self.errors += no_room
            self._told("it has no room" if no_room else "")
        return no_room == 0

    # --- entries, for the engine ----------------------------------------------------------------------------------

    async def entries(self, wanted: Sequence[str], *, patient: bool = False) -> list[CacheEntry | None]:
        """The entries of keys, None where there is none; one round trip. Nobody waits for a Redis that is away, unless
        ``patient``. It counts as no look-up.
        """
        names = [self._prefix + key for key in wanted]
        found = await self._ask(lambda: self._shelf.get(names), None, patient=patient)
        if found is None:
            return [None] * len(names)
        return [None if data is None else await self._read(key, data) for key, data in zip(wanted, found, strict=True)]

    async def _read(self, key: str, data: bytes) -> CacheEntry | None:
        try:
            return entries.decode(data, key)
        except entries.BadEntry:
            await self._damaged(key)
            return None

    async def _damaged(self, key: str) -> None:
        self.errors += 1
        _log.warning("an entry of the cache cannot be read and is removed", key=key)
        await self.delete(key)

    def put_soon(self, entry: CacheEntry, seconds: float) -> None:
        """Keeps an entry for so long, without anybody waiting for it."""
        key, data = self._prefix + entry.key, entries.encode(entry)
        if isinstance(self._shelf, MemoryShelf):
            self._shelf.put(key, data, seconds)
            return
        if self._away_since is not None or self._waiting_bytes + len(data) > MOST_WAITING:
            return
        self._waiting.append((key, data, seconds))
        self._waiting_bytes += len(data)
        if self._putting is None:
            self._putting = asyncio.create_task(self._put())

    async def _put(self) -> None:
        """Puts what waits, a batch at a time."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._waiting_bytes -= sum(len(row[1]) for row in batch)
                await self._hand_over(batch, patient=False)
        finally:
            self._putting = None

    async def remove(self, wanted: Sequence[str]) -> int:
        """Removes entries by key; returns how many there were."""
        names, gone = [self._prefix + key for key in wanted], 0
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            gone += await self._ask(lambda batch=batch: self._shelf.delete(batch), 0)  # type: ignore[misc]
        return gone

    async def keys_of(self, type: str) -> list[str]:
        """The keys of a type that Redis holds."""
        prefix = f"{self._prefix}{keys.PREFIX}:{type}:"
        found: list[str] = await self._ask(lambda: self._shelf.named(prefix, MOST_COUNTED), [])
        names = [name.removeprefix(self._prefix) for name in found]
        return [name for name in names if keys.type_of(name) == type]

    def count_hit(self, entry: CacheEntry) -> None:
        """A look-up found what another attempt had made."""
        self.hits += 1
        self.saved_bytes += entry.output_bytes
        self.saved_seconds += entry.seconds
        self._saved_cost += entry.cost or 0.0

    def count_miss(self) -> None:
        """A look-up found nothing."""
        self.misses += 1

    @property
    def answers(self) -> bool:
        """Whether the last call had an answer."""
        return self._away_since is None

    async def get_stats(self) -> CacheStats:
        """How the cache does. It walks through the keys of Redis, so it is not for every second."""
        prefix = f"{self._prefix}{keys.PREFIX}:"
        found, size = await self._ask(lambda: self._shelf.measure(prefix, MOST_COUNTED), (0, 0))
        looked = self.hits + self.misses
        return {
            "hits": self.hits,
            "misses": self.misses,
            "hit_rate": self.hits / looked if looked else 0.0,
            "saved_seconds": round(self.saved_seconds, 3),
            "saved_cost": round(self._saved_cost, 6),
            "errors": self.errors,
            "entries": found,
            "bytes": size,
            "available": self.answers,
        }

    async def close(self) -> None:
        """Ends what runs beside the work; what waits to be put is in the graph."""
        for task in (self._probe, self._putting):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    # --- the circuit ----------------------------------------------------------------------------------------------

    async def _ask(
        self, call: Callable[[], Awaitable[Any]], otherwise: Result, *, patient: bool = True
    ) -> Any | Result:
        """The answer of Redis, or ``otherwise``. While it is away only one call in a second is let through to it, and
        none unless ``patient``: a look beside the work takes its place.
        """
        if self._away_since is None:
            return await self._answer(call, otherwise)
        if self._probing or self._monotonic() - self._away_since < AGAIN_SECONDS:
            return otherwise
        if not patient:
            self._probing = True
            self._probe = asyncio.create_task(self._look())
            return otherwise
        self._probing = True
        try:
            return await self._answer(call, otherwise)
        finally:
            self._probing = False

    async def _look(self) -> None:
        try:
            await self._answer(self._shelf.ping, None)
        finally:
            self._probing = False

    async def _answer(self, call: Callable[[], Awaitable[Any]], otherwise: Result) -> Any | Result:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await call()
        except Exception as error:  # whatever the library raises: a cache is never worth a failed task
            self.errors += 1
            if self._connection.refused(error):
                self._told(str(error))
            else:
                self._gone(error)
            return otherwise
        if self._away_since is not None:
            self._away_since = None
            _log.info("the cache is back", redis=self._connection.location)
        return answer

    def _gone(self, error: Exception) -> None:
        if self._away_since is None:
            where, why = self._connection.location, type(error).__name__
            _log.warning("the cache does not answer; everything is computed until it does", redis=where, reason=why)
        self._away_since = self._monotonic()
        self._waiting.clear()
        self._waiting_bytes = 0

    def _told(self, refusal: str) -> None:
        """One line for what Redis refuses, until it takes something again."""
        if refusal and not self._refusal:
            _log.warning("the cache takes nothing", redis=self._connection.location, reason=refusal[:200])
        self._refusal = refusal
