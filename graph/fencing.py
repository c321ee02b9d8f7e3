"""Who writes: the engine and its epoch, by which a write of one that another has replaced is refused."""

from __future__ import annotations

from typing import Any

from graph.database import Database, Row


class Fencing:
    """One engine in one namespace of a graph; until it is entered its writes are refused."""

    _database: Database
    _namespace: str
    _engine = ""
    _epoch = 0

    @property
    def _fence(self) -> dict[str, object]:
        """Engine and epoch, as every fenced statement asks for them."""
        return {"engine": self._engine, "epoch": self._epoch}

    async def _fenced_write(self, name: str, **params: Any) -> list[Row]:
        """Runs a write under the engine's epoch; no row where one is promised means that it is stale."""
        return await self._database.write(name, **(params | self._fence))
