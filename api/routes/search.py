"""What outputs and files of the namespace say about something."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import Caller
from api.openapi import problems
from api.routes import TheEngine
from api.schemas.search import SearchAnswer
from engine.times import iso

router = APIRouter(tags=["knowledge"])


class SearchForm(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    query: str = Field(min_length=1, max_length=2_000, examples=["sales by region"])
    """A few words, or a sentence."""
    kind: Literal["result", "file"] | None = None
    """Only outputs of subtasks, or only files of tasks."""
    task: str = Field("", max_length=100)
    """Only of this task."""
    limit: int = Field(10, ge=1, le=50)
    """The most hits."""


@router.get("/search", responses=problems(400, 503))
async def search_embeddings(engine: TheEngine, wanted: Annotated[SearchForm, Query()], caller: Caller) -> SearchAnswer:
    """The passages of outputs and files that are nearest to a few words. They are taken down within seconds of the end
    of a subtask, up to EMBEDDING_KEEP_ROWS of the namespace. With the key of one user those of that user's tasks.
    """
    user = "" if caller is None else caller.user_id
    found: Any = await engine.embeddings.search(
        wanted.query, kind=wanted.kind or "", task_id=wanted.task, limit=wanted.limit, user=user
    )
    return SearchAnswer(**{**found, "hits": [{**hit, "at": iso(hit["at"])} for hit in found["hits"]]})
