"""The order of running tasks, kept up with what their own attempts teach.

When what was learned is written, once a second at most, the kinds of which something was learned are compared with what
the open tasks were ranked with: constant work for each task and kind, and nothing for tasks with few subtasks or one
kind. Where an estimate has changed much, what is open of the task is read once, ranked beside the loop, and what gets
another place is written between turns, some at a time. Tasks come one after the other, each every few seconds at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from engine.errors import GraphUnavailable
from engine.estimates.learning import Learner
from engine.estimates.ranking import WAITING, ranked_again
from engine.ledger import Ledger
from engine.model import Rank
from engine.ports import Clock, Graph
from engine.running import RunningTask

_log = structlog.get_logger("reranking")

AGAIN_SECONDS = 5.0
"""A task gets another order this often at most."""
LOOK_SECONDS = 0.5
"""It is ranked again after so long where its order stayed: the first to end are seldom of all kinds."""
SHARE = 10
"""And so many times as seldom as it takes."""
LEAST = 24
"""Fewer waiting subtasks are not worth a read."""
MOST = 20_000
"""More open ones take too long."""
MOST_SUBTASKS = 100_000
"""So do more in all."""
LARGE = 2_000
"""More than these are ranked on a thread."""
BATCH = 1_000
"""Subtasks that are written between two turns."""


class Reranker:
    """Ranks the open tasks of one engine anew.

    Args:
        graph: read and written.
        ledger: the open tasks.
        clock: times.
        learner: what is expected now.
        help: runs work beside the loop.
        inside: runs a write between two turns and waits for it.
    """

    def __init__(
        self,
        graph: Graph,
        ledger: Ledger,
        clock: Clock,
        learner: Learner,
        help: Callable[[Coroutine[Any, Any, None]], None],
        inside: Callable[[Callable[[], Awaitable[int]]], Awaitable[int]],
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._clock = clock
        self._learner = learner
        self._help = help
        self._inside = inside
        self._seen: dict[str, float] = {}
        self._wanted: dict[str, None] = {}
        self._busy = False

    def begin(self, task: RunningTask) -> None:
        """A task is taken up; one that has just come in was ranked with what is expected now."""
        kinds = task.ranked.kinds
        if kinds and len(kinds) > 1 and task.waiting >= LEAST:
            task.ranked.kinds = dict(self._expected(set(kinds)))

    def look(self, types: set[str]) -> None:
        """Something was learned about these types."""
        now = self._expected(types)
        for task in self._ledger.tasks.values():
            if self._concerns(task) and task.ranked.outdated(now, self._seen):
                self._wanted[task.id] = None
        self._seen |= now
        if self._wanted and not self._busy:
            self._help(self._work())

    def _concerns(self, task: RunningTask) -> bool:
        kinds = task.ranked.kinds
        if kinds is not None and len(kinds) <= 1:
            return False
        size = self._ledger.size(task.id)
        if not LEAST <= size <= MOST_SUBTASKS or task.gate or self._clock.monotonic() < task.ranked.due_at:
            return False
        return task.waiting >= LEAST and task.unsettled <= MOST and self._ledger.size(task.id) <= MOST_SUBTASKS

    def _expected(self, types: set[str]) -> dict[str, float]:
        expectation = self._learner.expectation("")
        return {type_: expectation.of("", type_).seconds for type_ in types}

    async def _work(self) -> None:
        """Ranks the tasks that want it, until none does."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._wanted:
                wanted = next(iter(self._wanted))
                del self._wanted[wanted]
                task = self._ledger.tasks.get(wanted)
                if task is not None:
                    await self._rank(task)
        except GraphUnavailable as error:
            _log.debug("an order is not brought up to date", reason=str(error))
            self._wanted.clear()
        finally:
            self._busy = False

    async def _rank(self, task: RunningTask) -> None:
        begun = self._clock.monotonic()
        task.ranked.due_at = begun + AGAIN_SECONDS
        task.ranked.grew = False
        rows = await self._graph.standings(task.id)
        edges = await self._graph.edges(task.id)
        expect = await self._learner.experienced(task.plan_hash)
        task.ranked.kinds = dict(self._expected({row.type for row in rows if row.status in WAITING}))
        slots = min(self._ledger.slots, task.max_parallel or self._ledger.slots)
        work = (rows, edges, expect, slots, self._learner.has_run(task.plan_hash))
        ranks = await asyncio.to_thread(ranked_again, *work) if len(rows) > LARGE else ranked_again(*work)
        moved = 0
        for start in range(0, len(ranks), BATCH):
            batch = ranks[start : start + BATCH]
            moved += await self._inside(lambda batch=batch: self._write(task, batch))  # type: ignore[misc]
        task.ranked.again |= moved > 0
        took = self._clock.monotonic() - begun
        task.ranked.due_at = begun + max(AGAIN_SECONDS if moved else LOOK_SECONDS, SHARE * took)
        if moved:
            _log.info("ranked anew", task_id=task.id, subtasks=moved, seconds=round(took, 3))

    async def _write(self, task: RunningTask, ranks: list[Rank]) -> int:
        open_ = task.id in self._ledger.tasks and not task.gate
        return await self._graph.reorder(ranks) if open_ else 0
