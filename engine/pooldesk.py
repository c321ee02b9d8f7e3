"""The pools of workers, as people ask about them and have them grow or shrink.

A pool lives in a process of its own, ``agent03 worker``, which nobody can call: what it should be is left for it in
Redis, where it looks every second.
"""

from __future__ import annotations

from typing import Protocol

from engine.errors import Conflict, Fault, InvalidInput, NotFound
from engine.model import Json, Value

MOST_WORKERS = 1_000


class Pools(Protocol):
    """The pools behind one Redis. All raise ``RedisUnavailable``."""

    async def pools(self) -> list[Json]:
        """What every pool has said of itself lately."""

    async def scale(self, pool: str, workers: int) -> None:
        """Leaves it for a pool how many workers it should have."""


class Asked(Value, frozen=True):
    """A pool that is to have so many ``workers``; it had ``before``."""

    pool: str
    workers: int
    before: int


class PoolDesk:
    """Answers for one engine. ``pools`` is None where there is no Redis."""

    def __init__(self, pools: Pools | None) -> None:
        self._pools = pools

    async def seen(self) -> list[dict[str, Json]]:
        """Every pool as it said of itself within the last seconds, by name; raises ``RedisUnavailable``."""
        found = [] if self._pools is None else await self._pools.pools()
        named = [pool for pool in found if isinstance(pool, dict) and isinstance(pool.get("pool"), str)]
        return sorted(named, key=lambda pool: str(pool["pool"]))

    async def scale(self, pool: str, workers: int) -> Asked:
        """Has a pool be so large.

        Args:
            pool: its name; "" for the only one that there is.
            workers: how many it is to have.

        Raises:
            InvalidInput: no pool is named, and there are several.
            NotFound: there is no such pool.
            Conflict: this engine has no Redis, so it has no pools.
            RedisUnavailable: it cannot be told now.
        """
        if self._pools is None:
            raise Conflict("there are no pools without Redis: set REDIS_URL for engine and workers")
        there = {str(one["pool"]): one for one in await self.seen()}
        if not pool and len(there) > 1:
            raise InvalidInput([Fault("/pool", f"should name one of the {len(there)} pools: {', '.join(there)}")])
        name = pool or next(iter(there), "")
        if name not in there:
            none = "no pool of workers is there: start one with 'agent03 worker'"
            raise NotFound(f"there is no pool {name[:100]!r}; there are {', '.join(there)}" if there else none)
        await self._pools.scale(name, workers)
        before = there[name].get("wanted")
        return Asked(name, workers, before if isinstance(before, int) else 0)
