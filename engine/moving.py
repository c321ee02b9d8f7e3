"""Moves tasks from this engine to others while they are open: when others have less to do, when this one stops.

A task is moved while nothing of it runs, between two turns, by the transaction that leaves the other engine a command
to take it up. What runs of a task that is to go gets a while to end, in which nothing new of it starts; what takes
longer stays here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from engine.balance import Movable, Moves, farewell, shares
from engine.beside import Beside
from engine.command import Command
from engine.errors import EngineError, Fenced, GraphUnavailable
from engine.ownerstore import Load
from engine.plan.ids import Ulids
from engine.running import RunningTask
from engine.scheduler import Scheduler

QUIET_SECONDS = 5.0
"""How long what runs of a task that is to go gets to end."""
RESIDE_SECONDS = 15.0
"""For how long a task stays at least where it has come to, or where it could not be moved from."""
SETTLE_BEATS = 3
"""So many heartbeats after tasks were moved, the others are looked at again."""
_log = structlog.get_logger("engine")


class Moving:
    """What one engine gives to others. ``look`` with each heartbeat.

    Args:
        own: the id of this engine.
        timeout: milliseconds without a sign of life after which an engine counts no more.
        interval: seconds between two heartbeats: what others say of themselves is as old.
        ring: tells an engine at once that there is something for it; unheard, it finds out with its next heartbeat.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        ids: Ulids,
        own: Callable[[], str],
        timeout: int,
        interval: float,
        ring: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._graph = scheduler.graph
        self._ids = ids
        self._own = own
        self._timeout = timeout
        self._ring = ring
        self._beside = Beside(lambda error: _log.error("a task could not be moved", exc_info=error))
        self._interval = interval
        self._looking = False
        self._again_at = 0.0
        self._since: dict[str, float] = {}
        self.moved = 0
        """Tasks that were given to others."""

    def arrived(self, task_id: str) -> None:
        """A task has come from another engine: it stays for a while."""
        self._since[task_id] = self._scheduler.clock.monotonic()

    def look(self) -> None:
        """Moves, beside the caller, what others should have; not while it still moves what the last look found, nor
        where nothing waits.
        """
        ledger = self._scheduler.ledger
        crowded = ledger.unsettled > ledger.slots and len(ledger.tasks) > 1
        settled = self._scheduler.clock.monotonic() >= self._again_at
        if ledger.tasks and not self._looking and (ledger.draining or (crowded and settled)):
            self._looking = True
            self._beside.start(self._work())

    def close(self) -> None:
        """Moves nothing more."""
        self._beside.cancel()

    async def _work(self) -> None:
        try:
            with contextlib.suppress(GraphUnavailable, Fenced):
                others = {id_: load for id_, load in await self._graph.loads(self._timeout) if id_ != self._own()}
                wanted = self._wanted(others)
                await asyncio.gather(*(self._move(task_id, to) for task_id, to in wanted))
                if wanted:  # until the others have taken it up, they say less than they have
                    self._again_at = self._scheduler.clock.monotonic() + SETTLE_BEATS * self._interval
        finally:
            self._looking = False

    def _wanted(self, others: dict[str, Load]) -> Moves:
        ledger, now = self._scheduler.ledger, self._scheduler.clock.monotonic()
        self._since = {id_: at for id_, at in self._since.items() if now - at < RESIDE_SECONDS and id_ in ledger.tasks}
        draining = ledger.draining
        tasks = [
            Movable(task.id, task.unsettled, bool(task.claims))
            for task in ledger.tasks.values()
            if _may_go(task) and (draining or (task.ready and task.pause is None and task.id not in self._since))
        ]
        return farewell(others, tasks) if draining else shares(ledger.unsettled, ledger.slots, others, tasks)

    async def _move(self, task_id: str, to: str) -> None:
        task = self._scheduler.ledger.tasks.get(task_id)
        if task is None or not _may_go(task):
            return
        task.leaving = True
        try:
            if await self._is_quiet(task):
                await self._scheduler.inside(lambda: self._hand(task, to))
        except (GraphUnavailable, EngineError) as error:
            _log.debug("a task stays", task_id=task_id, reason=str(error))
        finally:
            task.leaving = False
            if task_id in self._scheduler.ledger.tasks:
                self.arrived(task_id)
                self._scheduler.ledger.offer(task)
                self._scheduler.wake()

    async def _is_quiet(self, task: RunningTask) -> bool:
        """Waits, not for long, until nothing of a task runs and all that it made is written."""
        clock = self._scheduler.clock
        until = clock.monotonic() + QUIET_SECONDS
        while runners := list(task.running.values()):
            if (left := until - clock.monotonic()) <= 0:
                return False
            await asyncio.wait(runners, timeout=left)
        await self._scheduler.inside(_nothing)  # what has ended is written by a turn before that
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._scheduler.recorder.written(task.id), QUIET_SECONDS)
            return True
        return False

    async def _hand(self, task: RunningTask, to: str) -> None:
        """Between two turns: hands it over, unless something has begun to happen to it."""
        if not _may_go(task) or self._concerns(task):
            return
        command = Command("take_up", task.id).encode()
        at = self._scheduler.clock.now()
        handed = await self._graph.hand_over(task.id, to, (self._ids.new(at), command), at)
        if not handed and await self._graph.adopt([task.id]):
            return  # the other one has gone meanwhile
        self._let_go(task)
        self.moved += handed
        self._ring(to)
        _log.info("moved a task to an engine that has less to do", task_id=task.id, engine=to)

    def _concerns(self, task: RunningTask) -> bool:
        """Whether something of a task runs, or has happened that is still to be written."""
        ledger, recorder = self._scheduler.ledger, self._scheduler.recorder
        return bool(task.claims or task.running) or ledger.concerns(task.id) or recorder.waits(task.id)

    def _let_go(self, task: RunningTask) -> None:
        """Forgets a task that another engine has by now."""
        task.moved = True
        scheduler = self._scheduler
        scheduler.ledger.remove(task.id)
        task.held.clear()
        scheduler.times.forget(task)
        scheduler.turnstile.lines.forget(task.id)
        scheduler.tracing.end(task.id, "open")
        scheduler.bus.close(task.id)
        task.ended.set()


async def _nothing() -> None:
    """Only the loop comes by."""


def _may_go(task: RunningTask) -> bool:
    return not task.gate and not task.ending and not task.over
