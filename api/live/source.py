"""What live progress needs of an engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from engine.forecasts import Forecast
from engine.model import Event, Glance, Task


class Source(Protocol):
    """The questions that a channel asks; ``engine.service.Engine`` answers them."""

    @property
    def stopped(self) -> bool:
        """Whether the engine works no more."""

    async def task(self, task_id: str) -> Task:
        """A task, with its counts as of now."""

    def shown(self, task: Task) -> Task:
        """The same task with its counts as of now."""

    async def forecast(self, task: Task) -> Forecast | None:
        """When it will have ended."""

    async def last_event(self, task_id: str) -> int:
        """The number of its last event."""

    async def events_page(self, task_id: str, after: int, limit: int) -> list[Event]:
        """Events from the graph."""

    def flushes(self, task_id: str, after: int = 0) -> AsyncGenerator[list[Event]]:
        """Every event once and in order, live, until the task is final or the engine stops."""

    async def a_while(self) -> None:
        """A pause that ends when the engine stops."""

    async def changed(self, since: int, after: str, limit: int) -> list[Glance]:
        """Tasks that have changed since a moment, the earliest first; those of the moment itself above an id."""

    async def last_events(self, ids: Sequence[str]) -> dict[str, int]:
        """The numbers of the last events of several tasks, by id."""

    def now(self) -> int:
        """The moment by the database's clock, in milliseconds."""
