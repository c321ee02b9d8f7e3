"""The callbacks of tasks, once for both dialects: one node per task, written before it and apart from it, so that
telling how far they are never meets a turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.callbackstore import StoredCallbacks
from engine.errors import Fenced
from graph.fencing import Fencing

STATEMENTS = frozenset({"callback/claim", "callback/drop", "callback/get", "callback/note", "callback/put"})


class Callbacks(Fencing):
    """The callbacks of one namespace."""

    async def put_callbacks(self, row: StoredCallbacks) -> None:
        """Keeps the callbacks of a task before it is stored."""
        place = {"id": row.task_id, "places": row.places, "created_at": row.created_at}
        if not await self._fenced_write("callback/put", namespace=self._namespace, **place):
            raise Fenced()

    async def note_callbacks(self, rows: Sequence[StoredCallbacks]) -> set[str]:
        """Notes how far they are, in one order for all engines."""
        given = [
            {"id": row.task_id, "places": row.places, "open": row.open}
            for row in sorted(rows, key=lambda row: row.task_id)
        ]
        found = await self._fenced_write("callback/note", rows=given) if given else []
        if given and not found:
            raise Fenced()
        return {row["id"] for row in found if row["kept"]}

    async def claim_callbacks(self, timeout: int) -> list[StoredCallbacks]:
        """This engine's, and those of engines that are gone."""
        rows = await self._fenced_write("callback/claim", namespace=self._namespace, timeout=timeout)
        return [StoredCallbacks(row["id"], row["places"], True, row["created_at"]) for row in rows]

    async def callbacks(self, task_id: str) -> str | None:
        """The places of a task's callbacks."""
        rows = await self._database.read("callback/get", id=task_id)
        return rows[0]["places"] if rows else None

    async def drop_callbacks(self, task_id: str) -> None:
        """Forgets the callbacks of a task."""
        await self._database.write("callback/drop", id=task_id)
