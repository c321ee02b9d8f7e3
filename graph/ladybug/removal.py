"""The steps of a removal on the embedded graph: several small statements in one transaction each."""

from __future__ import annotations

from graph.ladybug.connection import LadybugDatabase, Session
from graph.removal import Remover

STATEMENTS = frozenset(
    {
        "removal/attempts",
        "removal/drop_events",
        "removal/drop_results",
        "removal/inherit",
        "removal/kept",
        "removal/release",
        "removal/remember",
        "subtask/remove",
        "task/members",
    }
)


class LadybugRemover(Remover):
    """The removals of one namespace of an embedded graph."""

    _ladybug: LadybugDatabase

    async def begin_removal(self, task_id: str) -> bool:
        """Marks a final task, frees its idempotency key, and ends its callbacks."""

        def work(session: Session) -> bool:
            begun = session.run("removal/begin", id=task_id, namespace=self._namespace, mark=self._mark)
            if begun:
                session.run("request/drop", task=task_id)
                session.run("callback/drop", id=task_id)
            return bool(begun)

        return await self._ladybug.transaction(work)

    async def remove_some(self, task_id: str, limit: int) -> int:
        """Removes up to ``limit`` subtasks with their attempts, or events."""

        def work(session: Session) -> int:
            ids = [row["id"] for row in session.run("removal/members", id=task_id, limit=limit)]
            if ids:
                _drop(session, task_id, ids)
                return len(ids)
            keys = [row["key"] for row in session.run("removal/events", id=task_id, limit=limit)]
            if keys:
                session.run("removal/drop_events", keys=keys)
            return len(keys)

        return await self._ladybug.transaction(work)

    async def condemn(self, task_id: str, limit: int) -> int:
        """Lets go of up to ``limit`` Results of a task."""

        def work(session: Session) -> int:
            kept = session.run("removal/kept", id=task_id, limit=limit)
            alone = [row for row in kept if row["holders"] == 1]
            if kept:
                session.run("removal/release", id=task_id, hashes=[row["hash"] for row in kept])
            if alone:
                session.run("removal/drop_results", hashes=[row["hash"] for row in alone])
            if blobs := [row["hash"] for row in alone if row["blob"]]:
                session.run("removal/remember", id=task_id, hashes=blobs)
            return len(kept)

        return await self._ladybug.transaction(work)

    async def _remove_unopened(self, task_id: str, limit: int) -> None:
        """Removes a task that was never opened; its subtasks may not be attached to it yet."""
        ids = [row["id"] for row in await self._ladybug.write("task/members", id=task_id)]
        for start in range(0, len(ids), limit):
            batch = ids[start : start + limit]
            await self._ladybug.transaction(lambda session, batch=batch: _drop(session, task_id, batch))  # type: ignore[misc]
        await super()._remove_unopened(task_id, limit)


def _drop(session: Session, task_id: str, ids: list[str]) -> None:
    session.run("removal/inherit", id=task_id, ids=ids)
    session.run("removal/attempts", ids=ids)
    session.run("subtask/remove", ids=ids)
