"""The callbacks of tasks on the embedded graph, which has one engine: lists of texts, and the fence apart."""

from __future__ import annotations

from collections.abc import Sequence

from engine.callbackstore import StoredCallbacks
from graph.callbacks import Callbacks
from graph.ladybug.connection import Session
from graph.ladybug.fencing import LadybugFencing


class LadybugCallbacks(LadybugFencing, Callbacks):
    """The callbacks of one namespace of an embedded graph."""

    async def note_callbacks(self, rows: Sequence[StoredCallbacks]) -> set[str]:
        """Notes how far they are."""
        engine = self._engine
        given = [[row.task_id, row.places, engine if row.open else ""] for row in rows]

        def work(session: Session) -> set[str]:
            return {row["id"] for row in session.run("callback/note", rows=given, engine=engine)}

        return await self._fenced(work) if given else set()

    async def claim_callbacks(self, timeout: int) -> list[StoredCallbacks]:  # noqa: ARG002
        """All of them."""
        place = {"engine": self._engine, "namespace": self._namespace}

        def work(session: Session) -> list[StoredCallbacks]:
            found = session.run("callback/claim", **place)
            return [StoredCallbacks(row["id"], row["places"], True, row["created_at"]) for row in found]

        return await self._fenced(work)
