"""Results by what made them, in Redis: a value is there or it is not, and nothing is ever wrong because it is not.

Redis may be away, slow, or hold what cannot be read: every call then is a miss, or does nothing. While it is away it is
asked once a second, so that nobody waits for it, and each outage is one line in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict, TypeVar

import msgspec
import structlog

from engine.adapters.redis import RedisConnection
from engine.model import Json

_log = structlog.get_logger("cache")
Result = TypeVar("Result")

ANSWER_SECONDS = 1.0
"""Longest wait for one answer of Redis; a cache that is slower than that is of no use."""
AGAIN_SECONDS = 1.0
"""How long Redis is left alone after it gave no answer."""
MOST_COUNTED = 100_000
"""Entries that the statistics look at."""
_PAGE = 1_000


class CacheStats(TypedDict):
    """``hits`` and ``misses`` of this process and their ``hit_rate`` (0..1, 0 before the first look-up); ``entries``
    and ``bytes`` that Redis holds for this namespace, 0 while it is not ``available``.
    """

    hits: int
    misses: int
    hit_rate: float
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
    """

    def __init__(
        self,
        connection: RedisConnection,
        ttl_seconds: int = 3600,
        namespace: str = "agent03",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._ttl_seconds = ttl_seconds
        self._prefix = f"{namespace}:"
        self._monotonic = monotonic
        self._hits = 0
        self._misses = 0
        self._away_since: float | None = None

    def generate_cache_key(self, type: str, input: Json, version: str = "1") -> str:
        """The key of a result: ``task:TYPE:HASH`` of what the type's tool was given and the tool's version.

        The order of fields and the way a number is written (1, 1.0, 1e0) make no difference.

        Raises:
            ValueError: the input is no JSON value.
        """
        try:
            text = json.dumps([version, _plain(input)], sort_keys=True, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"no cache key for this input of {type}: {error}") from None
        return f"task:{type}:{hashlib.sha256(text.encode()).hexdigest()}"

    async def get(self, key: str, default: Json = None) -> Json:
        """The value of a key; ``default`` when there is none. What cannot be read is removed."""
        name = self._prefix + key
        found = await self._ask(lambda: self._connection.client.get(name), None)
        try:
            if found is not None:
                value = msgspec.json.decode(found)
                self._hits += 1
                return value
        except (msgspec.DecodeError, ValueError):
            _log.warning("an entry of the cache cannot be read and is removed", key=key)
            await self.delete(key)
        self._misses += 1
        return default

    async def set(self, key: str, value: Json, ttl_seconds: int | None = None) -> bool:
        """Keeps a value; whether it is kept. Raises ``TypeError`` or ``ValueError`` for what is no JSON value."""
        data, ttl = msgspec.json.encode(value), self._ttl_seconds if ttl_seconds is None else ttl_seconds
        return bool(await self._ask(lambda: self._connection.client.set(self._prefix + key, data, ex=ttl), False))

    async def delete(self, key: str) -> bool:
        """Removes a value; whether there was one."""
        return bool(await self._ask(lambda: self._connection.client.delete(self._prefix + key), 0))

    async def exists(self, key: str) -> bool:
        """Whether a key has a value. It counts as no look-up."""
        return bool(await self._ask(lambda: self._connection.client.exists(self._prefix + key), 0))

    async def get_task_result(self, type: str, input: Json, version: str = "1", default: Json = None) -> Json:
        """The kept output of a tool for an input; ``default`` when there is none."""
        return await self.get(self.generate_cache_key(type, input, version), default)

    async def cache_task_result(
        self, type: str, input: Json, output: Json, version: str = "1", ttl_seconds: int | None = None
    ) -> bool:
        """Keeps the output of a tool for an input; whether it is kept."""
        return await self.set(self.generate_cache_key(type, input, version), output, ttl_seconds)

    async def get_stats(self) -> CacheStats:
        """How the cache does. It walks through the keys of Redis, so it is not for every second."""
        entries, size = await self._ask(self._measure, (0, 0))
        looked = self._hits + self._misses
        return {
            "hits": self._hits,
            "misses": self._misses,
            "hit_rate": self._hits / looked if looked else 0.0,
            "entries": entries,
            "bytes": size,
            "available": self._away_since is None,
        }

    async def _measure(self) -> tuple[int, int]:
        """Entries and bytes of this namespace."""
        client, entries, size = self._connection.client, 0, 0
        pattern = f"{_literally(self._prefix)}task:*"
        page: list[bytes] = []
        async for key in client.scan_iter(match=pattern, count=_PAGE):
            page.append(key)
            if len(page) == _PAGE:
                entries, size, page = entries + len(page), size + await self._length(page), []
            if entries >= MOST_COUNTED:
                break
        return entries + len(page), size + await self._length(page)

    async def _length(self, keys: list[bytes]) -> int:
        async with self._connection.client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.strlen(key)
            return sum(await pipe.execute())

    async def _ask(self, call: Callable[[], Awaitable[Any]], otherwise: Result) -> Any | Result:
        """The answer of Redis, or ``otherwise``."""
        since = self._away_since
        if since is not None and self._monotonic() - since < AGAIN_SECONDS:
            return otherwise
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await call()
        except Exception as error:  # whatever the library raises: a cache is never worth a failed task
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


def _literally(text: str) -> str:
    """A text as a pattern that matches nothing else."""
    return "".join(f"\\{letter}" if letter in "*?[]\\^-" else letter for letter in text)
