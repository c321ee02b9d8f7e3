"""Fenced writes across a network, where a request may take effect long after its sender has given it up.

After a connection breaks, nobody knows whether the last request was carried out, or still will be: it may lie in a
buffer on its way. So before anything else is written or read back, the engine raises its own epoch. That waits, by the
lock on its node, for what is being carried out, and fences what comes later; from then on the graph holds still.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from engine.errors import Fenced, GraphUnavailable
from graph.database import Database, Row
from graph.writer import Writer

STATEMENTS = frozenset({"engine/renew"})


class FencedWriter(Writer):
    """The writes of an engine whose requests may be lost, or late."""

    def __init__(self, database: Database, namespace: str) -> None:
        super().__init__(database, namespace)
        self._doubt = ""
        self._renewing = asyncio.Lock()

    async def _fenced_write(self, name: str, **params: Any) -> list[Row]:
        """Runs a write under the engine's epoch; one that only a renewal had fenced is sent again."""
        while True:
            await self._renew_in_doubt()
            fence = self._fence
            try:
                rows = await self._database.write(name, **(params | fence))
            except (GraphUnavailable, asyncio.CancelledError):
                self._doubt = self._doubt or uuid.uuid4().hex
                raise
            if rows or fence == self._fence:
                return rows

    async def _renew_in_doubt(self) -> None:
        """After a lost answer: makes sure that nothing sent so far can still take effect."""
        if not self._doubt:
            return
        async with self._renewing:
            renewal = self._doubt
            if not renewal:
                return
            rows = await self._database.write("engine/renew", renewal=renewal, **self._fence)
            if not rows:
                raise Fenced()
            self._epoch = rows[0]["epoch"]
            if self._doubt == renewal:
                self._doubt = ""
