"""Where bytes lie by key for a time: in Redis, or in this process where there is none.

Both know nothing of what they hold. The one in this process is a plain table: the stand-in of the Redis client would
take a tenth of a millisecond for each key, and no limit would hold for it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from engine.adapters.redis import RedisConnection

HELD_BYTES = 64 * 1024 * 1024
"""What the shelf in this process holds at most, keys included; what was not asked for the longest goes first."""
_PAGE = 1_000
_OVERHEAD = 200
"""Bytes that an entry takes beside its key and value, about."""


class Shelf(Protocol):
    """Bytes by key. Whatever the client raises, these raise."""

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """What lies under each key; None where nothing does. One round trip."""

    async def set(self, rows: Sequence[tuple[str, bytes, float]]) -> int:
        """Puts (key, value, seconds that it stays); returns how many found no room. One round trip."""

    async def delete(self, keys: Sequence[str]) -> int:
        """Removes; returns how many there were."""

    async def named(self, prefix: str, limit: int) -> list[str]:
        """Up to ``limit`` keys that begin so."""

    async def measure(self, prefix: str, limit: int) -> tuple[int, int]:
        """How many keys begin so, and the bytes under them; looks at ``limit`` keys."""

    async def ping(self) -> None:
        """Raises unless it answers."""


class MemoryShelf:
    """A table in this process.

    Args:
        most: bytes that it holds.
        clock: seconds that never go back.
    """

    def __init__(self, most: int = HELD_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._held: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self.bytes = 0

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """What lies under each key."""
        return [self._look(key) for key in keys]

    async def set(self, rows: Sequence[tuple[str, bytes, float]]) -> int:
        """Puts; one that is larger than all of the shelf finds no room."""
        return sum(not self.put(*row) for row in rows)

    def put(self, key: str, value: bytes, seconds: float) -> bool:
        """Puts one; False when there is no room for it."""
        self._drop(key)
        if _weight(key, value) > self._most:
            return False
        self._held[key] = (value, self._clock() + seconds)
        self.bytes += _weight(key, value)
        while self.bytes > self._most:
            self._drop(next(iter(self._held)))
        return True

    async def delete(self, keys: Sequence[str]) -> int:
        """Removes."""
        return sum(self._look(key) is not None and self._drop(key) for key in keys)

    async def named(self, prefix: str, limit: int) -> list[str]:
        """Keys that begin so."""
        return [key for key in list(self._held) if key.startswith(prefix) and self._alive(key)][:limit]

    async def measure(self, prefix: str, limit: int) -> tuple[int, int]:
        """How many keys begin so, and the bytes under them."""
        keys = await self.named(prefix, limit)
        return len(keys), sum(len(self._held[key][0]) for key in keys)

    async def ping(self) -> None:
        """It always answers."""

    def _look(self, key: str) -> bytes | None:
        if not self._alive(key):
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def _alive(self, key: str) -> bool:
        found = self._held.get(key)
        if found is None:
            return False
        if found[1] > self._clock():
            return True
        self._drop(key)
        return False

    def _drop(self, key: str) -> bool:
        found = self._held.pop(key, None)
        if found is not None:
            self.bytes -= _weight(key, found[0])
        return found is not None


def _weight(key: str, value: bytes) -> int:
    return len(key) + len(value) + _OVERHEAD


class RedisShelf:
    """A Redis server."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    @property
    def _client(self) -> Any:
        return self._connection.client

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """What lies under each key; something else than bytes counts as nothing."""
        found: list[bytes | None] = await self._client.mget(list(keys))
        return found

    async def set(self, rows: Sequence[tuple[str, bytes, float]]) -> int:
        """Puts; a server without room says so for each."""
        async with self._client.pipeline(transaction=False) as pipe:
            for key, value, seconds in rows:
                pipe.set(key, value, px=max(1, round(1000 * seconds)))
            answers = await pipe.execute(raise_on_error=False)
        faults = [answer for answer in answers if isinstance(answer, Exception)]
        if len(faults) == len(answers) and faults and not self._connection.refused(faults[0]):
            raise faults[0]
        return len(faults)

    async def delete(self, keys: Sequence[str]) -> int:
        """Removes."""
        return int(await self._client.delete(*keys)) if keys else 0

    async def named(self, prefix: str, limit: int) -> list[str]:
        """Keys that begin so."""
        found: list[str] = []
        async for key in self._client.scan_iter(match=f"{_literally(prefix)}*", count=_PAGE):
            found.append(key.decode())
            if len(found) >= limit:
                break
        return found

    async def measure(self, prefix: str, limit: int) -> tuple[int, int]:
        """How many keys begin so, and the bytes under them."""
        keys = await self.named(prefix, limit)
        size = 0
        for start in range(0, len(keys), _PAGE):
            async with self._client.pipeline(transaction=False) as pipe:
                for key in keys[start : start + _PAGE]:
                    pipe.strlen(key)
                size += sum(answer for answer in await pipe.execute(raise_on_error=False) if isinstance(answer, int))
        return len(keys), size

    async def ping(self) -> None:
        """Raises unless it answers."""
        await self._client.ping()


def _literally(text: str) -> str:
    """A text as a pattern that matches nothing else."""
    return "".join(f"\\{letter}" if letter in "*?[]\\^-" else letter for letter in text)
