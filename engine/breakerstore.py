"""Breakers that are open, as the graph keeps them: a restart does not call again what was broken a moment ago."""

from __future__ import annotations

from typing import Protocol

from engine.model import Value


class StoredBreaker(Value, frozen=True):
    """A breaker by its key: ``data`` is JSON text."""

    key: str
    data: str
    updated_at: int = 0


class BreakerStore(Protocol):
    """The open breakers of a namespace, whichever engine has opened them."""

    async def breakers(self) -> list[StoredBreaker]:
        """All of them."""

    async def put_breaker(self, row: StoredBreaker) -> None:
        """Keeps one that is open. Raises ``Fenced``."""

    async def drop_breaker(self, key: str) -> None:
        """Forgets one that is closed."""
