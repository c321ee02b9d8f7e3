"""Who looks at which task: one channel for each task that is looked at, for as long as somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from api.live.channel import Channel, Lag, Sleep
from api.live.feed import REACH_MS, Feed, Wanted
from api.live.parts import Part
from api.live.source import Source
from engine.errors import Fault, GraphUnavailable, InvalidInput, NotFound
from engine.model import Task
from engine.plan.ids import born

KEEP = 2000
"""Events of a task that are kept for its viewers."""


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
        self._feed: tuple[Feed, asyncio.Task[None]] | None = None
        self._channels: dict[str, tuple[Channel, asyncio.Task[None]]] = {}

    @property
    def viewers(self) -> int:
        """How many look at this moment."""
        of_all = self._feed[0].viewers if self._feed else 0
        return of_all + sum(channel.viewers for channel, _ in self._channels.values())

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
        with self._looking(task, last) as channel:
            try:
                async for parts in channel.view(after, lag):
                    yield parts
            except NotFound:  # removed meanwhile
                return

    @contextmanager
    def _looking(self, task: Task, last: int) -> Iterator[Channel]:
        if task.id not in self._channels:
            channel = Channel(self._engine, task, last, self._keep, self._sleep)
            self._channels[task.id] = channel, asyncio.create_task(channel.run())
        channel, running = self._channels[task.id]
        channel.viewers += 1
        try:
            yield channel
        finally:
            channel.viewers -= 1
            if not channel.viewers:
                running.cancel()
                del self._channels[task.id]

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
        with self._looking_at_all() as feed:
            try:
                async for parts in feed.view(since, wanted):
                    yield parts
            except GraphUnavailable:  # while it read what had been missed; connected again it goes on
                return

    @contextmanager
    def _looking_at_all(self) -> Iterator[Feed]:
        if self._feed is None:
            feed = Feed(self._engine)
            self._feed = feed, asyncio.create_task(feed.run())
        feed, running = self._feed
        feed.viewers += 1
        try:
            yield feed
        finally:
            feed.viewers -= 1
            if not feed.viewers:
                running.cancel()
                self._feed = None
