"""What the timers of tasks and subtasks mean: which to set when something changes, and what follows when one is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from engine.context import what_holds
from engine.estimates.promise import decode, overdue
from engine.limits.lines import Waiter
from engine.model import NewTask, Subtask
from engine.payloads import time_out_text
from engine.ports import Clock
from engine.running import EXPIRED, PROCESSING, READY, RunningTask, timed
from engine.states import SETTLED, SubtaskStatus
from engine.timers import Kind, Timer, Timers
from engine.turn import Change, Move, Turn, TurnResult

RETRYING = SubtaskStatus.RETRYING
ASKING = SubtaskStatus.AWAITING_APPROVAL
WAITING = (SubtaskStatus.READY, RETRYING, ASKING)
POSTPONE = "postpone"
RESUME = "resume"
CANCEL = "cancel"
"""What the end of a pause asks for."""
LATE = "late"
"""What is asked for when a task takes longer than was foretold: that this is told."""
APPROVAL = "approval"
"""What is asked for when the time for a person's decision is over: what follows then."""
LATE_SECONDS = 1.0
"""A task is late when it takes longer than that by so much: less is not worth a write."""
_SETTLED = frozenset(status.value for status in SETTLED)

Closing = tuple[RunningTask, str, str]
"""A task to close, the gate (or what else is asked for), and why."""


class TimeKeeper:
    """Keeps the timers of one engine's tasks."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._timers = Timers(clock, ring)
        self._asleep: defaultdict[str, set[Timer]] = defaultdict(set)
        """By paused task: waits for a slot whose time is up. A pause is no such wait: they begin anew with it."""
        self.postponed: Callable[[Waiter], bool] = lambda _: False
        """Told of each subtask of which it is written that it waits for a limit; whether somebody calls it."""

    def begin(self, task: RunningTask) -> None:
        """A task is taken up: its deadline, and the end of its pause."""
        if task.deadline_at is not None and not task.gate:
            self._timers.set(Timer(task.id, task.id, "", Kind.DEADLINE), task.deadline_at)
        self.paused(task)
        self._promised(task)

    def _promised(self, task: RunningTask) -> None:
        """A task has begun: by when it should have ended."""
        foretold = decode(task.estimate)
        if foretold is not None and task.started_at is not None and not task.gate:
            timer = Timer(task.id, task.id, "", Kind.LATE)
            self._timers.set(timer, _after(task.started_at, foretold.high + LATE_SECONDS))

    def stored(self, task: RunningTask, new: NewTask) -> None:
        """A new task: what is ready from the start waits for a slot already."""
        for subtask in new.subtasks if task.timed else ():
            limit = task.timed.get(subtask.id)
            if limit is not None and limit.queue is not None and subtask.status == READY:
                timer = Timer(task.id, subtask.id, subtask.key, Kind.QUEUE)
                self._timers.set(timer, _after(new.created_at, limit.queue))

    def restore(self, task: RunningTask, waiting: list[tuple[Subtask, int | None]]) -> None:
        """After a restart: back-offs, limits that are running, and requests to persons, which are looked at at once.
        Who waited in a line asks again at once too, for the lines are gone.
        """
        if task.counts[ASKING]:
            self._timers.set(Timer(task.id, task.id, "", Kind.APPROVAL), self._clock.now())
        for subtask, since in waiting:
            if subtask.status is RETRYING and subtask.wake_at is not None:
                wake_at = subtask.wake_at if what_holds(subtask.reason) is None else self._clock.now()
                self._timers.set(Timer(task.id, subtask.id, subtask.key, Kind.BACKOFF), wake_at)
            limit = timed(subtask.key, subtask.spec, since)
            if limit is None:
                continue
            if limit.queue is not None and subtask.status is SubtaskStatus.READY:
                queued_at = subtask.queued_at or self._clock.now()
                self._timers.set(Timer(task.id, subtask.id, subtask.key, Kind.QUEUE), _after(queued_at, limit.queue))
            if limit.total is not None and since is not None:
                self._timers.set(Timer(task.id, subtask.id, subtask.key, Kind.TOTAL), _after(since, limit.total))

    def paused(self, task: RunningTask) -> None:
        """A task was paused, or it goes on."""
        timer = Timer(task.id, task.id, "", Kind.PAUSE)
        self._timers.drop(timer)
        if task.pause is not None and task.pause.until is not None:
            self._timers.set(timer, task.pause.until)
        for slept in self._asleep.pop(task.id, ()) if task.pause is None else ():
            self._timers.set(slept, _after(self._clock.now(), task.timed[slept.id].queue or 0.0))

    def forget(self, task: RunningTask) -> None:
        """A task is let go of."""
        self._timers.drop_task(task.id)
        self._asleep.pop(task.id, None)

    def close(self) -> None:
        """Rings no more."""
        self._timers.close()

    def note(self, turn: Turn, result: TurnResult, tasks: Mapping[str, RunningTask]) -> None:
        """A turn has changed something: sets and drops what that means."""
        wakes = {row.id: row.wake_at for row in turn.settle if row.wake_at is not None}
        for changes in result.tasks:
            task = tasks[changes.task_id]
            if task.estimate is not None and task.started_at == turn.now:
                self._promised(task)
            if wakes:
                self._wait_out(task, changes.changes, wakes)
            if task.timed:
                for change in changes.changes:
                    self._limit(task, change, turn.now)

    def expect(self, task: RunningTask, id_: str, key: str, at: int) -> None:
        """A subtask waits for a person until ``at``, in milliseconds."""
        self._timers.set(Timer(task.id, id_, key, Kind.APPROVAL), at)

    def _wait_out(self, task: RunningTask, changes: list[Change], wakes: Mapping[str, int | None]) -> None:
        for change in changes:
            at = wakes.get(change.id)
            if at is None:
                continue
            if change.status == RETRYING:
                if change.event != POSTPONE or not self.postponed(Waiter(task.id, change.id, change.key)):
                    self._timers.set(Timer(task.id, change.id, change.key, Kind.BACKOFF), at)
            elif change.status == ASKING:
                self.expect(task, change.id, change.key, at)

    def _limit(self, task: RunningTask, change: Change, now: int) -> None:
        limit = task.timed.get(change.id)
        if limit is None:
            return
        queue, total = (Timer(task.id, change.id, change.key, kind) for kind in (Kind.QUEUE, Kind.TOTAL))
        if change.event == "retry":
            task.begin_anew(change.id)
            self._timers.drop(total)
        if change.status == READY and limit.queue is not None:
            self._timers.set(queue, _after(now, limit.queue))
        else:
            self._timers.drop(queue)
        if change.status == PROCESSING and (at := task.expires_at(change.id, now)) is not None:
            self._timers.set(total, at)
        elif change.status in _SETTLED:
            self._timers.drop(total)

    def called(self, waiters: Sequence[Waiter]) -> list[Move]:
        """Subtasks that wait no longer."""
        moves = []
        for waiter in waiters:
            timer = Timer(waiter.task_id, waiter.id, waiter.key, Kind.BACKOFF)
            self._timers.drop(timer)
            moves.append(_move(timer, "backoff_over", RETRYING, SubtaskStatus.READY))
        return moves

    def due(self, tasks: Mapping[str, RunningTask]) -> tuple[list[Move], list[Closing]]:
        """What follows from the timers that are due: moves of subtasks, and tasks to close or to let go on."""
        moves: list[Move] = []
        closing: list[Closing] = []
        for timer in self._timers.due():
            task = tasks.get(timer.task_id)
            if task is None:
                continue
            if timer.kind is Kind.DEADLINE:
                closing.append((task, EXPIRED, "its deadline has passed"))
            elif timer.kind is Kind.LATE:
                closing.append((task, LATE, overdue(task.estimate)))
            elif timer.kind is Kind.PAUSE and task.pause is not None:
                closing.append((task, task.pause.then, "the pause has ended"))
            elif timer.kind is Kind.BACKOFF:
                moves.append(_move(timer, "backoff_over", RETRYING, SubtaskStatus.READY))
            elif timer.kind is Kind.APPROVAL:
                closing.append((task, APPROVAL, timer.key))
            elif timer.kind is Kind.QUEUE and task.pause is not None:
                self._asleep[task.id].add(timer)
            elif timer.id in task.timed:
                moves += _timed_out(timer, task)
        return moves, closing


def _after(at: int, seconds: float) -> int:
    return at + round(1000 * seconds)


def _move(timer: Timer, event: str, source: SubtaskStatus, to: SubtaskStatus) -> Move:
    return Move(timer.id, timer.task_id, timer.key, event, source, to)


def _timed_out(timer: Timer, task: RunningTask) -> list[Move]:
    """It fails, wherever it waits; what runs of it ends by its own watch."""
    limit = task.timed[timer.id]
    queue = timer.kind is Kind.QUEUE
    error = time_out_text("queue", limit.queue) if queue else time_out_text("total", limit.total)
    sources = (SubtaskStatus.READY,) if queue else WAITING
    return [
        Move(
            timer.id,
            timer.task_id,
            timer.key,
            "time_out",
            source,
            SubtaskStatus.FAILED,
            error=error,
            detail=f"{timer.kind.value}_seconds",
            critical=limit.critical,
        )
        for source in sources
    ]
