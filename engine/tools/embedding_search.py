"""``embedding_search``: what earlier outputs and files of this namespace say about something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from engine.errors import Category, EngineError, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.base import Input, ModelTool

Search = Callable[..., Awaitable[dict[str, Json]]]


class EmbeddingSearchInput(Input):
    """What is looked for."""

    query: str = Field(min_length=1, max_length=2_000)
    """A few words, or a sentence."""
    kind: Literal["result", "file"] | None = None
    """Only outputs of subtasks, or only files of tasks."""
    task: str | None = Field(default=None, min_length=1, max_length=100)
    """Only of this task, by its id."""
    limit: int = Field(default=10, ge=1, le=50)
    """The most hits."""


class EmbeddingSearch(ModelTool[EmbeddingSearchInput]):
    """Finds passages of outputs and files: ``{"hits": [{"score", "kind", "task_id", "name", "text", ...}], "embedder",
    "lexical", "note", "waiting"}``.

    Args:
        search: asks the engine.
    """

    name = "embedding_search"
    idempotent = True
    risk: Risk = "read"
    untrusted = True  # what it finds may have come from anywhere
    model = EmbeddingSearchInput

    def __init__(self, search: Search) -> None:
        self._search = search

    async def perform(self, value: EmbeddingSearchInput, context: RunContext) -> Json:
        """Asks, for whoever the task belongs to."""
        kind, task = value.kind or "", value.task or ""
        try:
            return await self._search(value.query, kind=kind, task_id=task, limit=value.limit, asking=context.task_id)
        except EngineError as error:
            raise ToolError(str(error), category=Category.CONFIGURATION) from None
