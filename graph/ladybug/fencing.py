"""Fenced transactions of the embedded graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.errors import Fenced
from graph.fencing import Fencing
from graph.ladybug.connection import LadybugDatabase, Session

Result = TypeVar("Result")


class LadybugFencing(Fencing):
    """One engine on the embedded graph."""

    _ladybug: LadybugDatabase

    async def _fenced(self, work: Callable[[Session], Result]) -> Result:
        """Runs ``work`` in one transaction, unless this engine's epoch is stale."""

        def run(session: Session) -> Result:
            if not session.run("engine/last_turn", **self._fence):
                raise Fenced()
            return work(session)

        return await self._ladybug.transaction(run)
