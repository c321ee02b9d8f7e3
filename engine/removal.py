"""Removes final tasks in the background, a small batch per transaction, so that other tasks keep running.

A task is marked first; from then on nobody sees it, and wherever its removal is cut off, it goes on from there at the
next start, or at another engine's next look round. Outputs go with the last one that keeps them.

A blob is not in the graph, so its end has an order of its own: its Result goes first, in one transaction that finds
nobody else keeping it, and the task remembers the hash. Only then the file goes, unless it is wanted again by then:
whoever produces the same output puts the file first, which makes it young, and writes its Result after that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from engine.archive.stride import Stride
from engine.errors import EngineError, GraphUnavailable
from engine.model import Task
from engine.payloads import Payloads
from engine.ports import Blobs, Clock, Graph
from engine.tools import undo

_log = structlog.get_logger("removal")

BATCH = 200
"""Most subtasks removed in one transaction; fewer where that takes long, because a turn may have to wait for it."""
LEAST = 25
SECONDS = 0.02
"""How long one transaction should take."""
LOOK_SECONDS = 30.0
"""Between two looks round for removals to go on with, and for tasks that are old enough."""
AT_ONCE = 100
"""Old tasks that one look takes on."""
AGAIN_SECONDS = 1.0
"""Before a blob that is perhaps wanted again is looked at once more."""
DAY_MS = 86_400_000


class Removal:
    """The removals of one engine. ``run`` goes on with what is left, for as long as the engine runs.

    Args:
        folder: where the file tools of this engine keep what they replaced, per task.
        grace: seconds in which another engine may have put a blob and not written its Result yet; 0 where none can be.
        retention_days: how long final tasks are kept; None keeps them.
        kept: is told at the start of each task that files are kept for.
        rest: is told after each transaction how many seconds it took; returns when the next may come.
    """

    def __init__(
        self,
        graph: Graph,
        blobs: Blobs,
        payloads: Payloads,
        clock: Clock,
        *,
        folder: Path,
        grace: float,
        retention_days: float | None,
        kept: Callable[[Task], Awaitable[None]],
        rest: Callable[[float], Awaitable[None]],
    ) -> None:
        self._graph = graph
        self._blobs = blobs
        self._payloads = payloads
        self._clock = clock
        self._folder = folder
        self._grace = grace
        self._kept = kept
        self._rest = rest
        self._retention = None if retention_days is None else round(retention_days * DAY_MS)
        self._turns = asyncio.Semaphore(1)
        self._working: dict[str, asyncio.Task[bool]] = {}

    async def begin(self, task_id: str) -> asyncio.Task[bool] | None:
        """Marks a final task and begins to remove it; None when there is no such final task."""
        return self._work(task_id) if await self._graph.begin_removal(task_id) else None

    async def run(self) -> None:
        """Looks round, now and then."""
        await self._prune()
        pause = LOOK_SECONDS if self._retention is None else min(LOOK_SECONDS, max(1.0, self._retention / 4_000))
        while True:
            try:
                await self._look()
            except EngineError as error:
                _log.debug("removals wait", reason=str(error))
            await asyncio.sleep(pause)

    async def _look(self) -> None:
        for task_id in await self._graph.removals():
            self._work(task_id)
        if self._retention is None:
            return
        for task_id in await self._graph.final_before(self._clock.now() - self._retention, AT_ONCE):
            await self.begin(task_id)

    async def stop(self) -> None:
        """Stops between two transactions; what is left goes on at the next start."""
        for work in list(self._working.values()):
            work.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    def _work(self, task_id: str) -> asyncio.Task[bool]:
        """The work on one task, begun unless it is under way."""
        known = self._working.get(task_id)
        if known is None:
            known = self._working[task_id] = asyncio.create_task(self._remove(task_id))
            known.add_done_callback(lambda _: self._working.pop(task_id, None))
        return known

    async def _remove(self, task_id: str) -> bool:
        """Removes what is left of a marked task; whether that is all of it."""
        try:
            async with self._turns:
                await self._remove_members(task_id)
            while await self._graph.condemn(task_id, BATCH):
                await self._remove_blobs(task_id)
            await self._remove_blobs(task_id)
            await asyncio.to_thread(undo.drop, self._folder, task_id)
            gone = await self._graph.end_removal(task_id)
            await self._graph.forget(task_id)
        except GraphUnavailable as error:
            _log.info("a removal waits for the graph", task_id=task_id, reason=str(error))
        except (EngineError, OSError) as error:
            _log.error("a removal was cut off; it goes on later", task_id=task_id, reason=str(error))
        else:
            _log.info("task removed", task_id=task_id)
            return gone
        return False

    async def _remove_members(self, task_id: str) -> None:
        """Removes subtasks and events, so many at a time that a turn which has to wait for them waits little."""
        stride = Stride(LEAST, BATCH, SECONDS)
        left = True
        while left:
            started = time.monotonic()
            left = bool(await self._graph.remove_some(task_id, stride.size))
            took = time.monotonic() - started
            stride.took(took)
            await self._rest(took)

    async def _remove_blobs(self, task_id: str) -> None:
        """Removes the blobs whose Results have gone with the task, except those that are wanted again."""
        left = await self._graph.condemned(task_id)
        if not left:
            return
        moment = time.time_ns() // 1_000_000
        await asyncio.sleep(self._grace)
        while left := [digest for digest in left if not await self._settled(digest, moment)]:
            await asyncio.sleep(AGAIN_SECONDS)
            moment = time.time_ns() // 1_000_000
        await self._graph.acquit(task_id)

    async def _settled(self, digest: str, moment: int) -> bool:
        """Whether a blob is gone, or somebody's again; False while that is not clear."""
        if self._payloads.in_flight(digest):
            return False
        if await self._graph.result_bodies([digest]):
            return True
        return await self._blobs.remove(digest, moment)

    async def _prune(self) -> None:
        """Files kept for tasks that another engine has removed or ended meanwhile."""
        try:
            for task_id in await asyncio.to_thread(undo.tasks, self._folder):
                task = await self._graph.task(task_id)
                if task is None:
                    await asyncio.to_thread(undo.drop, self._folder, task_id)
                else:
                    await self._kept(task)
        except (EngineError, OSError) as error:
            _log.debug("nothing pruned", reason=str(error))
