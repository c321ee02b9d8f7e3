"""Who looks at which task: one channel for each task that is looked at, for as long as somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from api.live.channel import Channel, Lag, Sleep
from api.live.feed import REACH_MS, Feed, Wanted
from api.live.parts import Part
from api.live.source import Source
from engine.errors import Fault, GraphUnavailable, InvalidInput, NotFound
from engine.model import Task
from engine.plan.ids import born

KEEP = 2000
"""Events of a task that are kept for its viewers."""


class Follower(Protocol):
    """Follows something for as long as it has viewers."""

    viewers: int

    async def run(self) -> None:
        """Follows it."""


F = TypeVar("F", bound=Follower)


class Followed(dict[str, tuple[F, asyncio.Task[None]]]):
    """What is looked at now, by a key: each is followed once, from its first viewer to its last."""

    @property
    def viewers(self) -> int:
        """How many look at this moment."""
        return sum(follower.viewers for follower, _ in self.values())

    @contextmanager
    def looked_at(self, key: str, begin: Callable[[], F]) -> Iterator[F]:
        """Has a viewer more for as long as the context lasts; ``begin`` makes the follower for the first one."""
        if key not in self:
            follower = begin()
            self[key] = follower, asyncio.create_task(follower.run())
        follower, running = self[key]
        follower.viewers += 1
        try:
            yield follower
        finally:
            follower.viewers -= 1
            if not follower.viewers:
                running.cancel()
                del self[key]


class Hub:
    """The live side of one engine.

    Args:
        engine: answers for the tasks.
        keep: events that a viewer may be behind before he has to read from the graph, or gets a snapshot.
        sleep: waits so many seconds.
    """

    def __init__(self, engine: Source, keep: int = KEEP, sleep: Sleep = asyncio.sleep) -> None:
        self._engine = engine
        self._keep = keep
        self._sleep = sleep
        self._channels: Followed[Channel] = Followed()
        self._feeds: Followed[Feed] = Followed()

    @property
    def viewers(self) -> int:
        """How many look at this moment."""
        return self._channels.viewers + self._feeds.viewers

    async def admit(self, task_id: str, after: int, lag: Lag = "read") -> AsyncGenerator[Sequence[Part]]:
        """What a viewer gets who has all events up to ``after``; nothing is kept for him before he begins to read.

        Raises:
            NotFound: there is no such task.
            InvalidInput: it has not come so far.
        """
        last = await self._engine.last_event(task_id)
        task = await self._engine.task(task_id)
        if after > last:
            advice = f"the last event of task {task_id} is {last}: load the task again and go on from its seq"
            raise InvalidInput([Fault("/after", advice)])
        return self._view(task, last, after, lag)

    async def _view(self, task: Task, last: int, after: int, lag: Lag) -> AsyncGenerator[Sequence[Part]]:
        with self._channels.looked_at(
            task.id, lambda: Channel(self._engine, task, last, self._keep, self._sleep)
        ) as channel:
            try:
                async for parts in channel.view(after, lag):
                    yield parts
            except NotFound:  # removed meanwhile
                return

    async def admit_to_all(self, last_id: str, wanted: Wanted) -> AsyncGenerator[Sequence[Part]]:
        """What a viewer of all tasks gets: what has changed since the message of an id, ``TASK:SEQ``, and what changes.

        Of a task that was removed meanwhile all since it was made.
        """
        return self._view_all(await self._moment(last_id) if last_id else None, wanted)

    async def _moment(self, last_id: str) -> int:
        task_id, _, seq = last_id.rpartition(":")
        try:
            found = await self._engine.events_page(task_id, int(seq) - 1, 1)
        except NotFound:
            found = []
        return (found[0].at if found else born(task_id)) - REACH_MS

    async def _view_all(self, since: int | None, wanted: Wanted) -> AsyncGenerator[Sequence[Part]]:
        with self._feeds.looked_at("", lambda: Feed(self._engine)) as feed:
            try:
                async for parts in feed.view(since, wanted):
                    yield parts
            except GraphUnavailable:  # while it read what had been missed; connected again it goes on
                return
