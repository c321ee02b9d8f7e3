"""Repairs of what breaks an invariant, where it can be told from the rest of the graph what is right.

History is never repaired: an event or attempt that is missing stays missing, because nobody knows what it said.
"""

from __future__ import annotations

from graph import catalog
from graph.database import Database

ORDER = (
    "stray_subtask",
    "task_owner",
    "final_task_open_subtask",
    "join_gap",
    "unmet_counter",
    "ready_key",
    "subtask_count",
    "result_unkept",
    "result_orphan",
)
"""Those that others build on come first."""


class Repairer:
    """The repairs of one namespace. No engine may work on it meanwhile."""

    _database: Database
    _dialect: str
    _namespace: str

    async def repair(self) -> dict[str, int]:
        """Repairs what can be repaired; by the name of the invariant, how much that was."""
        known = {statement.name.removeprefix("repair/") for statement in catalog.folder(self._dialect, "repair")}
        return {name: done for name in ORDER if name in known and (done := await self._repair(name))}

    async def _repair(self, name: str) -> int:
        total = 0
        while rows := await self._database.write(f"repair/{name}", namespace=self._namespace):
            if not rows[0]["repaired"]:
                break
            total += int(rows[0]["repaired"])
        return total
