"""Agents in other processes, as the graph keeps them: one node for each, written when it comes and now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model import Value


class Vitals(Value, frozen=True):
    """What an agent said with its last heartbeat. ``cpu_usage`` is percent of one core, ``memory_usage`` MiB; None
    where it does not say. ``tasks_completed`` counts since its process began.
    """

    is_available: bool = True
    current_task: str | None = None
    cpu_usage: float | None = None
    memory_usage: float | None = None
    tasks_completed: int = 0


class StoredAgent(Value, frozen=True):
    """An agent. ``slots`` is how many subtasks it runs at once, ``engine`` whom it is registered with; times are
    milliseconds, ``seen_at`` may be half a minute behind its last heartbeat.
    """

    agent_id: str
    url: str
    capabilities: tuple[str, ...]
    slots: int
    version: str
    engine: str
    registered_at: int
    seen_at: int
    vitals: Vitals = Vitals()


class RemoteStore(Protocol):
    """The agents of a namespace. All raise ``GraphUnavailable``."""

    async def put_remote(self, agent: StoredAgent) -> None:
        """Keeps an agent in place of an earlier one with its id. Safe to repeat."""

    async def remotes(self) -> list[StoredAgent]:
        """All of them, by id, at most 10,000."""

    async def beat_remotes(self, rows: Sequence[StoredAgent]) -> None:
        """Writes ``seen_at`` and vitals of those that are there and belong to the engine that their row names."""

    async def drop_remote(self, agent_id: str, engine: str) -> None:
        """Forgets one, unless it has registered with another engine meanwhile."""
