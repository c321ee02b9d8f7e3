"""Says that tasks are late while they still run, in an event of their own: once, also after a restart.

All that are late in one round of the loop go into one write, so that an engine that is behind with everything does not
fall behind further for saying so.
"""

from __future__ import annotations

from engine.delivery import patiently
from engine.errors import GraphUnavailable
from engine.model import Event, Late
from engine.running import RunningTask
from engine.scheduler import Scheduler
from engine.states import TaskStatus


class Lateness:
    """Tells of the late tasks of one engine, through the loop of its scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._graph = scheduler.graph
        self._waiting: dict[str, str] = {}

    def add(self, task: RunningTask, detail: str) -> None:
        """A task is late; the loop tells it between two turns."""
        self._waiting[task.id] = detail
        self._scheduler.soon(self._tell)

    async def _tell(self) -> None:
        waiting, self._waiting = self._waiting, {}
        tasks = self._scheduler.ledger.tasks
        rows = {
            id_: Late(id_, _status(task), detail, task.last_event + 1)
            for id_, detail in waiting.items()
            if (task := tasks.get(id_)) is not None and not task.gate and not task.ending
        }
        if not rows:
            return
        at = self._scheduler.clock.now()
        try:
            told = await self._graph.late(list(rows.values()), at)
        except GraphUnavailable as error:
            await self._scheduler.delivery.reconnect(error)
            told = await self._again(list(rows.values()), at)
        for id_ in told:
            row = rows[id_]
            tasks[id_].last_event = row.number
            event = Event(id_, row.number, at, "", row.status.value, 0, "late", "", row.detail)
            self._scheduler.bus.publish(id_, [event])

    async def _again(self, rows: list[Late], at: int) -> list[str]:
        """After a lost answer: it was told where its event is there, for nothing else of the task was written since."""

        async def tell() -> list[str]:
            told = []
            for row in rows:
                if (await self._graph.recount(row.task_id)).last_event >= row.number:
                    told.append(row.task_id)
                else:
                    told += await self._graph.late([row], at)
            return told

        return await patiently(tell)


def _status(task: RunningTask) -> TaskStatus:
    return TaskStatus.PROCESSING if task.pause is None else TaskStatus.PAUSED
