"""What was found among outputs and files."""

from __future__ import annotations

from typing import Literal

from api.schemas.base import Time, Wire


class SearchHit(Wire):
    """A passage."""

    score: float
    """The cosine of the two vectors: 1 is the same, 0 has nothing in common."""
    kind: Literal["result", "file"]
    task_id: str
    name: str
    """The key of the subtask, or the path of the file in the task's folder."""
    number: int
    """Which passage of it this is, counted from 0."""
    text: str
    """Up to 600 characters."""
    at: Time
    """When it was taken down."""


class SearchAnswer(Wire):
    """The nearest passages, the nearest first."""

    hits: list[SearchHit]
    embedder: str
    """What has given the texts their vectors."""
    lexical: bool
    """Whether it compares words only, and not what they mean."""
    note: str
    waiting: int
    """Outputs and folders of this engine that are still to be looked at."""
