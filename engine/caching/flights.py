"""Single flight: attempts of one engine that want the same work at the same time share one run of it.

The work belongs to no attempt: it runs in a task of its own, and ends when nobody waits for it any more. So the first
may be cancelled, paused or run out of its time, and the others still get what it has begun. Each waits within its own
limits, in its own slot. A success is everybody's, a failure that of the one who leads: the next one begins anew, and
who has waited for several that failed runs alone, so that nobody fails by the faults of others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from engine.model import Value

T = TypeVar("T")

MOST_FAILED = 2
"""Failed runs of others that an attempt waits for."""


class Place(Value, frozen=True):
    """An attempt: its subtask's id, its task's, and its key."""

    id: str
    task_id: str
    key: str


class Living(Protocol):
    """Whoever wants to know that the work is alive."""

    def alive(self) -> None:
        """A sign of life."""


class Flight(Generic[T]):
    """One run, and who waits for it, the leader first."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.aboard: dict[str, tuple[Place, Living]] = {}
        self.work: asyncio.Task[T]
        self.maker = ""
        """The id of the subtask that counts as the one who made it, once it has ended."""

    def alive(self) -> None:
        """A sign of life of the work is one of everybody who waits for it."""
        for _, watch in self.aboard.values():
            watch.alive()

    @property
    def leader(self) -> Place | None:
        """Who leads now."""
        return next((place for place, _ in self.aboard.values()), None)


class Flights(Generic[T]):
    """The runs of one engine that others may join."""

    def __init__(self) -> None:
        self._open: dict[str, Flight[T]] = {}
        self._of: dict[str, Flight[T]] = {}

    def leader_of(self, subtask_id: str) -> Place | None:
        """Whose run a subtask waits for; None when it waits for nobody."""
        flight = self._of.get(subtask_id)
        leader = flight.leader if flight else None
        return None if leader is None or leader.id == subtask_id else leader

    async def join(
        self, key: str, place: Place, watch: Living, start: Callable[[Flight[T]], Awaitable[T]]
    ) -> tuple[T, str]:
        """What the work gives, and the id of the subtask that counts as its maker; "" when that is this one.

        Args:
            key: equal for equal work.
            place: who asks.
            watch: is told of every sign of life.
            start: the work; it is given the flight, to tell that it is alive.
        """
        failed = 0
        while True:
            flight = self._open.get(key) if failed < MOST_FAILED else None
            if flight is None:
                flight = self._begin(key, start, shared=failed < MOST_FAILED)
            try:
                return await self._wait(flight, place, watch)
            except Exception:
                if flight.maker == place.id:
                    raise
                failed += 1

    def _begin(self, key: str, start: Callable[[Flight[T]], Awaitable[T]], *, shared: bool) -> Flight[T]:
        flight: Flight[T] = Flight(key)

        async def run() -> T:
            return await start(flight)

        def ended(work: asyncio.Task[T]) -> None:
            leader = flight.leader
            flight.maker = leader.id if leader else ""
            self._close(flight)
            if not work.cancelled():
                work.exception()  # whoever is aboard is told; nobody may be

        flight.work = asyncio.create_task(run())
        flight.work.add_done_callback(ended)
        if shared:
            self._open[key] = flight
        return flight

    async def _wait(self, flight: Flight[T], place: Place, watch: Living) -> tuple[T, str]:
        flight.aboard[place.id] = (place, watch)
        self._of[place.id] = flight
        try:
            result = await asyncio.shield(flight.work)
            return result, "" if flight.maker == place.id else flight.maker
        except asyncio.CancelledError:
            del flight.aboard[place.id]
            if not flight.aboard and not flight.work.done():
                self._abandon(flight)
                await asyncio.wait({flight.work})
            raise
        finally:
            flight.aboard.pop(place.id, None)
            self._of.pop(place.id, None)

    def _abandon(self, flight: Flight[T]) -> None:
        """Nobody waits for it any more: it is stopped, and nobody may join it."""
        self._close(flight)
        flight.work.cancel()

    def _close(self, flight: Flight[T]) -> None:
        if self._open.get(flight.key) is flight:
            del self._open[flight.key]
