"""Removing tasks: in batches, and marked first, so that it can go on wherever it was cut off.

A Result is kept by edges ``KEEPS`` from the subtasks (and tasks) that produced or reuse it. They are written in the
same transaction as the Result, so counting them counts every reference, that of a write of this very moment included.
"""

from __future__ import annotations

from engine.plan.ids import first_ulid
from graph.database import Database

STATEMENTS = frozenset(
    {
        "removal/begin",
        "removal/clear",
        "removal/condemned",
        "removal/end",
        "removal/events",
        "removal/mark",
        "removal/members",
        "request/drop",
        "task/expired",
        "task/leftovers",
    }
)


class Remover:
    """The removals of one namespace. They need no fence: what is removed is final, and each step may be repeated."""

    _database: Database
    _namespace: str

    @property
    def _mark(self) -> str:
        """What the ``loader`` of a task says while it is being removed: the tasks of a loader have an index."""
        return f"removal|{self._namespace}"

    async def begin_removal(self, task_id: str) -> bool:
        """Marks a final task: from here on nobody sees it. False when there is no such final task."""
        params = {"id": task_id, "namespace": self._namespace, "mark": self._mark}
        return bool(await self._database.write("removal/begin", **params))

    async def removals(self) -> list[str]:
        """The tasks whose removal has begun and not ended."""
        return [row["id"] for row in await self._database.read("task/leftovers", loader=self._mark)]

    async def remove_some(self, task_id: str, limit: int) -> int:
        """Removes up to ``limit`` subtasks with their attempts, or events; returns how many, 0 when none is left."""
        for name in ("removal/members", "removal/events"):
            rows = await self._database.write(name, id=task_id, limit=limit)
            if rows and rows[0]["removed"]:
                return int(rows[0]["removed"])
        return 0

    async def condemn(self, task_id: str, limit: int) -> int:
        """Lets go of up to ``limit`` Results of a task, and removes those that nobody else keeps; returns how many."""
        rows = await self._database.write("removal/condemn", id=task_id, limit=limit)
        return int(rows[0]["released"]) if rows else 0

    async def condemned(self, task_id: str) -> list[str]:
        """The blobs whose Results have been removed with a task; they are the caller's to remove."""
        rows = await self._database.read("removal/condemned", id=task_id)
        return list(rows[0]["hashes"] or ()) if rows else []

    async def acquit(self, task_id: str) -> None:
        """The blobs of ``condemned`` are gone, or wanted again."""
        await self._database.write("removal/clear", id=task_id)

    async def end_removal(self, task_id: str) -> bool:
        """Removes the task itself, once nothing of it is left; False while it remembers blobs."""
        await self._database.write("approval/drop", task=task_id)
        await self._database.write("log/drop", task=task_id)
        await self._database.write("agent/drop", task=task_id)
        await self._database.write("passage/drop", task=task_id)
        return bool(await self._database.write("removal/end", id=task_id))

    async def final_before(self, moment: int, limit: int) -> list[str]:
        """Up to ``limit`` final tasks that ended before a moment (milliseconds), oldest first."""
        params = {"namespace": self._namespace, "before": moment, "before_id": first_ulid(moment), "limit": limit}
        return [row["id"] for row in await self._database.read("task/expired", **params)]

    async def _remove_unopened(self, task_id: str, limit: int) -> None:
        """Removes a task that was never opened. Should blobs go with it, which only a rerun of a task that is removed
        at the same time can leave, the rest is for whoever goes on with removals.
        """
        await self._database.write("removal/mark", id=task_id, mark=self._mark)
        await self._database.write("request/drop", task=task_id)
        while await self.remove_some(task_id, limit) or await self.condemn(task_id, limit):
            pass
        await self.end_removal(task_id)
