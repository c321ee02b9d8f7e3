"""The breakers that are open, once for both dialects: one node for each, written when it opens or closes."""

from __future__ import annotations

from engine.breakerstore import StoredBreaker
from engine.errors import Fenced
from graph.fencing import Fencing

STATEMENTS = frozenset({"breaker/drop", "breaker/list", "breaker/put"})


class OpenBreakers(Fencing):
    """The breakers of one namespace."""

    async def breakers(self) -> list[StoredBreaker]:
        """All that are open."""
        rows = await self._database.read("breaker/list", namespace=self._namespace)
        return [StoredBreaker(row["key"], row["data"], row["updated_at"]) for row in rows]

    async def put_breaker(self, row: StoredBreaker) -> None:
        """Keeps one that is open."""
        id_ = f"{self._namespace}|{row.key}"
        given = {"id": id_, "key": row.key, "data": row.data, "updated_at": row.updated_at}
        if not await self._fenced_write("breaker/put", namespace=self._namespace, **given):
            raise Fenced()

    async def drop_breaker(self, key: str) -> None:
        """Forgets one that is closed."""
        await self._database.write("breaker/drop", id=f"{self._namespace}|{key}")
