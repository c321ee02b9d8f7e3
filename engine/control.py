"""What a person may do to an open task of this engine: cancel, pause, resume; and to its subtasks: retry, skip,
approve, reject (``decisions.py``). Each verb is one decision of the state machine, carried out by the scheduler's loop.

A verb whose goal is already the state does nothing and says so with success. One that the state machine does not allow
raises ``Conflict``, which names the state and what would be legal.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

import structlog

from engine.approval.choosing import Wish, wish_of
from engine.closing import Closing
from engine.command import Command
from engine.decisions import Decisions, Plan, not_waiting
from engine.delivery import patiently
from engine.due import APPROVAL, CANCEL, LATE, RESUME
from engine.errors import Conflict, GraphUnavailable, Moved, NotFound
from engine.lateness import Lateness
from engine.machine import Event, IllegalMove, Retry, Skip, Standing, Unblock, decide
from engine.model import Event as Record
from engine.model import Pause, Subtask
from engine.retries import Defaults
from engine.running import CANCELLING, RunningTask
from engine.scheduler import Scheduler
from engine.states import SETTLED, SubtaskStatus, TaskStatus, subtask_verbs
from engine.turn import Move

_log = structlog.get_logger("control")

PERSON = "by a person"
"""The reason of a subtask that somebody abandoned: it stays so when an ancestor is retried."""
VERB_OF: dict[type, str] = {Retry: "retry", Skip: "skip"}
OPEN_AGAIN = frozenset({SubtaskStatus.BLOCKED, SubtaskStatus.SKIPPED})


class Control:
    """The verbs on the open tasks of one engine."""

    def __init__(self, scheduler: Scheduler, closing: Closing, defaults: Defaults, decisions: Decisions) -> None:
        self._scheduler = scheduler
        self._decisions = decisions
        self._closing = closing
        self._graph = scheduler.graph
        self._defaults = defaults
        self._chance = random.Random()
        self._lateness = Lateness(scheduler)
        scheduler.close = self._asked

    def _asked(self, task: RunningTask, gate: str, detail: str) -> None:
        """The engine itself wants a task closed, or a pause has ended, or one is late."""
        if gate == RESUME:
            self._scheduler.soon(lambda: self._resume_in_time(task, detail))
        elif gate == APPROVAL:
            self._scheduler.soon(lambda: self._decisions.due(task, detail))
        elif gate == LATE:
            self._lateness.add(task, detail)
        else:
            closes = CANCELLING if gate == CANCEL else gate
            self._scheduler.soon(lambda: self._close(task, closes, detail))

    async def _close(self, task: RunningTask, gate: str, detail: str) -> None:
        await self._closing.close(task, gate, detail)

    async def apply(self, task: RunningTask, command: Command) -> None:
        """Carries a command out. Raises ``Conflict``, ``NotFound``."""
        key, by = command.key, command.by
        match command.verb:
            case "cancel":
                await self.cancel(task, by)
            case "pause":
                seconds = command.timeout_seconds
                until = None if seconds is None else self._scheduler.clock.now() + round(1000 * seconds)
                await self.pause(task, Pause(by, until, command.on_timeout), command.mode)
            case "resume":
                await self.resume(task, by)
            case "retry":
                await self.retry(task, key, by)
            case "skip":
                await self.skip(task, key, by)
            case "approve" | "reject":
                await self.decide(task, wish_of(command))
            case "take_up":
                """It is taken up: nothing is left to do."""

    # --- tasks --------------------------------------------------------------------------------------------------

    async def cancel(self, task: RunningTask, by: str) -> None:
        """Stops a task for good: nothing new starts, what runs is stopped for real, the rest is cancelled."""
        await self._scheduler.inside(lambda: self._closing.close(task, CANCELLING, by))

    async def pause(self, task: RunningTask, pause: Pause, mode: Literal["drain", "now"]) -> None:
        """Nothing new of the task starts; with ``now`` what runs is stopped and put back, spending no attempt."""
        await self._scheduler.inside(lambda: self._pause(task, pause))
        if mode == "now" and task.pause is not None:
            self._scheduler.stop_running(task)

    async def _pause(self, task: RunningTask, pause: Pause) -> None:
        self._refuse_closed(task, "pause")
        clock = self._scheduler.clock
        if task.pause is None:

            def write(number: int) -> Awaitable[bool]:
                return self._graph.pause(task.id, pause, clock.now(), number)

            await self._told(task, write, "pause", TaskStatus.PAUSED, pause.by)
            task.pause = pause
            self._scheduler.times.paused(task)

    async def resume(self, task: RunningTask, by: str) -> None:
        """Lets a paused task go on from exactly where it stands."""
        await self._scheduler.inside(lambda: self._resume(task, by))

    async def _resume(self, task: RunningTask, by: str) -> None:
        self._refuse_closed(task, "resume")
        if task.pause is None:
            return
        to = TaskStatus.PROCESSING if task.started_at else TaskStatus.PENDING
        clock = self._scheduler.clock

        def write(number: int) -> Awaitable[bool]:
            return self._graph.resume(task.id, to, by, clock.now(), number)

        await self._told(task, write, "resume", to, by)
        task.pause = None
        self._scheduler.times.paused(task)
        self._scheduler.ledger.offer(task)
        self._scheduler.wake()

    async def _resume_in_time(self, task: RunningTask, by: str) -> None:
        """The time of a pause is over; unless the task was closed or given away in this very round."""
        if not task.gate and task.id in self._scheduler.ledger.tasks:
            await self._resume(task, by)

    async def _told(
        self, task: RunningTask, write: Callable[[int], Awaitable[bool]], event: str, status: TaskStatus, by: str
    ) -> None:
        """A write to the task with an event of its own; repeated safely when its answer was lost."""
        number = task.last_event + 1
        try:
            await write(number)
        except GraphUnavailable as error:
            await self._scheduler.delivery.reconnect(error)
            found = await patiently(lambda: self._graph.recount(task.id))
            if found.last_event < number:
                await write(number)
        task.last_event = number
        record = Record(task.id, number, self._scheduler.clock.now(), "", status.value, 0, event, "", by)
        self._scheduler.bus.publish(task.id, [record])

    def _refuse_closed(self, task: RunningTask, verb: str) -> None:
        if task.moved:
            raise Moved()
        if task.gate or task.id not in self._scheduler.ledger.tasks:
            state = task.gate or "being closed"
            raise Conflict(
                f"task {task.id} is {state}, so {verb} is not possible any more; legal now: nothing, it ends by itself",
                state=state,
            )

    # --- subtasks -----------------------------------------------------------------------------------------------

    async def retry(self, task: RunningTask, key: str, by: str) -> None:
        """Runs a failed or quarantined subtask once more, or one that waits out a back-off at once; what was blocked
        or skipped because of it is open again.
        """
        subtask = await self._subtask(task, key)
        if subtask.status in (SubtaskStatus.READY, SubtaskStatus.PROCESSING):
            return
        await self._carry_out(task, self._move(subtask, Retry(), by, settled=True, fresh=subtask.token))

    async def _freed(self, id_: str) -> list[Move]:
        """The moves that open again what was decided because of a subtask, breadth first."""
        found: dict[str, Move] = {}
        frontier = [id_]
        while frontier:
            below = await self._graph.dependants(frontier)
            frontier = []
            for dependant in below:
                if dependant.status in OPEN_AGAIN and dependant.reason != PERSON and dependant.id not in found:
                    decision = decide(Standing(dependant.status), Unblock(), 0, self._defaults, self._chance)
                    place = (dependant.id, id_.partition(".")[0], dependant.key)
                    move = Move(*place, decision.event, dependant.status, decision.to, optional=dependant.optional)
                    found[dependant.id] = move
                    frontier.append(dependant.id)
        return list(found.values())

    async def skip(self, task: RunningTask, key: str, by: str) -> None:
        """Abandons a subtask: it counts as skipped, and its dependants are decided by that."""
        subtask = await self._subtask(task, key)
        if subtask.status is SubtaskStatus.SKIPPED:
            return
        await self._carry_out(task, self._move(subtask, Skip(), by, reason=PERSON))

    async def decide(self, task: RunningTask, wish: Wish) -> None:
        """Lets subtasks run that wait for a person, or fails them. Raises ``Conflict``, ``Forbidden``."""
        self._refuse_closed(task, wish.verb)
        plan = await self._decisions.prepare(task, wish)
        if plan is None:
            return
        with self._scheduler.bus.subscribe(task.id) as heard:
            await self._scheduler.inside(lambda: self._carry_out_plan(task, plan))
            made = {event.key for event in heard.take() if event.event == wish.verb}
        lost = [] if heard.lost else [one.subtask for one in plan.found if one.subtask.key not in made]
        if lost:
            raise not_waiting(await self._subtask(task, lost[0].key), wish.verb)

    async def _carry_out_plan(self, task: RunningTask, plan: Plan) -> None:
        self._refuse_closed(task, plan.wish.verb)
        await self._decisions.carry_out(plan)

    async def _subtask(self, task: RunningTask, key: str) -> Subtask:
        self._refuse_closed(task, "that")
        found = await self._graph.subtask(task.id, key)
        if found is None:
            raise NotFound(f"task {task.id} has no subtask {key!r}: GET /tasks/{task.id}/subtasks lists them")
        return found[0]

    def _move(
        self,
        subtask: Subtask,
        event: Event,
        by: str,
        *,
        settled: bool = False,
        fresh: int | None = None,
        reason: str = "",
    ) -> Move:
        try:
            decision = decide(Standing(subtask.status), event, 0, self._defaults, self._chance)
        except IllegalMove:
            raise not_waiting(subtask, VERB_OF[type(event)]) from None
        return Move(
            subtask.id,
            subtask.task_id,
            subtask.key,
            decision.event,
            subtask.status,
            decision.to,
            settled=settled,
            optional=subtask.optional,
            detail=by,
            reason=reason,
            fresh=fresh,
            critical=subtask.critical,
        )

    async def _carry_out(self, task: RunningTask, first: Move) -> None:
        """Has the move made with all that follows from it, and checks that it really was: the state may have changed
        meanwhile.
        """
        with self._scheduler.bus.subscribe(task.id) as heard:
            await self._scheduler.inside(lambda: self._now(task, first))
            made = any(event.key == first.key and event.event == first.event for event in heard.take())
        if not made:
            seen = await self._subtask(task, first.key)
            if not seen.unmet and first.event in subtask_verbs(seen.status):
                raise Conflict(
                    f"subtask {first.key} became {seen.status.value} at this moment: send {first.event} again",
                    state=seen.status.value,
                    legal=subtask_verbs(seen.status),
                )
            raise not_waiting(seen, first.event)

    async def _now(self, task: RunningTask, first: Move) -> None:
        """From inside the loop, so that no verdict falls between what is read here and what is made of it."""
        self._refuse_closed(task, "that")
        freed = await self._freed(first.id) if first.source in SETTLED else []
        await self._scheduler.make([first, *freed])


async def within(seconds: float, work: Coroutine[Any, Any, object]) -> bool:
    """Waits for a verb as long as a caller may be kept waiting; it goes on after that. Raises what it raised.

    Returns whether it was done in time.
    """
    acting = asyncio.ensure_future(work)
    await asyncio.wait({acting}, timeout=seconds)
    if not acting.done():
        _going_on.add(acting)
        acting.add_done_callback(_ended)
        return False
    acting.result()
    return True


_going_on: set[asyncio.Future[object]] = set()
"""Verbs whose callers have been answered: the event loop alone would not keep them alive."""


def _ended(acting: asyncio.Future[object]) -> None:
    _going_on.discard(acting)
    if not acting.cancelled() and (error := acting.exception()) is not None:
        _log.warning("a verb failed after its caller was answered", reason=str(error))
