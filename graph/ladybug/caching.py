"""Outputs to be reused, on the embedded graph: there a list of texts costs less than a map, and a new node less than a
merged one.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.cachestore import CacheEntry
from graph.caching import COLUMNS, EntryStore
from graph.ladybug.connection import Session
from graph.ladybug.fencing import LadybugFencing


class LadybugEntries(LadybugFencing, EntryStore):
    """The entries of one namespace of an embedded graph."""

    async def put_cached(self, entries: Sequence[CacheEntry]) -> None:
        """Keeps entries, each in the place of the one with its key."""
        rows = {
            row["id"]: ["" if row[name] is None else str(row[name]) for name in COLUMNS] for row in self._rows(entries)
        }

        def work(session: Session) -> None:
            session.run("cache/drop", ids=list(rows))
            session.run("cache/put", namespace=self._namespace, rows=list(rows.values()))

        if rows:
            await self._fenced(work)
