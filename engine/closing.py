"""How tasks end: by themselves when all is settled, or because they are closed (cancelled, failed fast, expired).

Closing begins with the gate, one write: from then on nothing of the task is claimed, whatever happens to this engine.
Then what runs is stopped, and what waits is cancelled in batches with turns in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.delivery import patiently
from engine.endings import TROUBLES, Endings
from engine.errors import GraphUnavailable
from engine.lessons import Lessons
from engine.model import Event, Finish
from engine.rollback import Rollback, told, wanted
from engine.running import FAILING, RunningTask
from engine.scheduler import Scheduler
from engine.states import TaskStatus

CANCEL_BATCH = 1_000
"""Waiting subtasks cancelled per transaction, with turns in between."""


class Closing:
    """Closes and ends the tasks of one engine, through the loop of its scheduler."""

    def __init__(self, scheduler: Scheduler, endings: Endings, lessons: Lessons, rollback: Rollback) -> None:
        self._scheduler = scheduler
        self._rollback = rollback
        self._graph = scheduler.graph
        self._endings = endings
        self._lessons = lessons
        scheduler.over = self._over
        scheduler.left = self.resume
        self.reported: Callable[[RunningTask, Finish], Awaitable[None]] | None = None
        """Makes the last report of a task, before its end is written."""

    # --- the end of a task --------------------------------------------------------------------------------------

    def _over(self, task: RunningTask) -> None:
        self._scheduler.help(self._conclude(task))

    async def _conclude(self, task: RunningTask) -> None:
        """Reads what the task's end needs, beside the loop, and has the loop write it."""
        await self._scheduler.recorder.written(task.id)
        end = await patiently(lambda: self._endings.conclude(task))
        await self._scheduler.put_entries()
        self._scheduler.soon(lambda: self._finish(task, end))

    async def _finish(self, task: RunningTask, end: Finish, left: bool = True) -> None:
        """Ends the task, unless it has something ``left`` to put back first."""
        if not task.over:  # something of it has come back meanwhile
            task.ending = False
            return
        if self._scheduler.recorder.waits(task.id):
            self._over(task)
            return
        if left and wanted(task.body, end.status):
            await self._shut(task)
            self._scheduler.help(self._roll_back(task, end))
            return
        if self.reported is not None:
            await self.reported(task, end)
        ledger = self._scheduler.ledger
        numbered = ledger.numbered(end)
        await self._scheduler.delivery.put_results()
        await self._graph.finish([numbered])
        if self._lessons.concerns(task, numbered.status):
            self._scheduler.help(self._lessons.learn(task.id))
        name = "cancel" if numbered.status is TaskStatus.CANCELLED else "finish"
        place = (numbered.last_event, numbered.at, "", numbered.status.value, 0)
        self._scheduler.bus.publish(task.id, [Event(task.id, *place, name, "", numbered.detail)])
        self._scheduler.bus.close(task.id)
        self._scheduler.times.forget(task)
        self._scheduler.turnstile.lines.forget(task.id)
        self._scheduler.learner.ended(task.plan_hash)
        self._scheduler.observer.task(numbered.status.value, _seconds(numbered))
        self._scheduler.tracing.end(task.id, numbered.status.value)
        ledger.remove(task.id).ended.set()
        await self._graph.forget(task.id)

    async def _shut(self, task: RunningTask) -> None:
        """From here on it ends as it does, whatever a person wants retried, also after a restart."""
        if task.gate:
            return
        if not await self._graph.close_gate(task.id, FAILING, "", self._scheduler.clock.now()):
            found = await self._graph.task(task.id)  # closed by a write whose answer was lost
            task.gate = found.gate if found is not None else ""
        task.gate = task.gate or FAILING

    async def _roll_back(self, task: RunningTask, end: Finish) -> None:
        """Puts back what it has changed, beside the loop."""
        undone = await self._rollback.undo(task.id)
        self._scheduler.soon(lambda: self._finish(task, told(end, undone), left=False))

    # --- closing ------------------------------------------------------------------------------------------------

    async def close(self, task: RunningTask, gate: str, detail: str) -> bool:
        """Closes a task from inside the loop; False when it is closed or final already."""
        if task.gate or task.id not in self._scheduler.ledger.tasks:
            return False
        if not await self._graph.close_gate(task.id, gate, detail, self._scheduler.clock.now()):
            return await self._adopt_gate(task)
        self._begin(task, gate, detail)
        return True

    async def _adopt_gate(self, task: RunningTask) -> bool:
        """The gate was closed by a write whose answer was lost."""
        found = await self._graph.task(task.id)
        if found is None or not found.gate:
            return False
        self._begin(task, found.gate, found.gate_detail)
        return True

    def look_back(self, task: RunningTask) -> None:
        """After a restart: a task that fails fast may have failed just before it could be closed."""
        if task.fail_fast and not task.gate and any(map(task.counts.get, TROUBLES)):
            self._scheduler.help(self._look_back(task))

    async def _look_back(self, task: RunningTask) -> None:
        worst = await patiently(lambda: self._graph.troubled(task.id, 1))
        if worst and worst[0].critical:
            self._scheduler.close(task, FAILING, f"{worst[0].key} failed")

    def _begin(self, task: RunningTask, gate: str, detail: str) -> None:
        task.gate, task.gate_detail = gate, detail
        self.resume(task)
        self._scheduler.stop_running(task)

    def resume(self, task: RunningTask) -> None:
        """Begins, or after a restart goes on, to cancel what waits of a closed task."""
        task.cancel_after = ""
        self._scheduler.soon(lambda: self._cancel_step(task))

    async def _cancel_step(self, task: RunningTask) -> None:
        """Cancels the next batch of what waits; after the last one the counts are read again."""
        assert task.cancel_after is not None
        first, at = task.last_event + 1, self._scheduler.clock.now()
        try:
            changes, after = await self._graph.cancel(task.id, at, first, task.cancel_after, CANCEL_BATCH)
        except GraphUnavailable as error:
            # It may have been committed: its numbers must not be given out again.
            await self._scheduler.delivery.reconnect(error)
            task.last_event = (await patiently(lambda: self._graph.recount(task.id))).last_event
            self._scheduler.soon(lambda: self._cancel_step(task))
            return
        if changes.changes:
            task.last_event = first + len(changes.changes) - 1
            self._scheduler.publish(changes, at)
        if after is not None:
            task.cancel_after = after
            self._scheduler.soon(lambda: self._cancel_step(task))
            return
        self._scheduler.ledger.recounted(task, await self._graph.recount(task.id))
        task.cancel_after = None
        self._scheduler.look(task)
        self._scheduler.wake()


def _seconds(end: Finish) -> float | None:
    """How long a task has run."""
    return None if end.started_at is None else (end.at - end.started_at) / 1000
