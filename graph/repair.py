"""Repairs of what breaks an invariant, where it can be told from the rest of the graph what is right.

History is never repaired: an event or attempt that is missing stays missing, because nobody knows what it said.
"""

from __future__ import annotations

from engine.lineage import Made, Use
from graph import catalog
from graph.database import Row
from graph.provenance import Lineage

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
RELINKED = ("produced_unlinked", "consumed_unlinked")
"""Edges that say what the attempts say are written again as they are written at first."""


class Repairer(Lineage):
    """The repairs of one namespace. No engine may work on it meanwhile."""

    _dialect: str

    async def repair(self) -> dict[str, int]:
        """Repairs what can be repaired; by the name of the invariant, how much that was."""
        known = {statement.name.removeprefix("repair/") for statement in catalog.folder(self._dialect, "repair")}
        done = {name: await self._repair(name) for name in ORDER if name in known}
        done |= {name: await self._relink(name) for name in RELINKED}
        return {name: number for name, number in done.items() if number}

    async def _repair(self, name: str) -> int:
        total = 0
        while rows := await self._database.write(f"repair/{name}", namespace=self._namespace):
            if not rows[0]["repaired"]:
                break
            total += int(rows[0]["repaired"])
        return total

    async def _relink(self, name: str) -> int:
        """Writes missing edges, as long as that makes their number smaller."""
        total = 0
        left: list[Row] = []
        while (rows := await self._database.read(f"invariant/{name}", namespace=self._namespace)) and rows != left:
            left = rows
            total += len(rows)
            found = {made.id: made for made in await self.made(list({row["used"] for row in rows if "used" in row}))}
            own = [Made(row["id"], row["token"], row["hash"], 0, None) for row in rows if "hash" in row]
            uses = [Use(row["id"], row["token"], found[row["used"]].hash) for row in rows if "used" in row]
            await self.link([*found.values(), *own], uses)
        return total
