"""Answers what is near to a few words among the outputs and files of the namespace."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.embedding.indexer import Indexer
from engine.errors import Fault, InvalidInput
from engine.model import Json
from engine.passagestore import NearWish, PassageStore

LEAST_SCORE = 0.08
"""What has less in common with a question is no answer to it."""


class EmbeddingDesk:
    """Searches.

    Args:
        graph: has the passages.
        indexer: knows how vectors are made, and what is not taken down yet.
    """

    def __init__(self, graph: PassageStore, indexer: Indexer) -> None:
        self._graph, self._indexer = graph, indexer

    async def search(self, query: str, *, kind: str = "", task_id: str = "", limit: int = 10) -> dict[str, Json]:
        """The passages that are nearest to ``query``, each with its score, and how they were compared.

        Raises:
            InvalidInput: the question has no words, or nothing is kept to be searched.
        """
        if not self._indexer.on:
            raise InvalidInput([Fault("/query", "nothing can be searched: set EMBEDDING_KEEP_ROWS above 0")])
        embedder = self._indexer.embedder
        (vector,) = await embedder.embed([query])
        if not any(vector):
            raise InvalidInput([Fault("/query", "should have a word in it")])
        found = await self._graph.near_passages(NearWish(vector, embedder.name, kind, task_id, limit))
        hits: list[Any] = [msgspec.to_builtins(near) for near in found if near.score >= LEAST_SCORE]
        return {
            "hits": [{**hit, "score": round(hit["score"], 4)} for hit in hits],
            "embedder": embedder.name,
            "lexical": embedder.lexical,
            "note": embedder.note,
            "waiting": self._indexer.waiting,
        }
