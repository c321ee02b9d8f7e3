"""Outputs that are used again."""

from __future__ import annotations

from typing import Literal

from api.schemas.base import Time, Wire


class CacheStats(Wire):
    """How the reuse of outputs does in this engine."""

    hits: int
    misses: int
    hit_rate: float
    """0 to 1; 0 before the first look-up."""
    saved_seconds: float
    """What making the outputs had taken that were used again."""
    saved_cost: float
    """The same in US dollars, where a model was asked."""
    errors: int
    """Entries that could not be read, and what Redis refused or did not answer."""
    entries: int
    """In Redis, or in the table in its place; 0 while it is not available."""
    bytes: int
    available: bool


class Invalidated(Wire):
    """What was forgotten."""

    removed: int


class KeptView(Wire):
    """An output that is kept to be used again."""

    key: str
    task_id: str | None
    subtask_id: str | None
    """Who made it; null where a program has put it there."""
    version: str
    bytes: int
    created_at: Time
    expires_at: Time


class CacheExplanation(Wire):
    """What the cache has for a subtask."""

    verdict: Literal["hit", "miss", "not cacheable"]
    says: str
    """The same in words."""
    key: str | None
    nearest: KeptView | None
    """The entry that is there, or the one that differs least."""
    differs: list[str]
    """In which parts of what makes the key: version, environment NAME, input /PATH."""
