"""One task that is looked at: followed once, for all who look.

The follower takes what has happened since its last look and then pauses for a moment, so that a flush holds much and is
encoded seldom: ten times a second at most. Viewers are woken a few at a time, who has waited longest first, with a
pause in between: a crowd gets more at once and less often, and the engine, which shares the event loop, goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec
import structlog

from api.live.gauge import Gauge
from api.live.parts import Beat, Block, Note, Part
from api.live.source import Source
from api.schemas.live import End, Snapshot
from engine.errors import EngineError, GraphUnavailable, NotFound
from engine.forecasts import Forecast
from engine.model import Event, Task
from engine.states import FINAL, TaskStatus

Lag = Literal["read", "snapshot"]
"""What a viewer wants who has fallen far behind: to read on from the graph, or a snapshot in place of all that."""
Sleep = Callable[[float], Awaitable[object]]

FLUSH_SECONDS = 0.1
"""Shortest time between two flushes."""
VIEWER_SECONDS = 0.0002
"""Pause for each viewer that was woken: longer than writing to one takes, so that the engine has its turn."""
TOGETHER = 20
"""Viewers that are woken at once."""
MEASURE_SECONDS = 1.0
"""How often it is asked when the task will have ended."""
QUIET_SECONDS = 15
"""After so long without anything to send there is a sign of life."""
PAGE = 1000
"""Events read from the graph at a time for a viewer that needs older ones."""
PAGES = 8
"""Pages kept for the viewers that come after."""
_log = structlog.get_logger("live")


class Channel:
    """What the viewers of one task get.

    Args:
        engine: answers for the task.
        task: it as of the event ``last``.
        last: from here on it is followed.
        keep: events that a viewer may be behind before he has to read from the graph, or gets a snapshot.
        sleep: waits so many seconds.
    """

    def __init__(self, engine: Source, task: Task, last: int, keep: int, sleep: Sleep = asyncio.sleep) -> None:
        self.viewers = 0
        self.last = last
        self._engine = engine
        self._task = task
        self._forecast: Forecast | None = None
        self._keep = keep
        self._sleep = sleep
        self._start = last
        self._blocks: deque[Block] = deque()
        self._pages: dict[int, asyncio.Task[Block]] = {}
        self._gauge = Gauge()
        self._progress: Note | None = None
        self._beat: Beat | None = None
        self._snapshot: Note | None = None
        self._end: Note | None = None
        self._closed = False
        self._quiet = 0.0
        self._turn = asyncio.Lock()
        self._version = 0
        self._waiting: list[asyncio.Event] = []
        self._due: deque[asyncio.Event] = deque()
        self._news = asyncio.Event()
        self._measure_anew()

    # --- what happens -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follows the task until it is final or the engine stops."""
        beside = [asyncio.create_task(work) for work in (self._measure(), self._wake())]
        try:
            while not (self._engine.stopped or self._end):
                try:
                    await self._follow()
                except GraphUnavailable:
                    await self._engine.a_while()
        except NotFound:
            pass  # removed since it ended
        except Exception as error:
            _log.error("a task is not followed any more", task_id=self._task.id, exc_info=error)
        finally:
            for work in beside:
                work.cancel()
            self._closed = True
            for viewer in (*self._due, *self._waiting):
                viewer.set()

    async def _follow(self) -> None:
        async with aclosing(self._engine.flushes(self._task.id, self.last)) as flushes:
            async for events in flushes:
                if any(not event.key and event.status in FINAL for event in events):
                    # Its counts as they are at the end; the engine, which knew them, has let go of it.
                    self._task, self._forecast = await self._engine.task(self._task.id), None
                await self._flush(events)
        if not self._engine.stopped:
            self._end = Note("end", End(seq=self.last, status=self._task.status), self.last)

    async def _measure(self) -> None:
        """Looks after what changes without an event, and after the sign of life."""
        while True:
            try:
                task = await self._engine.task(self._task.id)
                forecast = await self._engine.forecast(task)
            except EngineError:
                pass  # the follower finds out what that means
            else:
                if self._task.status in FINAL:  # by an event that came while it was read
                    return
                self._task, self._forecast = task, forecast
            await self._flush(())
            self._quiet += MEASURE_SECONDS
            if self._quiet >= QUIET_SECONDS:
                self._beat = Beat()
                self._tell()
            await self._sleep(MEASURE_SECONDS)

    async def _flush(self, events: Sequence[Event]) -> None:
        """Hands events and progress to all viewers, then pauses before anything else is."""
        async with self._turn:
            if events:
                self._add(events)
            if self._measure_anew() or events:
                self._tell()
                await self._sleep(FLUSH_SECONDS)

    def _add(self, events: Sequence[Event]) -> None:
        self._blocks.append(Block.of(events))
        self.last = events[-1].seq
        while len(self._blocks) > 1 and self.last - self._blocks[0].last >= self._keep:
            self._start = self._blocks.popleft().last
        own = [event for event in events if not event.key]
        if own:
            self._task = msgspec.structs.replace(self._task, status=TaskStatus(own[-1].status))

    def _measure_anew(self) -> bool:
        """Whether there is progress to tell."""
        self._task = self._engine.shown(self._task)
        view = self._gauge.read(self._task, self._forecast)
        if view is not None:
            self._progress = Note("progress", view)
        return view is not None

    def _tell(self) -> None:
        """There is something for everybody who waits."""
        self._quiet = 0.0
        self._version += 1
        self._due.extend(self._waiting)
        self._waiting.clear()
        self._news.set()

    async def _wake(self) -> None:
        """Wakes the viewers for whom there is something, who has waited longest first."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._due:
                woken = [self._due.popleft() for _ in range(min(TOGETHER, len(self._due)))]
                for viewer in woken:
                    viewer.set()
                await self._sleep(len(woken) * VIEWER_SECONDS)

    async def _turn_of(self, version: int) -> None:
        """Waits until it is the turn of a viewer who has everything up to a version."""
        viewer = asyncio.Event()
        if version < self._version:
            self._due.append(viewer)
            self._news.set()
        else:
            self._waiting.append(viewer)
        await viewer.wait()

    # --- what a viewer gets -----------------------------------------------------------------------------------------

    async def view(self, after: int, lag: Lag) -> AsyncGenerator[Sequence[Part]]:
        """Everything after an event, as much at a time as there is, until the task is final or the engine stops."""
        at, progress, beat = after, None, self._beat
        while True:
            version = self._version
            parts = await self._since(at, lag)
            at = max([at, *(part.last for part in parts)])
            if progress is not self._progress and self._progress is not None:
                parts.append(progress := self._progress)
            if beat is not self._beat and self._beat is not None:
                parts.append(beat := self._beat)
            if parts:
                yield parts
            elif self._closed and (at >= self.last or self._end is None or self._engine.stopped):
                break
            if not self._closed and (at >= self._start or self._engine.stopped):
                await self._turn_of(version)
        if self._end is not None and at >= self.last:
            yield [self._end]

    async def _since(self, at: int, lag: Lag) -> list[Part]:
        """What there is above ``at``: what is kept, else a page from the graph; nothing while that does not answer."""
        if at >= self._start:
            return self._kept(at)
        if lag == "snapshot" and self.last - at > self._keep:
            return [self._snapshot_now()]
        if self._engine.stopped:
            return []
        try:
            return [await self._page(at)]
        except GraphUnavailable:
            await self._engine.a_while()
            return []

    def _kept(self, at: int) -> list[Part]:
        found: list[Part] = []
        for block in reversed(self._blocks):
            if block.last <= at:
                break
            found.append(block.after(at))
        return found[::-1]

    def _snapshot_now(self) -> Note:
        if self._snapshot is None or self._snapshot.last != self.last:
            body = Snapshot(seq=self.last, status=self._task.status, counts=self._task.counts)
            self._snapshot = Note("snapshot", body, self.last)
        return self._snapshot

    async def _page(self, at: int) -> Block:
        """Events above ``at`` from the graph; read once for all viewers that stand there, for they never change."""
        reading = self._pages.get(at)
        if reading is None:
            while len(self._pages) >= PAGES:
                del self._pages[next(iter(self._pages))]
            reading = self._pages[at] = asyncio.create_task(self._read(at))
            reading.add_done_callback(lambda done: self._forget(at, done))
        return await asyncio.shield(reading)

    async def _read(self, at: int) -> Block:
        events = await self._engine.events_page(self._task.id, at, PAGE)
        if not events:
            raise NotFound(f"the events of task {self._task.id} are gone: it was removed")
        return Block.of(events)

    def _forget(self, at: int, reading: asyncio.Task[Block]) -> None:
        """A reading that has failed is tried again by the next who asks."""
        if (reading.cancelled() or reading.exception() is not None) and self._pages.get(at) is reading:
            del self._pages[at]
