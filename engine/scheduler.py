"""The loop that drives the work: gather what happened, settle it in one turn, start what was claimed.

While a turn is on its way to the graph, new outcomes gather for the next one, as in a database's group commit: under
load the turns grow, without load each is small and immediate. Nothing polls: the loop sleeps until something happens.
The decisions are in ``Ledger`` (what a turn asks for, what its answer means) and in ``FairShare``; this file only
carries them to the graph and back. Everything that numbers events passes through this loop, one write after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from engine.attempt import Attempts
from engine.bus import Bus
from engine.endings import Endings
from engine.errors import GraphUnavailable
from engine.ledger import Ledger
from engine.model import Claim, Event, Finish, Progress, Settle, TaskChanges, Turn, TurnResult
from engine.observer import Observer
from engine.payloads import Payloads
from engine.ports import Clock, Graph
from engine.running import CANCELLING, RunningTask
from engine.states import SubtaskStatus

_log = structlog.get_logger("scheduler")
T = TypeVar("T")

PROGRESS_SECONDS = 1.0
"""Counts are written onto a running task at most this often."""
CANCEL_BATCH = 1_000
"""Waiting subtasks cancelled per transaction, with turns in between."""
RECONNECT_SECONDS = (0.05, 2.0)
"""First and longest pause between attempts to reach the graph again."""


class Scheduler:
    """Drives the open tasks of one engine. ``run`` is its loop; everything else only tells it what happened."""

    def __init__(
        self,
        graph: Graph,
        ledger: Ledger,
        attempts: Attempts,
        payloads: Payloads,
        endings: Endings,
        bus: Bus,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._attempts = attempts
        self._payloads = payloads
        self._endings = endings
        self._bus = bus
        self._clock = clock
        self._observer = observer
        self._wake = asyncio.Event()
        self._ends: list[Finish] = []
        self._cancelling: list[RunningTask] = []
        self._helpers: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._stopping = False
        self._progress_due = 0.0
        self._progress_timer: asyncio.TimerHandle | None = None
        self.unavailable: str = ""
        self.turns = 0

    # --- what others tell it ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something has happened; look again."""
        self._wake.set()

    def add(self, task: RunningTask) -> None:
        """Takes an open task up."""
        self._ledger.add(task)
        if task.cancel_after is not None:
            self._cancelling.append(task)
        self._check_end(task)
        self.wake()

    def settle(self, outcome: Settle) -> None:
        """An attempt has ended; the next turn records it."""
        self._ledger.outcome(outcome)
        self.wake()

    def cancel(self, task: RunningTask) -> None:
        """Stops what runs of a task whose gate is closed, and begins to cancel what waits."""
        if task.gate:
            return
        task.gate = CANCELLING
        task.cancel_after = ""
        self._cancelling.append(task)
        for runner in list(task.running.values()):
            runner.cancel()
        self.wake()

    async def drain(self, grace_seconds: float) -> None:
        """Claims nothing more, gives what runs some time, puts back the rest, and ends the loop."""
        self._ledger.draining = True
        deadline = self._clock.monotonic() + grace_seconds
        while (runners := self._runners()) and (left := deadline - self._clock.monotonic()) > 0:
            await asyncio.wait(runners, timeout=left)
        self._stopping = True
        for runner in self._runners():
            runner.cancel()
        self.wake()

    def _runners(self) -> list[asyncio.Task[Settle]]:
        return [runner for task in self._ledger.tasks.values() for runner in task.running.values()]

    # --- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Runs until ``drain`` has ended it. Raises ``Fenced`` when another engine has taken over."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._failure is not None:
                    raise self._failure
                await self._once()
                if self._stopping and not (self._ledger.running or self._ledger.has_outcomes or self._wake.is_set()):
                    await self._write_progress(at_once=True)
                    return
        finally:
            if self._progress_timer is not None:
                self._progress_timer.cancel()
            for helper in self._helpers:
                helper.cancel()

    async def _once(self) -> None:
        """One round: a turn, a step of every cancellation, the ends, and the counts when they are due."""
        turn = self._ledger.turn(uuid.uuid4().hex, self._clock.now())
        if turn is not None:
            await self._turn(turn)
        for task in self._ledger.drifted[:]:
            await self._safely(self._count_again(task))
        for task in list(self._cancelling):
            await self._safely(self._cancel_step(task))
        if self._ends:
            await self._finish()
        await self._write_progress()

    async def _turn(self, turn: Turn) -> None:
        begun = self._clock.monotonic()
        result = await self._commit(turn)
        self._observer.turn(self._clock.monotonic() - begun, len(turn.settle), len(result.claims))
        self.turns += 1
        touched = self._ledger.apply(turn, result)
        self.decide_later(result.undecided)
        for changes in result.tasks:
            self._publish(changes, turn.now)
        for claim in result.claims:
            self._start(claim)
        for task in touched:
            self._check_end(task)
        if self._ledger.wants_turn():
            self.wake()

    async def _commit(self, turn: Turn) -> TurnResult:
        """Writes a turn; after a lost connection it finds out what happened before it sends anything again."""
        try:
            await self._put_results()
            return await self._graph.turn(turn)
        except GraphUnavailable as error:
            await self._reconnect(error)
        while True:
            try:
                known = await self._graph.read_back(turn)
                if known is not None:
                    await self._recount(turn, known)
                    return known
                await self._put_results()
                return await self._graph.turn(turn)
            except GraphUnavailable as error:
                await self._reconnect(error)

    async def _recount(self, turn: Turn, known: TurnResult) -> None:
        """After an unclear outcome the answer of the turn is lost in part: holds and verdicts are read again."""
        self._ledger.forget_answer(turn)
        for task_id in turn.sequences:
            await self._graph.release_holds(task_id)
            self.decide_later([(task_id, id_) for id_, _ in await self._graph.undecided(task_id)])
        _log.info("a turn of unclear outcome was committed", turn=turn.id, claims=len(known.claims))

    async def _reconnect(self, error: GraphUnavailable) -> None:
        """Waits until the graph answers again."""
        self.unavailable = str(error)
        _log.warning("the graph does not answer; waiting for it", reason=str(error))
        pause, longest = RECONNECT_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            with contextlib.suppress(GraphUnavailable):
                await self._graph.ping()
                self.unavailable = ""
                _log.info("the graph answers again")
                return

    async def _safely(self, step: Awaitable[None]) -> None:
        """Runs a step that may simply be repeated after the graph was away."""
        try:
            await step
        except GraphUnavailable as error:
            await self._reconnect(error)
            self.wake()

    async def _put_results(self) -> None:
        results = self._payloads.take_pending()
        if not results:
            return
        try:
            await self._graph.put_results(results)
        except BaseException:
            self._payloads.give_back(results)
            raise

    def decide_later(self, undecided: Sequence[tuple[str, str]]) -> None:
        """Finds out, beside the loop, what kept (task id, id) from success, and has the verdicts settled."""
        by_task: defaultdict[str, list[str]] = defaultdict(list)
        for task_id, id_ in undecided:
            by_task[task_id].append(id_)
        for task_id, ids in by_task.items():
            self._help(self._decide(task_id, ids))

    async def _decide(self, task_id: str, ids: list[str]) -> None:
        causes = await self._patiently(lambda: self._graph.blockers(ids))
        self._ledger.decide(task_id, causes)
        self.wake()

    # --- attempts -----------------------------------------------------------------------------------------------

    def _start(self, claim: Claim) -> None:
        task = self._ledger.tasks[claim.task_id]

        def stopped() -> SubtaskStatus | None:
            return SubtaskStatus.CANCELLED if task.gate else SubtaskStatus.READY

        def ended(runner: asyncio.Task[Settle]) -> None:
            del task.running[claim.id]
            # One that was cancelled before its first step never came to its own record.
            self.settle(self._attempts.never_started(claim, stopped()) if runner.cancelled() else runner.result())

        runner = asyncio.create_task(self._attempts.run(claim, task.input, stopped))
        task.running[claim.id] = runner
        runner.add_done_callback(ended)
        if task.gate or self._stopping:
            runner.cancel()

    # --- the end of a task --------------------------------------------------------------------------------------

    def _check_end(self, task: RunningTask) -> None:
        if task.ending or task.unsettled or task.cancel_after is not None:
            return
        task.ending = True
        self._help(self._conclude(task))

    async def _conclude(self, task: RunningTask) -> None:
        """Reads what the task's end needs, beside the loop, and hands the end to it."""
        end = await self._patiently(lambda: self._endings.conclude(task))
        self._ends.append(end)  # not in one line with the await: the list is another one by then
        self.wake()

    async def _finish(self) -> None:
        ends, self._ends = self._ends, []
        numbered = [self._ledger.numbered(end) for end in ends]
        try:
            await self._put_results()
            await self._graph.finish(numbered)
        except GraphUnavailable as error:
            await self._reconnect(error)
            self._ends = ends + self._ends
            self.wake()
            return
        for end in numbered:
            event = Event(end.task_id, end.last_event, end.at, "", end.status.value, 0)
            self._bus.publish(end.task_id, [event])
            self._bus.close(end.task_id)
            self._ledger.remove(end.task_id).ended.set()
            await self._graph.forget(end.task_id)

    async def _cancel_step(self, task: RunningTask) -> None:
        """Cancels the next batch of what waits; after the last one the counts are read again."""
        assert task.cancel_after is not None
        first, at = task.last_event + 1, self._clock.now()
        try:
            changes, after = await self._graph.cancel(task.id, at, first, task.cancel_after, CANCEL_BATCH)
        except GraphUnavailable as error:
            # It may have been committed: its numbers must not be given out again.
            await self._reconnect(error)
            task.last_event = (await self._patiently(lambda: self._graph.recount(task.id))).last_event
            self.wake()
            return
        if changes.changes:
            task.last_event = first + len(changes.changes) - 1
            self._publish(changes, at)
        if after is None:
            found = await self._graph.recount(task.id)
            self._ledger.recounted(task, found)
            task.cancel_after = None
            self._cancelling.remove(task)
            self._check_end(task)
        else:
            task.cancel_after = after
        self.wake()

    async def _count_again(self, task: RunningTask) -> None:
        """A task whose count of ready subtasks was wrong is counted anew; twice in a row is worth a doctor."""
        counted = task.ready
        await self._graph.release_holds(task.id)
        self._ledger.recounted(task, await self._graph.recount(task.id))
        self._ledger.drifted.remove(task)
        if task.ready == counted:
            task.ready = 0
            _log.error("ready subtasks that cannot be claimed: run `agent03 doctor`", task_id=task.id, ready=counted)
        self.wake()

    # --- counts and events --------------------------------------------------------------------------------------

    def _publish(self, changes: TaskChanges, at: int) -> None:
        if self._bus.heard(changes.task_id):
            events = [
                Event(changes.task_id, number, at, change.key, change.status, change.token)
                for number, change in enumerate(changes.changes, changes.first)
            ]
            self._bus.publish(changes.task_id, events)

    async def _write_progress(self, at_once: bool = False) -> None:
        dirty = [task for task in self._ledger.tasks.values() if task.dirty] if self._due(at_once) else []
        if not dirty:
            return
        self._progress_due = self._clock.monotonic() + PROGRESS_SECONDS
        rows = [Progress(task.id, task.present(), task.started_at) for task in dirty]
        for task in dirty:
            task.dirty = False
        await self._safely(self._graph.progress(rows, self._clock.now()))

    def _due(self, at_once: bool) -> bool:
        wait = self._progress_due - self._clock.monotonic()
        if at_once or wait <= 0:
            return True
        if self._progress_timer is None:
            self._progress_timer = asyncio.get_running_loop().call_later(wait, self._ring)
        return False

    def _ring(self) -> None:
        self._progress_timer = None
        self.wake()

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Reads something beside the loop, as often as it takes until the graph answers."""
        pause, longest = RECONNECT_SECONDS
        while True:
            try:
                return await work()
            except GraphUnavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        helper = asyncio.create_task(work)
        self._helpers.add(helper)
        helper.add_done_callback(self._helped)

    def _helped(self, helper: asyncio.Task[None]) -> None:
        """A helper that fails must not fail in silence: its task would wait for ever."""
        self._helpers.discard(helper)
        if not helper.cancelled() and helper.exception() is not None:
            self._failure = helper.exception()
            self.wake()
