"""How an engine that runs nothing itself hands its tasks to those that do: each to the one that has least to do.

A task becomes the other's in the transaction that leaves it a command to take the task up, so it has an owner at every
moment. Whoever owns a task and dies leaves it to the rest, as ever. What finds nobody stays here and is offered again
with each heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from engine.balance import idlest
from engine.command import Command
from engine.errors import Busy, GraphUnavailable
from engine.ownerstore import Load, OwnerStore
from engine.plan.ids import Ulids
from engine.ports import Clock

FRESH_SECONDS = 1.0
"""For how long what is known of the others is good; what was handed over meanwhile is added to it."""
RETRY_SECONDS = 5.0
"""What callers are asked to wait when all are full."""
_log = structlog.get_logger("engine")


class HandingOver:
    """The tasks of an engine that runs none.

    Args:
        graph: hands them over.
        clock: tells the time.
        ids: makes ids of commands.
        timeout: milliseconds without a sign of life after which an engine counts no more.
        ring: tells an engine at once that there is something for it; unheard, it finds out with its next heartbeat.
    """

    def __init__(
        self,
        graph: OwnerStore,
        clock: Clock,
        ids: Ulids,
        timeout: int,
        ring: Callable[[str], None],
    ) -> None:
        self._graph = graph
        self._clock = clock
        self._ids = ids
        self._timeout = timeout
        self._ring = ring
        self._known: dict[str, Load] = {}
        self._looked: float | None = None
        self._waiting: dict[str, tuple[int, str]] = {}
        self._offering = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Tasks that nobody has taken yet."""
        return len(self._waiting)

    async def refuse_when_full(self, size: int) -> None:
        """Raises ``Busy`` when no engine has room for so many subtasks, ``GraphUnavailable`` when there is none."""
        await self._look()
        if not self._known:
            raise GraphUnavailable("no engine works on this namespace: start one with `agent03 engine`")
        room = max(load.room for load in self._known.values())
        if room < size:
            raise Busy(f"no engine has room for {size} more subtasks: send it again later", RETRY_SECONDS)

    def take(self, task_id: str, size: int) -> None:
        """A task of so many subtasks is to be handed over; ``offer`` does it."""
        self._waiting.setdefault(task_id, (size, self._ids.new(self._clock.now())))

    async def offer(self) -> None:
        """Hands over what waits; what the graph does not answer for waits on."""
        async with self._offering:
            for task_id, (size, command_id) in list(self._waiting.items()):
                await self._look()
                if not self._known:
                    _log.warning("no engine works on this namespace", tasks=len(self._waiting))
                    return
                await self._hand(task_id, size, command_id)

    async def _hand(self, task_id: str, size: int, command_id: str) -> None:
        to = idlest(self._known)
        body = Command("take_up", task_id).encode()
        if await self._graph.hand_over(task_id, to, (command_id, body), self._clock.now()):
            load = self._known[to]
            self._known[to] = Load(load.unsettled + size, load.room - size)
            self._ring(to)
        else:
            self._looked = None  # the other has gone meanwhile, or the task is open no more
            if await self._graph.adopt([task_id]):
                return
        del self._waiting[task_id]

    async def _look(self) -> None:
        now = self._clock.monotonic()
        if self._looked is None or now - self._looked > FRESH_SECONDS:
            self._known = dict(await self._graph.loads(self._timeout))
            self._looked = now
