"""Which tasks this engine owns: its sign of life, what it takes over from engines that are gone, the commands that
reach it through the graph, and what happens when it was taken for dead itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import structlog

from engine.beside import Beside
from engine.clock import SystemClock
from engine.closing import Closing
from engine.command import Answer, Command
from engine.delivery import patiently
from engine.errors import EngineError, Fenced, GraphUnavailable
from engine.handing import HandingOver
from engine.model import Json, OpenTask, Pulse
from engine.moving import Moving
from engine.ownerstore import Load
from engine.ports import Graph
from engine.recovery import Recovery
from engine.scheduler import Scheduler

_log = structlog.get_logger("engine")

TAKE_AT_ONCE = 100
"""Tasks taken over with one heartbeat, so that several engines share what one has left."""
STEADY_BEATS = 3
"""So many intervals without a gap before others are judged: when the graph was away, all signs of life are old."""


class Ownership:
    """The tasks of one engine. ``begin`` first, then ``beat`` beside the scheduler's loop, ``leave`` at the end.

    Args:
        interval: seconds between two heartbeats.
        timeout: seconds without a heartbeat after which an engine is taken for dead.
        most: open tasks up to which this engine takes over more.
        obey: applies a command to a task of this engine; False when the task is not this engine's any more.
        taken: is told that tasks have become this engine's in the middle of its life.
        keys: is told how often keys of the API were made or revoked.
        load: how much there is to do here; None while nothing is taken from others.
        hands: hands this engine's tasks to others; None where it runs them itself.
        moving: gives tasks that this engine runs to others; None where there is no other one.
    """

    def __init__(
        self,
        graph: Graph,
        scheduler: Scheduler,
        closing: Closing,
        recovery: Recovery,
        clock: SystemClock,
        *,
        interval: float,
        timeout: float,
        most: int,
        obey: Callable[[Command], Awaitable[bool]],
        taken: Callable[[], None],
        keys: Callable[[int | None], Awaitable[None]],
        load: Callable[[], Load | None],
        hands: HandingOver | None = None,
        moving: Moving | None = None,
    ) -> None:
        self._keys = keys
        self._load = load
        self.hands = hands
        self._moving = moving
        self._graph = graph
        self._scheduler = scheduler
        self._closing = closing
        self._recovery = recovery
        self._clock = clock
        self._interval = interval
        self._timeout = round(1000 * timeout)
        self._most = most
        self._obey = obey
        self._taken = taken
        self._engine = ""
        self._beating = asyncio.Lock()
        self._rung = asyncio.Event()
        self._steady = Steady(STEADY_BEATS * interval)
        self._obeying: set[str] = set()
        self._beside = Beside(lambda error: _log.error("a command has failed", exc_info=error))
        self.storing: set[str] = set()
        """Tasks that are being stored, and are taken up by whoever stores them."""
        self.unsure = False
        """Whether a write that may have made a task this engine's own has lost its answer."""
        self.answered = True
        """Whether the last heartbeat had an answer."""
        self._seen = 0.0
        self._fencings = 0

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics: how old the last sign of life is, and after how many seconds others
        take this engine for dead; how often they have.
        """
        return {
            "heartbeat_age": self._clock.monotonic() - self._seen,
            "heartbeat_timeout": self._timeout / 1000,
            "fencings": self._fencings,
        }

    async def begin(self, engine_id: str) -> None:
        """Enters this engine, or its next life, and takes its tasks up again."""
        self._engine = engine_id
        await self._graph.register(engine_id, self._clock.now())
        self._clock.correct((await self._graph.heartbeat(self._timeout, self._load())).now)
        self.answered, self._seen = True, self._clock.monotonic()
        async with self._alive():
            await self._graph.discard_leftovers()
            for found in await self._graph.adopt():
                await self._own(found)
            if self.hands is not None:
                await self.hands.offer()

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[None]:
        """Gives signs of life beside work that may last longer than others would wait for the next one. Else whoever
        takes over much is taken for dead meanwhile, and whoever takes over from that one too, and so on without end.
        """
        over = asyncio.Event()
        signs = asyncio.create_task(self._signs(over))
        try:
            yield
        finally:
            over.set()
            await asyncio.wait({signs})

    async def _signs(self, over: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._interval)
                return
            try:
                await self._sign()
            except GraphUnavailable as error:
                self.answered = False
                _log.debug("no heartbeat", reason=str(error))
            except Fenced:
                return  # the work finds out by itself

    async def _sign(self) -> Pulse:
        """One sign of life."""
        pulse = await self._graph.heartbeat(self._timeout, self._load())
        self._clock.correct(pulse.now)
        self.answered, self._seen = True, self._clock.monotonic()
        self._steady.beat(self._seen)
        return pulse

    async def begin_anew(self) -> None:
        """This engine was taken for dead and its tasks were taken over: it lets go of everything and enters again."""
        self._fencings += 1
        _log.warning("another engine took this one for dead and has taken over its tasks", engine=self._engine)
        async with self._beating:
            await self._scheduler.abandon()
            await patiently(lambda: self.begin(self._engine))
            self._steady = Steady(STEADY_BEATS * self._interval)
        _log.warning("the engine has entered again", engine=self._engine)

    async def _own(self, found: OpenTask) -> None:
        """An open task is this engine's: it goes on with it, or hands it over."""
        if self.hands is None:
            await self.take_up(found)
        else:
            self.hands.take(found.task.id, sum(found.counts.values()))

    async def take_up(self, found: OpenTask, own: bool = True) -> None:
        """Goes on with an open task that is this engine's by now; ``own`` if it was before."""
        taken = await self._recovery.take_up(found, own)
        for settle in taken.interrupted:
            self._scheduler.ledger.interrupted(settle)
        self._scheduler.recorder.adopt(taken.task.id)
        self._scheduler.add(taken.task)
        self._scheduler.times.restore(taken.task, taken.waiting)
        self._scheduler.decide_later(taken.undecided)
        for claim in taken.resumed:
            self._scheduler.resume(claim)
        if taken.task.gate:
            self._closing.resume(taken.task)
        else:
            self._closing.look_back(taken.task)

    async def beat(self) -> None:
        """A small write every few seconds, for as long as the engine runs."""
        try:
            while True:
                await self._pause()
                try:
                    async with self._beating:
                        await self._beat()
                except GraphUnavailable as error:
                    self.answered = False
                    _log.debug("no heartbeat", reason=str(error))
                except Fenced as error:
                    self._scheduler.fail(error)
        finally:
            self._beside.cancel()
            if self._moving is not None:
                self._moving.close()

    async def _pause(self) -> None:
        """Waits for the next heartbeat, or until somebody rings."""
        try:
            await asyncio.wait_for(self._rung.wait(), self._interval)
        except TimeoutError:
            return
        finally:
            self._rung.clear()

    async def leave(self) -> None:
        """Lets others take over what is still open, at once."""
        try:
            await self._graph.leave()
        except (GraphUnavailable, Fenced) as error:
            _log.debug("not signed off", reason=str(error))

    async def _beat(self) -> None:
        pulse = await self._sign()
        self._heed(pulse)
        await self._keys(pulse.keys)
        async with self._alive():
            if self.unsure:
                self.unsure = False
                await self._surely(self._take_up_unknown)
            for gone in pulse.gone if self._steady.long_enough else []:
                await self._surely(lambda gone=gone: self._take_over(gone))  # type: ignore[misc]
            if self.hands is not None:
                await self.hands.offer()
        if self._moving is not None:
            self._moving.look()

    async def _surely(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except GraphUnavailable:
            self.unsure = True
            raise

    async def _take_up_unknown(self) -> None:
        """Tasks that became this engine's by a write whose answer was lost; what was written in part is removed, so
        that the caller's idempotency key is free again.
        """
        await self._graph.discard_leftovers(self.storing)
        for found in await self._graph.adopt():
            if found.task.id not in self._scheduler.ledger.tasks and found.task.id not in self.storing:
                await self._own(found)
        self._taken()

    async def _take_over(self, gone: str) -> None:
        room = min(TAKE_AT_ONCE, self._most - len(self._scheduler.ledger.tasks))
        if room <= 0:
            return
        taken = await self._graph.take_over(gone, self._timeout, room)
        for found in taken:
            await self.take_up(found, own=False)
        if taken:
            self._taken()
            _log.warning("took over the tasks of an engine that is gone", engine=gone, tasks=len(taken))

    # --- commands -----------------------------------------------------------------------------------------------

    def _heed(self, pulse: Pulse) -> None:
        """Begins with the commands that are new."""
        for id_, body in pulse.commands:
            if id_ not in self._obeying:
                self._obeying.add(id_)
                self._beside.start(self._carry_out(id_, body))

    async def _carry_out(self, id_: str, body: str) -> None:
        """Applies a command and answers it; what fails for want of the graph comes again with the next heartbeat."""
        try:
            answer = await self._answer(body)
            if answer is not None:
                await self._graph.answer(id_, answer.encode())
        except (GraphUnavailable, Fenced) as error:
            _log.debug("a command waits", command=id_, reason=str(error))
        finally:
            self._obeying.discard(id_)

    async def _answer(self, body: str) -> Answer | None:
        try:
            command = Command.decode(body)
        except msgspec.MsgspecError as error:
            return Answer.refusal(EngineError(f"the engine that owns the task does not know this command: {error}"))
        try:
            if command.verb == "take_up":
                await self._take_up_handed(command.task_id)
                return Answer()
            return Answer() if await self._obey(command) else None
        except (GraphUnavailable, Fenced):
            raise
        except EngineError as error:
            return Answer.refusal(error)

    async def _take_up_handed(self, task_id: str) -> None:
        """Goes on with a task that another engine has handed to this one; again, it changes nothing."""
        async with self._beating:
            if task_id in self._scheduler.ledger.tasks:
                return
            for found in await self._graph.adopt([task_id]):
                await self._own(found)
                if self._moving is not None:
                    self._moving.arrived(task_id)
                self._taken()

    def look_soon(self) -> None:
        """Somebody has rung: there is something for this engine in the graph."""
        self._rung.set()


class Steady:
    """Whether this engine's own heartbeats have come without a gap for long enough to judge others by theirs."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._last = 0.0

    def beat(self, now: float) -> None:
        """A heartbeat has succeeded, at ``now`` monotonic seconds."""
        if self._since is None or now - self._last > self._seconds:
            self._since = now
        self._last = now

    @property
    def long_enough(self) -> bool:
        """Whether others may be judged."""
        return self._since is not None and self._last - self._since >= self._seconds
