"""The loop that drives the work: gather what happened, settle it in one turn, start what was claimed.

While a turn is on its way to the graph, new outcomes gather for the next one, as in a database's group commit: under
load the turns grow, without load each is small and immediate. Nothing polls: the loop sleeps until something happens.
The decisions are in ``machine.py`` and ``Ledger`` (what a turn asks for, what its answer means); the way to the graph
and back is ``delivery.py``'s. Everything that numbers events passes through this loop, one write after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from engine.ahead import Ahead
from engine.attempt import Attempts
from engine.beside import Beside
from engine.bus import Bus
from engine.caching.keeper import EntryKeeper
from engine.delivery import Delivery, patiently
from engine.due import TimeKeeper
from engine.errors import Fenced, GraphUnavailable
from engine.estimates.learning import Learner
from engine.judge import Judge
from engine.ledger import Ledger
from engine.limits.breaker import State
from engine.limits.lines import Waiter
from engine.limits.turnstile import Turnstile
from engine.machine import Cancelled, Event, PutBack
from engine.observer import Observer
from engine.payloads import Payloads
from engine.ports import Clock, Graph
from engine.progress import LessonKeeper, ProgressKeeper
from engine.recorder import Recorder
from engine.reranking import Reranker
from engine.running import FAILING, RunningTask
from engine.slots import Slots
from engine.states import UNSUCCESSFUL
from engine.tracing import Tracing
from engine.turn import Claim, Move, Settle, TaskChanges, Turn, TurnResult, Undecided

_log = structlog.get_logger("scheduler")
T = TypeVar("T")
_CAPS = {State.CLOSED: None, State.OPEN: 0, State.HALF_OPEN: 1}
"""How many of a type may run by what its breaker says."""


class Scheduler:
    """Drives the open tasks of one engine. ``run`` is its loop; everything else only tells it what happened."""

    def __init__(
        self,
        graph: Graph,
        ledger: Ledger,
        attempts: Attempts,
        payloads: Payloads,
        bus: Bus,
        clock: Clock,
        observer: Observer,
        tracing: Tracing,
        learner: Learner,
        entries: EntryKeeper,
        turnstile: Turnstile,
    ) -> None:
        self.graph = graph
        self.ledger = ledger
        self.bus = bus
        self.clock = clock
        self.times = TimeKeeper(clock, self.wake)
        self.times.postponed = turnstile.lines.join
        self.turnstile = turnstile
        turnstile.lines.wake = self.call
        turnstile.breakers.changed = self.hold_back
        self.delivery = Delivery(graph, ledger, payloads, self.decide_later)
        self._ahead = Ahead(ledger.slots)
        self._slots = Slots(ledger.slots, clock, self._ahead.stalled)
        self._attempts = attempts
        self._judge = Judge(graph, payloads)
        self.observer = observer
        self.tracing = tracing
        self._entries = entries
        self._wake = asyncio.Event()
        self._jobs: list[Callable[[], Awaitable[None]]] = []
        self._beside = Beside(self.fail)
        self._awaited: set[asyncio.Future[Any]] = set()
        self._failure: BaseException | None = None
        self._stopping = False
        self._progress = ProgressKeeper(clock, self.wake)
        self.learner = learner
        self.recorder = Recorder(graph, clock, self.help, patiently)
        self.reranker = Reranker(graph, ledger, clock, learner, self.help, self.inside)
        self._lessons = LessonKeeper(learner, clock, self.wake, self.reranker.look)
        self.added: Callable[[RunningTask], None] = lambda _: None
        """Told of a task that is taken up."""
        self.over: Callable[[RunningTask], None]
        self.heard: Callable[[TaskChanges], None] = lambda _: None
        """Told of a task of which nothing is left to do."""
        self.left: Callable[[RunningTask], None]
        """Told of a closed task in which something waits: it ended, in the way of a repeat, while it was stopped."""
        self.close: Callable[[RunningTask, str, str], None]
        """Told of a task that is to be closed, by which gate and why."""
        self.turns = 0

    # --- what others tell it ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something has happened; look again."""
        self._wake.set()

    def add(self, task: RunningTask) -> None:
        """Takes an open task up."""
        self.ledger.add(task)
        self.tracing.begin(task.id, task.body.trace)
        self.times.begin(task)
        self.reranker.begin(task)
        self.added(task)
        self.look(task)
        self.wake()

    def settle(self, outcome: Settle) -> None:
        """An attempt has ended; the next turn records it."""
        self.ledger.outcome(outcome)
        self.wake()

    def soon(self, job: Callable[[], Awaitable[None]]) -> None:
        """Has a job done by the loop, between two turns; it may write events. It is repeated if the graph was away."""
        self._jobs.append(job)
        self.wake()

    async def inside(self, work: Callable[[], Awaitable[T]]) -> T:
        """The same, and waits for what it returns or raises."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._awaited.add(done)
        done.add_done_callback(self._awaited.discard)

        async def job() -> None:
            try:
                result = await work()
            except GraphUnavailable:
                raise
            except BaseException as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.soon(job)
        return await done

    def resume(self, claim: Claim) -> None:
        """Goes on with an attempt of an earlier life that somebody else works on."""
        self.ledger.resumed(claim)
        self._start(claim)

    def stop_running(self, task: RunningTask) -> None:
        """Stops what runs of a task; what becomes of it is asked when it has stopped."""
        for runner in list(task.running.values()):
            runner.cancel()
        self.wake()

    async def drain(self, grace_seconds: float) -> None:
        """Claims nothing more, gives what runs some time, puts back the rest, and ends the loop."""
        self.ledger.draining = True
        self._slots.let_go()
        deadline = self.clock.monotonic() + grace_seconds
        while (runners := self._runners()) and (left := deadline - self.clock.monotonic()) > 0:
            await asyncio.wait(runners, timeout=left)
        self._stopping = True
        for runner in self._runners():
            runner.cancel()
        self.wake()

    def fail(self, error: BaseException) -> None:
        """Ends the loop with an error."""
        self._failure = self._failure or error
        self.wake()

    async def abandon(self) -> None:
        """Lets go of every task, for another engine has them; ``run`` may be called again afterwards."""
        runners = self._runners()
        for runner in runners:
            runner.cancel()
        if runners:
            await asyncio.wait(runners)
        for waiting in list(self._awaited):
            if not waiting.done():
                waiting.set_exception(GraphUnavailable("another engine has just taken the task over: send it again"))
        self._jobs.clear()
        self.recorder.abandon()
        self._failure = None
        self.tracing.close()
        self.turnstile.lines.close()
        for task in self.ledger.abandon():
            self.times.forget(task)
            self.bus.close(task.id)
            task.ended.set()

    def _runners(self) -> list[asyncio.Task[Settle]]:
        return [runner for task in self.ledger.tasks.values() for runner in task.running.values()]

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
                if self._stopping and not (self.ledger.running or self.ledger.has_outcomes or self._wake.is_set()):
                    await self._write_progress(at_once=True)
                    await self.recorder.flush()
                    return
        finally:
            for keeper in (self.times, self._progress, self._lessons, self._entries, self.recorder):
                keeper.close()
            self._beside.cancel()

    async def _once(self) -> None:
        """One round: what is due, a turn, the jobs, and the counts when they are due."""
        self._due()
        self.ledger.ahead = self._ahead.wanted(self.clock.monotonic())
        turn = self.ledger.turn(uuid.uuid4().hex, self.clock.now())
        if turn is not None:
            await self._turn(turn)
        for task in self.ledger.take_drifted():
            await self._safely(lambda task=task: self._count_again(task))  # type: ignore[misc]
        await self.recorder.room()
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            await self._safely(job)
        await self._write_progress()

    def _due(self) -> None:
        moves, closing = self.times.due(self.ledger.tasks)
        self.ledger.move(moves)
        for task, gate, detail in closing:
            self.close(task, gate, detail)

    async def make(self, moves: Sequence[Move]) -> None:
        """Makes moves at once, from inside the loop, before any that wait: those were decided on an earlier state."""
        self.ledger.move_first(moves)
        while self.ledger.has_first:
            turn = self.ledger.turn(uuid.uuid4().hex, self.clock.now())
            if turn is None:
                return
            await self._turn(turn)

    async def _turn(self, turn: Turn) -> None:
        begun = self.clock.monotonic()
        result = await self.delivery.commit(turn)
        written = self.clock.monotonic()
        self.observer.turn(written - begun, len(turn.settle), len(result.claims))
        self._ahead.turned(written, written - begun, len(turn.settle))
        self.turns += 1
        touched = self.ledger.apply(turn, result)
        self.recorder.note(turn, result)
        self.decide_later(result.undecided)
        self.times.note(turn, result, self.ledger.tasks)
        for changes in result.tasks:
            self.publish(changes, turn.now)
        for claim in result.claims:
            self._start(claim)
        self._fail_fast(turn, result)
        for task in touched:
            self.look(task)
        if self.ledger.wants_turn():
            self.wake()

    def _fail_fast(self, turn: Turn, result: TurnResult) -> None:
        """A task that fails fast is closed by its first critical failure."""
        for changes in result.tasks:
            task = self.ledger.tasks[changes.task_id]
            if not task.fail_fast or task.gate:
                continue
            failed = {change.id for change in changes.changes if change.status in UNSUCCESSFUL}
            rows: list[Settle | Move] = [*turn.settle, *turn.moves]
            critical = [row.key for row in rows if row.id in failed and row.critical]
            if critical:
                self.close(task, FAILING, f"{critical[0]} failed")

    async def _safely(self, job: Callable[[], Awaitable[None]]) -> None:
        """Does a job that may simply be repeated after the graph was away."""
        try:
            await job()
        except GraphUnavailable as error:
            await self.delivery.reconnect(error)
            self.soon(job)

    def decide_later(self, undecided: Sequence[Undecided]) -> None:
        """Finds out, beside the loop, what the verdict on subtasks is, and has it settled."""
        by_task: defaultdict[str, list[Undecided]] = defaultdict(list)
        for subtask in undecided:
            by_task[subtask.task_id].append(subtask)
        for task_id, subtasks in by_task.items():
            self.help(self._decide(task_id, subtasks))

    async def _decide(self, task_id: str, undecided: list[Undecided]) -> None:
        task = self.ledger.tasks.get(task_id)
        if task is not None:
            self.move(await patiently(lambda: self._judge.moves(task, undecided)))

    def move(self, moves: Sequence[Move]) -> None:
        """Has subtasks moved that are not running; the next turn does it."""
        self.ledger.move(moves)
        self.wake()

    # --- limits ---------------------------------------------------------------------------------------------------

    def call(self, waiters: Sequence[Waiter]) -> None:
        """There is room again for subtasks that a limit has held back."""
        self.move(self.times.called([waiter for waiter in waiters if waiter.task_id in self.ledger.tasks]))

    def hold_back(self, key: str) -> None:
        """A breaker has opened, closed or may be tried: what it guards is held back as a whole where that is a type."""
        if "@" not in key:
            self.ledger.cap(key, _CAPS[self.turnstile.breakers.state(key)])
        self.turnstile.lines.look(f"breaker {key}")
        self.wake()

    # --- attempts -----------------------------------------------------------------------------------------------

    def _start(self, claim: Claim) -> None:
        task = self.ledger.tasks[claim.task_id]

        def why() -> Event:
            return Cancelled() if task.gate else PutBack(asked=not self._stopping)

        def ended(runner: asyncio.Task[Settle]) -> None:
            del task.running[claim.id]
            # One that was cancelled before its first step never came to its own record.
            self.settle(self._attempts.never_started(claim, why()) if runner.cancelled() else runner.result())

        expires_at = task.expires_at(claim.id, self.clock.now()) if task.timed else None
        limits = (expires_at, task.sharing, task.body.recall, bool(task.estimate))
        runner = asyncio.create_task(
            self._slots.run(lambda: self._attempts.run(claim, task.input, why, *limits, marks=task.marks))
        )
        task.running[claim.id] = runner
        runner.add_done_callback(ended)
        if task.gate or self._stopping:
            runner.cancel()

    def look(self, task: RunningTask) -> None:
        """Tells whoever ends tasks when nothing of this one is left to do, or when it must be cancelled once more."""
        if task.stranded:
            self.left(task)
        if task.over and not task.ending:
            task.ending = True
            self.over(task)

    async def _count_again(self, task: RunningTask) -> None:
        """A task whose count of ready subtasks was wrong is counted anew; twice in a row is worth a doctor."""
        counted = task.ready
        await self.graph.release_holds(task.id)
        self.ledger.recounted(task, await self.graph.recount(task.id))
        if task.ready == counted:
            task.ready = 0
            _log.error("ready subtasks that cannot be claimed: run `agent03 doctor`", task_id=task.id, ready=counted)
        self.wake()

    # --- counts and events --------------------------------------------------------------------------------------

    def publish(self, changes: TaskChanges, at: int) -> None:
        """Hands committed changes to whoever follows the task, and to the search."""
        self.heard(changes)
        if self.bus.heard(changes.task_id):
            self.bus.publish_changes(changes, at)

    async def _write_progress(self, at_once: bool = False) -> None:
        rows = self._progress.due(self.ledger.tasks.values(), at_once)
        if rows:
            await self._safely(lambda: self.graph.progress(rows, self.clock.now()))
        await self._lessons.write(at_once)
        if at_once:
            await self._safely(self._entries.write)
        elif self._entries.due():
            self.help(self.put_entries())

    async def put_entries(self) -> None:
        """Writes what others may reuse, beside the loop: it holds no turn up."""
        with contextlib.suppress(Fenced):  # the loop finds out by itself
            await patiently(self._entries.write)

    def help(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work beside the loop; what it raises ends the loop, for it is a fault."""
        self._beside.start(work)
