"""Reports of tasks while they run: on a schedule and at milestones, to whoever follows the task.

A task that wants none costs nothing. Of one that does the counts are looked at when its events pass by; nothing is read
for that. A report is made beside the loop, of a few subtasks, and written by the loop between two turns as an event of
the task. What was told before is in the last report, so an engine that takes the task over goes on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from engine.answers.interim import EVENT, FINISHED, INTERVAL, SHOWN, Interim, causes, counted, interim
from engine.answers.why import Why
from engine.delivery import patiently
from engine.errors import GraphUnavailable, NotFound
from engine.model import Event, Finish, Reported, Troubled
from engine.ports import Alarm
from engine.running import RunningTask
from engine.scheduler import Scheduler
from engine.states import TaskStatus

_log = structlog.get_logger("reports")


@dataclass(slots=True, eq=False)
class Watched:
    """A task that wants reports; a listener of the bus. ``due`` are the causes of the next one, ``told`` of those
    before; ``known`` says that the latter were read.
    """

    task: RunningTask
    reporter: Reporter
    told: list[str] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    known: bool = False
    making: bool = False
    alarm: Alarm | None = None

    def offer(self, events: list[Event]) -> None:
        """Hears of events: the counts of the task are those after them."""
        if self.known and any(event.key for event in events):
            self.reporter.look(self)

    def close(self) -> None:
        """No further events will come."""
        self.reporter.forget(self)


class Reporter:
    """Makes the reports of one engine's tasks, through the loop of its scheduler.

    Args:
        scheduler: of the engine.
        why: why a task is where it is.
        costs: what the attempts of each watched task have cost, in US dollars; by whoever hears of them.
    """

    def __init__(self, scheduler: Scheduler, why: Callable[[str], Awaitable[Why]], costs: dict[str, float]) -> None:
        self._scheduler = scheduler
        self._graph = scheduler.graph
        self._clock = scheduler.clock
        self._why = why
        self._costs = costs
        self._watched: dict[str, Watched] = {}
        scheduler.added = self.begin

    def begin(self, task: RunningTask) -> None:
        """A task is taken up."""
        if task.body.reports is None:
            return
        watched = self._watched[task.id] = Watched(task, self)
        self._costs.setdefault(task.id, 0.0)
        self._scheduler.bus.attach(task.id, watched)
        self._scheduler.help(self._recall(watched))

    async def _recall(self, watched: Watched) -> None:
        """Finds out what was told before, by this engine or another one."""
        last = await patiently(lambda: self._graph.reports(watched.task.id, None, 1))
        found = Interim.decode(last[0].detail) if last else None
        if self._watched.get(watched.task.id) is not watched:
            return
        if found is not None:
            watched.told = list(found.told)
            self._costs[watched.task.id] = self._costs.get(watched.task.id, 0.0) + found.cost
        watched.known = True
        self._arm(watched, last[0].at if last else None)
        self.look(watched)

    def _arm(self, watched: Watched, last: int | None) -> None:
        """The next report of the schedule."""
        wanted = watched.task.body.reports
        if wanted is None or wanted.every_seconds is None:
            return
        gone = 0.0 if last is None else max(0.0, (self._clock.now() - last) / 1000)
        seconds = max(0.0, wanted.every_seconds - gone)
        watched.alarm = self._clock.call_later(seconds, lambda: self._rang(watched))

    def _rang(self, watched: Watched) -> None:
        watched.alarm = None
        watched.due.append(INTERVAL)
        self._make_soon(watched)
        self._arm(watched, None)

    def look(self, watched: Watched) -> None:
        """Whether there is something to tell."""
        wanted, task = watched.task.body.reports, watched.task
        if wanted is None or task.ending:
            return
        found = causes(wanted, watched.told, task.counts)
        if found:
            watched.told += found
            watched.due += found
            self._make_soon(watched)

    def forget(self, watched: Watched) -> None:
        """A task is let go of."""
        if watched.alarm is not None:
            watched.alarm.cancel()
        if self._watched.get(watched.task.id) is watched:
            del self._watched[watched.task.id]
            self._costs.pop(watched.task.id, None)
        # Not now: the bus is just telling everybody.
        self._clock.call_later(0.0, lambda: self._scheduler.bus.detach(watched.task.id, watched))

    # --- one report ---------------------------------------------------------------------------------------------------

    def _make_soon(self, watched: Watched) -> None:
        if not watched.making:
            watched.making = True
            self._scheduler.help(self._make(watched))

    async def _make(self, watched: Watched) -> None:
        """Reads the little that a report needs, and has it written."""
        try:
            why: Why | None = await self._why(watched.task.id)
            failures = await self._failures(watched.task)
        except (GraphUnavailable, NotFound):
            why, failures = None, []
        self._scheduler.soon(lambda: self._write(watched, why, failures))

    async def _failures(self, task: RunningTask) -> list[Troubled]:
        return await self._graph.troubled(task.id, SHOWN) if counted(task.counts).failed else []

    async def _write(self, watched: Watched, why: Why | None, failures: list[Troubled]) -> None:
        """Writes the report of what is due; between two turns."""
        task = watched.task
        if self._watched.get(task.id) is not watched or task.ending:
            watched.making = False
            return
        # The most important of what has come together while the last one was made.
        cause = watched.due[-1] if watched.due else INTERVAL
        await self._tell(watched, self._interim(watched, cause, why, failures))
        watched.due.clear()
        watched.making = False
        self.look(watched)

    def _interim(self, watched: Watched, cause: str, why: Why | None, failures: list[Troubled]) -> Interim:
        task, now = watched.task, self._clock.now()
        elapsed = None if task.started_at is None else max(0.0, (now - task.started_at) / 1000)
        cost = self._costs.get(task.id, 0.0)
        return interim(cause, task.present(), why, failures, elapsed, task.estimate, cost, watched.told, now)

    async def last(self, task: RunningTask, end: Finish) -> None:
        """The report of a task that is about to end, before its last event; from inside the loop."""
        watched = self._watched.get(task.id)
        if watched is None or not watched.known or FINISHED in watched.told:
            return
        failures = await self._failures(task)
        watched.told.append(FINISHED)
        made = self._interim(watched, FINISHED, None, failures)
        try:
            await self._tell(watched, made)
        except GraphUnavailable:
            watched.told.remove(FINISHED)
            raise
        _log.debug("the last report", task_id=task.id, status=end.status.value)

    async def _tell(self, watched: Watched, made: Interim) -> None:
        task, at = watched.task, self._clock.now()
        status = TaskStatus.PROCESSING if task.pause is None else TaskStatus.PAUSED
        row = Reported(task.id, status, made.encode(), task.last_event + 1)
        try:
            told = await self._graph.report(row, at)
        except GraphUnavailable as error:
            await self._scheduler.delivery.reconnect(error)
            told = await patiently(lambda: self._again(row, at))
        if told:
            task.last_event = row.number
            event = Event(task.id, row.number, at, "", status.value, 0, EVENT, "", row.detail)
            self._scheduler.bus.publish(task.id, [event])

    async def _again(self, row: Reported, at: int) -> bool:
        """After a lost answer: it is told where its event is there, for nothing else of the task was written since."""
        if (await self._graph.recount(row.task_id)).last_event >= row.number:
            return True
        return await self._graph.report(row, at)
