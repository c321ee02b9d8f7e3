"""Values that the agents of one task share for a time: in Redis, or in this process where there is none.

They are a notice board and no record. Losing Redis loses them, and no task depends on them: what must last is an
output.
"""

from __future__ import annotations

import msgspec

from engine.adapters.redis import RedisConnection, RedisUnavailable
from engine.caching.shelves import MemoryShelf, RedisShelf, Shelf
from engine.errors import Fault, InvalidInput
from engine.model import Json

MOST_BYTES = 64 * 1024
"""Of one value as JSON."""
HELD_BYTES = 16 * 1024 * 1024
"""Of all values, where they lie in this process; those not asked for the longest go first."""


class SharedState:
    """Values by task and name.

    Args:
        connection: to Redis; the stand-in's client is not used, because no limit would hold for it.
        namespace: keeps engines of other namespaces apart.
    """

    def __init__(self, connection: RedisConnection, namespace: str) -> None:
        self._connection = connection
        self._prefix = f"{namespace}:state:"
        self._shelf: Shelf = RedisShelf(connection) if connection.kind == "redis" else MemoryShelf(HELD_BYTES)

    async def get(self, task_id: str, name: str) -> tuple[bool, Json]:
        """Whether there is such a value, and it. Raises ``RedisUnavailable``."""
        try:
            (found,) = await self._shelf.get([self._key(task_id, name)])
        except Exception as error:
            raise self._away(error) from None
        return (False, None) if found is None else (True, msgspec.json.decode(found))

    async def set(self, task_id: str, name: str, value: Json, seconds: float) -> None:
        """Puts a value for so many seconds, in place of the one that is there. Raises ``InvalidInput``,
        ``RedisUnavailable``.
        """
        data = msgspec.json.encode(value)
        if len(data) > MOST_BYTES:
            advice = f"has {len(data):,} bytes as JSON, and {MOST_BYTES:,} is the most: write it to a file of the task"
            raise InvalidInput([Fault("/value", advice)])
        try:
            left_out = await self._shelf.set([(self._key(task_id, name), data, seconds)])
        except Exception as error:
            raise self._away(error) from None
        if left_out:
            raise RedisUnavailable(f"Redis at {self._connection.location} has no room for it: give it more memory.")

    def _key(self, task_id: str, name: str) -> str:
        return f"{self._prefix}{task_id}:{name}"

    def _away(self, error: Exception) -> RedisUnavailable:
        if isinstance(error, RedisUnavailable):
            return error
        return RedisUnavailable(f"Redis at {self._connection.location} does not answer: start it, or wait for it.")
