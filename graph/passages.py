"""Passages of outputs and files with their vectors. Neo4j has an index for them, the embedded graph compares each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.passagestore import Near, NearWish, Passage
from graph.database import Database

STATEMENTS = frozenset(
    {
        "passage/count",
        "passage/drop",
        "passage/forget",
        "passage/near",
        "passage/near_in_task",
        "passage/put",
        "passage/shorten",
    }
)
AMONG = 1_000
"""Passages that the index gives, of all namespaces, before those of others are left out."""


class Passages:
    """The passages of one namespace."""

    _database: Database
    _namespace: str

    async def put_passages(self, sources: Sequence[str], passages: Sequence[Passage]) -> None:
        """Keeps passages in place of all that there are of ``sources``."""
        if sources:
            await self._database.write("passage/forget", sources=list(sources))
        rows = [
            {
                "id": f"{passage.source}#{passage.number}",
                "source": passage.source,
                "task_id": passage.task_id,
                "kind": passage.kind,
                "name": passage.name,
                "number": passage.number,
                "text": passage.text,
                "at": passage.at,
                "model": passage.model,
                "vector": passage.vector,
            }
            for passage in passages
        ]
        if rows:
            await self._database.write("passage/put", namespace=self._namespace, rows=rows)

    async def near_passages(self, wish: NearWish) -> list[Near]:
        """The nearest ones, the nearest first."""
        given: dict[str, Any] = {
            "model": wish.model,
            "kind": wish.kind,
            "vector": wish.vector,
            "limit": wish.limit,
        }
        if wish.task_id:
            rows = await self._database.read("passage/near_in_task", task=wish.task_id, **given)
        else:
            among = {"among": AMONG} if self._indexed else {}
            rows = await self._database.read("passage/near", namespace=self._namespace, **given, **among)
        return [Near(**row["p"], score=row["score"]) for row in rows]

    @property
    def _indexed(self) -> bool:
        """Whether an index finds them."""
        return getattr(self, "kind", "") == "neo4j"

    async def passages_number(self) -> int:
        """How many there are."""
        return int((await self._database.read("passage/count", namespace=self._namespace))[0]["number"])

    async def shorten_passages(self, limit: int) -> None:
        """Removes the oldest ones."""
        await self._database.write("passage/shorten", namespace=self._namespace, limit=limit)
