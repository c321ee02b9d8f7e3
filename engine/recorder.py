"""Writes provenance into the graph: later than the turn, in batches, and never lost.

The turn records on each attempt what it was made from; this takes the same from the turns and writes it as edges,
beside the loop. A task ends only after its last edge. After a crash the open tasks are asked for attempts without
edges, so nothing else has to remember how far it had come. Writing an edge twice is no fault.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from engine.errors import GraphUnavailable
from engine.lineage import TAKEN_OVER, Made, Provenance, Unlinked, Use
from engine.model import NewTask
from engine.ports import Alarm, Clock
from engine.states import SubtaskStatus
from engine.turn import Settle, Turn, TurnResult

Edge = TypeVar("Edge", Made, Use)

BATCH = 400
"""Attempts that wait before they are written; the end of a task waits for what is left, so it is no large number."""
MOST = 2_000
"""Attempts written in one transaction."""
SECONDS = 1.0
"""Longest wait of an attempt while its task runs."""
CROWDED = 20_000
"""Attempts that may wait; with more, the turns wait for the writing."""
REMEMBERED = 50_000
"""Outputs remembered, so that their addresses need not be read again."""
PAGE = 1_000


class Recorder:
    """The provenance of one engine's tasks.

    Args:
        help: runs work beside the loop; what that raises ends the loop.
        patiently: repeats a read or write until the graph answers.
    """

    def __init__(
        self,
        graph: Provenance,
        clock: Clock,
        help: Callable[[Coroutine[Any, Any, None]], None],
        patiently: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._graph = graph
        self._clock = clock
        self._help = help
        self._patiently = patiently
        self._queue: list[Unlinked] = []
        self._open: Counter[str] = Counter()
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._linked: set[str] = set()
        self._adopted: set[str] = set()
        self._writing = False
        self._alarm: Alarm | None = None
        self._moved = asyncio.Event()
        self._life = 0

    # --- what is told -------------------------------------------------------------------------------------------

    def note(self, turn: Turn, result: TurnResult) -> None:
        """What a turn has recorded of the attempts that it settled."""
        recorded = {(change.id, change.token) for changes in result.tasks for change in changes.changes}
        rows = []
        for settle in turn.settle:
            if not (settle.output_hash or settle.consumed) or (settle.id, settle.token) not in recorded:
                continue
            sure = settle.task_id not in self._adopted
            made = _made(settle, sure)
            if made is not None and settle.to is SubtaskStatus.COMPLETED:
                self._remember(made)
            own = made if settle.output is None or settle.outcome in TAKEN_OVER else None
            if settle.consumed or own is not None:
                rows.append(Unlinked(settle.id, settle.token, settle.consumed, own, sure))
        self._wait_for(rows)

    def taken_over(self, task: NewTask) -> None:
        """What a rerun has taken over when it was stored."""
        rows = []
        for subtask in task.settled:
            reused = subtask.reused
            if reused is not None and reused.output_hash:
                place = (subtask.id, 1, reused.output_hash, reused.output_bytes, reused.output, reused.origin)
                made = Made(*place, sure=True)
                self._remember(made)
                rows.append(Unlinked(subtask.id, 1, (), made, sure=True))
        self._wait_for(rows)

    def adopt(self, task_id: str) -> None:
        """Looks for what an engine that is gone has left unwritten of an open task. That may find what this one settles
        too, so nothing of the task is sure.
        """
        self._adopted.add(task_id)
        self._open[task_id] += 1
        self._help(self._catch_up(task_id, self._life))

    # --- what is waited for -------------------------------------------------------------------------------------

    async def written(self, task_id: str) -> None:
        """Waits until every edge of a task is in the graph."""
        while self._open[task_id]:
            self._begin()
            await self._moved.wait()
        del self._open[task_id]
        self._adopted.discard(task_id)

    def waits(self, task_id: str) -> bool:
        """Whether some edge of a task is not in the graph yet."""
        return self._open[task_id] > 0

    async def caught_up(self) -> None:
        """Waits until every edge that is known now is in the graph."""
        for task_id in [task_id for task_id, number in self._open.items() if number]:
            await self.written(task_id)

    async def room(self) -> None:
        """Waits while too many attempts wait."""
        while self._writing and len(self._queue) > CROWDED:
            await self._moved.wait()

    async def flush(self) -> None:
        """Writes what waits now, if the graph answers; what it does not take is found again at the next start."""
        while self._queue and not self._writing:
            try:
                await self._write(self._take())
            except GraphUnavailable:
                return
        self.close()

    def close(self) -> None:
        """Rings no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def abandon(self) -> None:
        """Lets go of everything: other engines have the tasks."""
        self.close()
        self._life += 1
        self._queue.clear()
        self._open.clear()
        self._made.clear()
        self._linked.clear()
        self._adopted.clear()
        self._writing = False
        self._tell()

    # --- writing ------------------------------------------------------------------------------------------------

    def _wait_for(self, rows: Sequence[Unlinked]) -> None:
        if not rows:
            return
        self._queue += rows
        self._open.update(row.task_id for row in rows)
        if len(self._queue) >= BATCH:
            self._begin()
        elif self._alarm is None and not self._writing:
            self._alarm = self._clock.call_later(SECONDS, self._begin)

    def _begin(self) -> None:
        self.close()
        if self._queue and not self._writing:
            self._writing = True
            self._help(self._write_all(self._life))

    async def _write_all(self, life: int) -> None:
        try:
            while self._queue and life == self._life:
                batch = self._take()
                await self._patiently(partial(self._write_again, batch, life, itertools.count()))
        finally:
            if life == self._life:
                self._writing = False
                self._tell()

    async def _write_again(self, batch: Sequence[Unlinked], life: int, tries: Iterator[int]) -> None:
        """Nothing is sure once it has been tried: a lost connection may have swallowed a success."""
        await self._write(batch, life, sure=next(tries) == 0)

    def _take(self) -> list[Unlinked]:
        batch, self._queue = self._queue[:MOST], self._queue[MOST:]
        return batch

    async def _write(self, batch: Sequence[Unlinked], life: int | None = None, sure: bool = True) -> None:
        known = await self._known(batch)
        made = {(own.id, own.token): own for row in batch if (own := row.own)}
        for id_ in dict.fromkeys(id_ for row in batch for id_ in _named(row)):
            if (found := known.get(id_)) is not None and id_ not in self._linked:
                made.setdefault((id_, found.token), found)
        uses = {
            (row.id, row.token, known[id_].hash): Use(row.id, row.token, known[id_].hash, row.sure)
            for row in batch
            for id_ in row.consumed
            if id_ in known
        }
        if sure:
            await self._graph.link(list(made.values()), list(uses.values()))
        else:
            await self._graph.link(_doubted(made.values()), _doubted(uses.values()))
        if life is None or life == self._life:
            self._linked.update(id_ for id_, token in made if self._is_current(id_, token))
            self._open.subtract(row.task_id for row in batch)
            self._tell()

    async def _known(self, batch: Sequence[Unlinked]) -> dict[str, Made]:
        """What the subtasks that a batch names have produced."""
        names = dict.fromkeys(id_ for row in batch for id_ in _named(row))
        known = {id_: self._made[id_] for id_ in names if id_ in self._made}
        missing = [id_ for id_ in names if id_ not in known]
        for made in await self._graph.made(missing) if missing else []:
            known[made.id] = made
            self._remember(made)
        return known

    async def _catch_up(self, task_id: str, life: int) -> None:
        after, seen = "", set[tuple[str, int]]()
        while life == self._life:
            page: list[Unlinked] = []

            async def read(after: str = after, page: list[Unlinked] = page) -> None:
                page[:] = await self._graph.unlinked(task_id, after, PAGE)

            await self._patiently(read)
            new = [row for row in page if (row.id, row.token) not in seen]
            if not new or life != self._life:
                break
            seen = {(row.id, row.token) for row in page}
            after = page[-1].id
            self._wait_for(new)
        if life == self._life:
            self._open[task_id] -= 1
            self._tell()

    def _is_current(self, id_: str, token: int) -> bool:
        found = self._made.get(id_)
        return found is not None and found.token == token

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _remember(self, made: Made) -> None:
        self._made[made.id] = made
        while len(self._made) > REMEMBERED:
            gone, _ = self._made.popitem(last=False)
            self._linked.discard(gone)


def _named(row: Unlinked) -> Iterable[str]:
    """The subtasks whose outputs have to be in the graph before the edges of a row."""
    return (*row.consumed, row.own.origin) if row.own and row.own.origin else row.consumed


def _doubted(rows: Iterable[Edge]) -> list[Edge]:
    return [msgspec.structs.replace(row, sure=False) for row in rows]


def _made(settle: Settle, sure: bool) -> Made | None:
    if not settle.output_hash:
        return None
    place = (settle.id, settle.token, settle.output_hash, settle.output_bytes, settle.output, settle.origin)
    return Made(*place, sure=sure)
