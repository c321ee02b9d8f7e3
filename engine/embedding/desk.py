"""Answers what is near to a few words among the outputs and files of the namespace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from engine.embedding.indexer import Indexer
from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.passagestore import NearWish, PassageStore

AMONG_OTHERS = 200
"""Passages of all users among which those of one user are looked for."""
LEAST_SCORE = 0.08
"""What has less in common with a question is no answer to it."""


class EmbeddingDesk:
    """Searches.

    Args:
        graph: has the passages.
        indexer: knows how vectors are made, and what is not taken down yet.
        user_of: whose a task is.
    """

    def __init__(self, graph: PassageStore, indexer: Indexer, user_of: Callable[[str], Awaitable[str | None]]) -> None:
        self._graph, self._indexer, self._user_of = graph, indexer, user_of

    async def search(
        self,
        query: str,
        *,
        kind: str = "",
        task_id: str = "",
        limit: int = 10,
        user: str = "",
        asking: str = "",
    ) -> dict[str, Json]:
        """The passages that are nearest to ``query``, each with its score, and how they were compared.

        Args:
            query: what is looked for.
            kind: "result", "file", or "" for both.
            task_id: the only task to look in; "" for all.
            limit: the most hits.
            user: whose tasks to look in; "" for everybody's.
            asking: the id of the task that asks: one that is somebody's sees the tasks of that user alone.

        Raises:
            InvalidInput: the question has no words, or nothing is kept to be searched.
        """
        if not self._indexer.on:
            raise InvalidInput([Fault("/query", "nothing can be searched: set EMBEDDING_KEEP_ROWS above 0")])
        embedder = self._indexer.embedder
        (vector,) = await embedder.embed([query])
        if not any(vector):
            raise InvalidInput([Fault("/query", "should have a word in it")])
        user = user or (await self._user_of(asking) if asking else "") or ""
        wish = NearWish(vector, embedder.name, kind, task_id, max(limit, AMONG_OTHERS) if user else limit)
        found = [near for near in await self._graph.near_passages(wish) if near.score >= LEAST_SCORE]
        own = [near for near in found if not user or await self._user_of(near.task_id) == user]
        hits: list[Any] = [msgspec.to_builtins(near) for near in own[:limit]]
        return {
            "hits": [{**hit, "score": round(hit["score"], 4)} for hit in hits],
            "embedder": embedder.name,
            "lexical": embedder.lexical,
            "note": embedder.note,
            "waiting": self._indexer.waiting,
        }
