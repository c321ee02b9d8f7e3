"""Archives on Neo4j: nothing is kept for what is nothing, and the key of the frontier follows from the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.states import SubtaskStatus
from graph.archive import Archive

STATEMENTS = frozenset({"archive/wipe", "archive/wipe_results"})
"""In the order of their names: Results can go when nobody keeps them any more."""
BATCH = 500
"""Rows in one statement."""


class Neo4jArchive(Archive):
    """The archive of one namespace in Neo4j."""

    async def load_tasks(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes tasks that nobody sees yet."""
        await self.load_rows("tasks", rows)

    async def load_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes rows of a table, a batch at a time."""
        for at in range(0, len(rows), BATCH):
            batch = [self._properties(table, row) for row in rows[at : at + BATCH]]
            await self._database.write(f"archive/put_{table}", rows=batch)

    async def wipe(self) -> int:
        """Removes all of the namespace, for a restore; returns how many nodes. Nobody else may work on it."""
        removed = 0
        for name in sorted(STATEMENTS):
            removed += int((await self._database.write(name, namespace=self._namespace))[0]["removed"])
        return removed

    def _properties(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        node = {name: value for name, value in self._node(table, row).items() if value is not None}
        if table == "subtasks" and row["status"] == SubtaskStatus.READY.value:
            node["ready_key"] = row["order_key"]
        if table == "attempts":
            subtask = node.pop("subtask_id")
            del node["id"]
            return {"subtask": subtask, "properties": node}
        return node

    def _edge(self, type: str, source: str, target: str) -> list[Any]:
        if type not in ("PRODUCED", "CONSUMED"):
            return [source, target]
        subtask, _, token = source.rpartition("#")
        return [subtask, int(token), target]
