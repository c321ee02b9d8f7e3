"""Reads for answers on the embedded graph: only a lookup by one id uses its index, so a walk is a statement for each
subtask, without a network in between.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.lookups import Below
from engine.model import Subtask
from graph.answers import AnsweringReader

STATEMENTS = frozenset({"subtask/several"})


class LadybugAnswers(AnsweringReader):
    """The walks, one step at a time."""

    async def needed(self, ids: Sequence[str], limit: int) -> dict[str, list[Subtask]]:
        """By subtask id up to ``limit`` of its dependencies that did not complete."""
        pairs = []
        for id_ in ids:
            found = await self._database.read("subtask/needed", id=id_, limit=limit)
            pairs += [(id_, str(row["id"])) for row in found]
        wanted = list(dict.fromkeys(needed for _, needed in pairs))
        nodes = await self._database.read("subtask/several", ids=wanted) if wanted else []
        known = {row["s"]["id"]: row["s"] for row in nodes}
        return await self._needed(ids, [{"id": id_, "d": known[needed]} for id_, needed in pairs if needed in known])

    async def below(self, ids: Sequence[str], limit: int) -> list[Below]:
        """Up to ``limit`` subtasks that depend directly on some and did not complete."""
        found: dict[str, Below] = {}
        for id_ in ids:
            if len(found) >= limit:
                break
            rows = await self._database.read("subtask/below", id=id_, limit=limit)
            found |= {row["id"]: Below(row["id"], row["key"], row["status"]) for row in rows}
        return list(found.values())[:limit]
