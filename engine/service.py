"""The engine's facade: its verbs, each a few lines that delegate. What runs behind it is in ``scheduler.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import structlog

from engine.attempt import Attempts
from engine.bus import Bus
from engine.clock import SystemClock
from engine.closing import Closing
from engine.command import Carried, Command
from engine.control import Control, within
from engine.dispatch import Dispatch
from engine.endings import Endings
from engine.errors import Busy, Conflict, Fenced, GraphRefused, GraphUnavailable
from engine.idempotency import Once, RequestKey, Submitted, request_key
from engine.identity import Identity
from engine.inquiries import Inquiries
from engine.judge import without_verdict
from engine.ledger import Ledger
from engine.model import Json, NewTask, Task
from engine.observer import NullObserver, Observer
from engine.ownership import Ownership
from engine.payloads import Payloads
from engine.plan.build import build
from engine.plan.ids import Ulids
from engine.plan.preview import preview
from engine.plan.spec import task_input
from engine.plan.validate import Limits, ValidPlan, validate
from engine.ports import Blobs, Graph, Health
from engine.recovery import Recovery
from engine.removal import Removal
from engine.rerun import FAILED, Rerun, Reruns, refuse_open
from engine.retries import Defaults
from engine.running import RunningTask
from engine.scheduler import Scheduler
from engine.settings import Settings
from engine.states import FINAL, SubtaskStatus, TaskStatus, task_verbs
from engine.tools.registry import ToolRegistry
from engine.vitals import Vitals

_log = structlog.get_logger("engine")

LARGE = 2_000
"""A plan with more subtasks than this is checked on a thread, so that the event loop goes on."""
RETRY_SECONDS = 5.0
"""What a full engine asks its callers to wait."""
BLOB_GRACE_SECONDS = 5.0
"""Time in which another engine may have put a blob and not written its Result yet."""
VERB_SECONDS = 5.0
"""How long a caller waits for a verb to take effect; it goes on after that."""


class Engine(Inquiries):
    """One engine: takes tasks, runs them, answers about them. ``start`` before use, ``stop`` at the end."""

    def __init__(
        self,
        *,
        settings: Settings,
        graph: Graph,
        blobs: Blobs,
        tools: ToolRegistry,
        redis: Health | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.settings = settings
        self.id = ""
        self._redis = redis
        self._clock = clock = SystemClock()
        self._identity = Identity(settings.data_path)
        self._ulids = Ulids()
        watch = observer or NullObserver()
        bus, payloads = Bus(), Payloads(graph, blobs)
        ledger = Ledger(settings.max_parallel_tasks, settings.type_limits)
        limit = settings.task_timeout_seconds
        defaults = Defaults(settings.max_retries, settings.retry_backoff_seconds, settings.max_backoff_seconds)
        attempts = Attempts(tools.get, payloads, graph, clock, watch, limit, defaults, ledger.expanded)
        super().__init__(graph, ledger, bus, payloads, attempts, tools)
        self._scheduler = Scheduler(graph, ledger, attempts, payloads, bus, clock, watch)
        self._closing = Closing(self._scheduler, Endings(graph, payloads, clock))
        self._control = Control(self._scheduler, self._closing, defaults)
        self._once = Once(graph)
        self._blobs = blobs
        self._dispatch = Dispatch(graph, clock, self._ulids, VERB_SECONDS)
        self._ownership = Ownership(
            graph,
            self._scheduler,
            self._closing,
            Recovery(graph, tools, clock, defaults),
            clock,
            interval=settings.heartbeat_seconds,
            timeout=settings.engine_timeout_seconds,
            most=settings.max_open_tasks,
            obey=self._obey,
        )
        self._vitals = Vitals(graph, redis, ledger, self._scheduler, settings.max_parallel_tasks)
        self._reruns = Reruns(graph, self._checked)
        self._removal = Removal(
            graph,
            blobs,
            payloads,
            clock,
            folder=settings.data_path / "undo",
            grace=0.0 if graph.kind == "embedded" else BLOB_GRACE_SECONDS,
            retention_days=settings.retention_days,
        )
        self._loops: list[asyncio.Task[None]] = []
        self._reserved = 0

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Opens the graph, enters this engine, takes its tasks up again, and begins to work.

        Raises ``GraphUnavailable``, ``GraphLocked`` or ``GraphRefused`` with one line that says what to do.
        """
        self.id = self._identity.take(self._clock.now())
        try:
            if self._redis is not None:
                await self._redis.open()
            await self._graph.open()
            await self._check_blobs()
            await self._ownership.begin(self.id)
        except BaseException:
            await self._graph.close()
            self._identity.release()
            raise
        self._loops = [asyncio.create_task(self._drive()), asyncio.create_task(self._ownership.beat())]
        self._looking = asyncio.create_task(self._removal.run())
        _log.info("engine started", engine=self.id, graph=self._graph.location, open_tasks=len(self._ledger.tasks))

    async def _check_blobs(self) -> None:
        """All engines of a namespace share one blob store; another one would not have what the graph refers to."""
        own = await self._blobs.identity()
        entered = await self._graph.enter_blobs(own)
        if entered != own:
            namespace = self.settings.namespace
            raise GraphRefused(
                f"{self.settings.blobs} is not the blob store of namespace {namespace!r}: set BLOB_PATH to the folder "
                "that its other engines use; if that one is lost, delete its entry: "
                f"MATCH (b:BlobStore {{namespace: '{namespace}'}}) DELETE b"
            )

    async def stop(self) -> None:
        """Takes nothing more, lets what runs end within the grace time, puts the rest back, and lets go."""
        if self._loops:
            self._looking.cancel()
            await self._removal.stop()
            driver, beat = self._loops
            if not driver.done():
                await self._scheduler.drain(self.settings.shutdown_grace_seconds)
            beat.cancel()
            await asyncio.wait([driver, beat], timeout=self.settings.shutdown_grace_seconds + 10)
            driver.cancel()
            self._loops = []
            await self._ownership.leave()
        self._stopped.set()
        self._bus.close_all()
        await self._tools.close()
        if self._redis is not None:
            await self._redis.close()
        await self._graph.close()
        self._identity.release()
        _log.info("engine stopped", engine=self.id)

    async def _drive(self) -> None:
        try:
            while True:
                try:
                    await self._scheduler.run()
                    return
                except Fenced:
                    await self._ownership.begin_anew()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._vitals.failure = error
            self._ledger.draining = True
            _log.error("the scheduler has ended", exc_info=error)
            for task in self._ledger.tasks.values():
                for runner in list(task.running.values()):
                    runner.cancel()
                task.ended.set()
            self._stopped.set()
            self._bus.close_all()

    # --- submitting -------------------------------------------------------------------------------------------------

    async def submit(self, body: Json, *, key: str | None = None) -> Submitted:
        """Checks and stores a task and begins to run it.

        Args:
            body: that of ``POST /tasks``.
            key: an idempotency key: sent again with the same body it makes no second task, also after a restart.

        Raises:
            InvalidInput: with every fault.
            KeyReused: when the key came with another body before.
            Busy: when the engine is full.
            GraphUnavailable: when it is unknown whether the task was stored; with a key it can be sent again.
        """
        if key is None:
            return await self._submit(body, RequestKey())
        request: RequestKey = await self._off_loop(_size(body), request_key, key, "submit", body)
        return await self._once.answer(request, lambda: self._submit(body, request))

    async def _submit(self, body: Json, request: RequestKey) -> Submitted:
        self._refuse_when_ended()
        plan = await self._checked(body)
        size = len(plan.subtasks)
        self._refuse_when_full(size)
        self._reserved += size
        try:
            now = self._clock.now()
            task = await self._off_loop(size, build, plan, self._ulids.new(now), now, request.key, request.hash)
            await self._store(task)
        finally:
            self._reserved -= size
        return Submitted(task.id, size, sum(subtask.status is SubtaskStatus.READY for subtask in task.subtasks))

    async def rerun(
        self,
        task_id: str,
        start: str = FAILED,
        overrides: Mapping[str, Json] | None = None,
        *,
        key: str | None = None,
    ) -> Submitted:
        """Runs a final task again as a new one, which keeps every result that nothing calls into question.

        Args:
            task_id: the task to run again.
            start: "failed", "start", or the key of a subtask that runs again with all that depends on it.
            overrides: by key the fields of subtasks that are different this time; ``input`` is merged.
            key: an idempotency key: sent again with the same wish it makes no second task.

        Raises:
            NotFound: when there is no such task.
            Conflict: when it is not final, or nothing of it is left to run.
            KeyReused: when the key came with something else before.
            InvalidInput: with every fault of the plan with the overrides.
            Busy: when the engine is full.
        """
        wish = Rerun(start, overrides or {})
        if key is None:
            return await self._rerun(task_id, wish, RequestKey())
        request = request_key(key, f"rerun {task_id}", {"from": wish.start, "overrides": wish.overrides})
        return await self._once.answer(request, lambda: self._rerun(task_id, wish, request))

    async def _rerun(self, task_id: str, wish: Rerun, request: RequestKey) -> Submitted:
        self._refuse_when_ended()
        now = self._clock.now()
        task = await self._reruns.prepare(await self.task(task_id), wish, self._ulids.new(now), now, request)
        size = len(task.subtasks) - len(task.settled)
        self._refuse_when_full(size)
        self._reserved += size
        try:
            await self._store(task)
        finally:
            self._reserved -= size
        ready = sum(subtask.status is SubtaskStatus.READY for subtask in task.subtasks)
        return Submitted(task.id, len(task.subtasks), ready)

    async def preview(self, body: Json) -> dict[str, Json]:
        """How a plan would unfold; nothing is stored. Raises ``InvalidInput`` with every fault."""
        plan = await self._checked(body)
        seen = await self._off_loop(len(plan.subtasks), preview, plan)
        return {
            "generations": seen.generations,
            "critical_path": seen.critical_path,
            "subtasks_count": seen.subtasks,
            "edges_count": seen.edges,
            "width": seen.width,
        }

    async def _checked(self, body: Json) -> ValidPlan:
        limits = Limits(self.settings.max_plan_subtasks, self.settings.max_plan_edges)
        plan: ValidPlan = await self._off_loop(
            _size(body), validate, body, self._tools.get, self._tools.names(), limits
        )
        return plan

    async def _off_loop(self, size: int, work: Any, *args: Any) -> Any:
        return await asyncio.to_thread(work, *args) if size > LARGE else work(*args)

    def _refuse_when_ended(self) -> None:
        if self._vitals.failure is not None:
            raise GraphUnavailable(f"this engine has stopped working: {self._vitals.failure}; restart it")
        if self._ledger.draining:
            raise GraphUnavailable("this engine is shutting down: send the task to another one, or later")

    def _refuse_when_full(self, size: int) -> None:
        waiting = self._ledger.unsettled + self._reserved
        if waiting and waiting + size > self.settings.max_queued_subtasks:
            raise Busy(
                f"{waiting} subtasks wait already and {size} more would exceed MAX_QUEUED_SUBTASKS "
                f"({self.settings.max_queued_subtasks}): send it again later",
                RETRY_SECONDS,
            )
        if len(self._ledger.tasks) >= self.settings.max_open_tasks:
            raise Busy(f"{len(self._ledger.tasks)} tasks are open already: send it again later", RETRY_SECONDS)

    async def _store(self, task: NewTask) -> None:
        self._ownership.storing.add(task.id)
        try:
            await self._graph.store(task)
            running = RunningTask.fresh(task, task_input(task.body))
            self._scheduler.add(running)
            self._scheduler.times.stored(running, task)
            self._scheduler.decide_later(without_verdict(task))
        except GraphUnavailable:
            self._ownership.unsure = True  # it may have been stored all the same: then it must not lie there
            raise
        except Fenced as error:
            self._scheduler.fail(error)
            raise GraphUnavailable("this engine is just entering the graph again: send the task again") from error
        finally:
            self._ownership.storing.discard(task.id)

    async def remove(self, task_id: str) -> bool:
        """Removes a final task with all that belongs to it; what other tasks use too stays. It is not shown any more.

        Returns whether it is gone after five seconds; if not, the rest goes on, also after a restart.

        Raises:
            NotFound: when there is no such task.
            Conflict: when it is not final.
        """
        refuse_open(await self.task(task_id), "be removed")
        work = await self._removal.begin(task_id)
        if work is None:
            return True
        await asyncio.wait({work}, timeout=VERB_SECONDS)
        return work.done() and work.result()

    # --- control ----------------------------------------------------------------------------------------------------

    async def cancel(self, task_id: str, by: str = "") -> Task:
        """Stops a task: nothing new starts, what runs is stopped for real, the rest is cancelled.

        Waits up to five seconds for it to be final; a large one takes longer, and its ``gate`` says "cancelling". A
        cancelled task stays as it is; another final state raises ``Conflict``.
        """
        return (await self.command(Command("cancel", task_id, by=by))).task

    async def pause(
        self,
        task_id: str,
        mode: Literal["drain", "now"] = "drain",
        *,
        timeout_seconds: float | None = None,
        on_timeout: Literal["resume", "cancel"] = "resume",
        by: str = "",
    ) -> Task:
        """Nothing new of a task starts; with ``now`` what runs is stopped and put back. Raises ``Conflict``."""
        wanted = Command("pause", task_id, by=by, mode=mode, timeout_seconds=timeout_seconds, on_timeout=on_timeout)
        return (await self.command(wanted)).task

    async def resume(self, task_id: str, by: str = "") -> Task:
        """Lets a paused task go on. Raises ``Conflict``."""
        return (await self.command(Command("resume", task_id, by=by))).task

    async def retry(self, task_id: str, key: str, by: str = "") -> Task:
        """Runs a failed or quarantined subtask of an open task once more. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("retry", task_id, key, by))).task

    async def skip(self, task_id: str, key: str, by: str = "") -> Task:
        """Abandons a subtask of an open task. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("skip", task_id, key, by))).task

    async def approve(self, task_id: str, key: str, by: str = "", comment: str = "") -> Task:
        """Lets a subtask run that waits for a person. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("approve", task_id, key, by, comment))).task

    async def reject(self, task_id: str, key: str, by: str = "", comment: str = "") -> Task:
        """Fails a subtask that waits for a person. Raises ``Conflict``, ``NotFound``."""
        return (await self.command(Command("reject", task_id, key, by, comment))).task

    async def command(self, command: Command) -> Carried:
        """Has a command carried out by whichever engine owns the task; waits up to five seconds for it.

        A command whose goal is already the state changes nothing. Raises ``Conflict``, ``NotFound``,
        ``GraphUnavailable``.
        """
        applied = await self._carry_out(command)
        if applied is None:
            applied = await self._dispatch.ask(command)
        task = await self.task(command.task_id)
        if applied is None:  # it has ended meanwhile
            self._refuse_final(task, command)
        return Carried(task, applied is not False)

    async def _carry_out(self, command: Command) -> bool | None:
        """Carries a command out here: whether it was done in five seconds; None when another engine has the task."""
        live = self._ledger.tasks.get(command.task_id)  # before the graph is read: it may end in between
        task = await self.task(command.task_id)
        if task.status in FINAL:
            self._refuse_final(task, command)
            return True
        if live is None:
            return None
        done = await within(VERB_SECONDS, self._control.apply(live, command))
        if command.verb == "cancel":
            done = await within(VERB_SECONDS, live.ended.wait())
        return done

    async def _obey(self, command: Command) -> bool:
        return await self._carry_out(command) is not None

    def _refuse_final(self, task: Task, command: Command) -> None:
        """A final task stays as it is; only to cancel a cancelled one is no mistake."""
        if command.verb == "cancel" and task.status is TaskStatus.CANCELLED:
            return
        legal = task_verbs(task.status)
        raise Conflict(
            f"task {task.id} is {task.status.value}, so {command.verb} is not possible; legal now: {', '.join(legal)}",
            state=task.status.value,
            legal=legal,
        )

    # --- health -----------------------------------------------------------------------------------------------------

    async def ready(self) -> list[str]:
        """Why this engine should get no work now; empty when it should."""
        return await self._vitals.ready()

    async def health(self) -> dict[str, Json]:
        """The state of the engine and what it leans on, for people."""
        found = await self._vitals.health()
        return {**found, "engine": {"id": self.id, "namespace": self.settings.namespace, **found["engine"]}}

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics."""
        return self._vitals.snapshot()

    async def doctor(self) -> dict[str, Json]:
        """Health, sizes of the graph, and what breaks an invariant."""
        return {**await self._vitals.doctor(), "health": await self.health()}


def _size(body: Json) -> int:
    """Subtasks that a body seems to hold, before anything of it is checked."""
    plan = body.get("plan") if isinstance(body, dict) else None
    subtasks = plan.get("subtasks") if isinstance(plan, dict) else None
    return len(subtasks) if isinstance(subtasks, list) else 0
