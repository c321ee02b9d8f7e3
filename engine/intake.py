"""How work comes in: a body is checked, built, and stored, and only then is anybody told; a full engine refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog

from engine.errors import Busy, Fenced, GraphUnavailable, InvalidInput
from engine.handing import HandingOver
from engine.idempotency import Once, RequestKey, Submitted, request_key
from engine.judge import without_verdict
from engine.model import Json, NewTask, Task
from engine.outlook import Outlook
from engine.ownership import Ownership
from engine.plan import stored
from engine.plan.build import build
from engine.plan.checks import Limits
from engine.plan.ids import Ulids
from engine.plan.preview import picture, preview
from engine.plan.validate import ValidPlan, validate
from engine.planner import Made, Planner, as_asked
from engine.ports import Clock, Graph
from engine.rerun import Rerun, Reruns
from engine.running import RunningTask
from engine.scheduler import Scheduler
from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.states import SubtaskStatus
from engine.taint.desk import foreseen
from engine.tools.registry import ToolRegistry
from engine.tracing import Origin
from engine.vitals import Vitals
from engine.webhooks.door import Door
from engine.webhooks.teller import Teller

_log = structlog.get_logger("engine")
LARGE = 2_000
"""A plan with more subtasks than this is checked on a thread, so that the event loop goes on."""
SHOWN = 1_000
"""A plan that was made here, and the graph of any plan, are shown in a preview up to so many subtasks."""
RETRY_SECONDS = 5.0
"""What a full engine asks its callers to wait."""


class Intake:
    """Takes tasks in for one engine; ``find`` reads a task by its id or raises ``NotFound``."""

    def __init__(
        self,
        settings: Settings,
        graph: Graph,
        planner: Planner,
        tools: ToolRegistry,
        clock: Clock,
        ids: Ulids,
        scheduler: Scheduler,
        ownership: Ownership,
        vitals: Vitals,
        door: Door,
        callbacks: Teller,
        find: Callable[[str], Awaitable[Task]],
        vault: Vault,
    ) -> None:
        self._vault = vault
        self._learner = scheduler.learner
        self._settings = settings
        self._graph = graph
        self._planner = planner
        self._tools = tools
        self._clock = clock
        self._ulids = ids
        self._scheduler = scheduler
        self._ledger = scheduler.ledger
        self._ownership = ownership
        self._vitals = vitals
        self._door = door
        self._callbacks = callbacks
        self._find = find
        self._once = Once(graph)
        self._reruns = Reruns(graph, self._checked)
        self._reserved = 0
        self._outlook = Outlook(self._learner, clock, settings.max_parallel_tasks, settings.type_limits)

    async def submit(self, body: Json, key: str | None, by: str = "") -> Submitted:
        """Checks and stores a task and begins to run it.

        Args:
            body: that of ``POST /tasks``.
            key: an idempotency key: sent again with the same body it makes no second task, also after a restart.
            by: who sends it; noted in the first event.

        Raises:
            InvalidInput: with every fault.
            KeyReused: when the key came with another body before.
            Busy: when the engine is full.
            GraphUnavailable: when it is unknown whether the task was stored; with a key it can be sent again.
        """
        if key is None:
            return await self._submit(body, RequestKey(), by)
        request: RequestKey = await self._off_loop(_size(body), request_key, key, "submit", body)
        return await self._once.answer(request, lambda: self._submit(body, request, by))

    async def _submit(self, body: Json, request: RequestKey, by: str) -> Submitted:
        with self._scheduler.tracing.submission() as origin:
            return await self._taken(body, request, origin, by)

    async def _taken(self, body: Json, request: RequestKey, origin: Origin, by: str) -> Submitted:
        self._refuse_when_ended()
        plan = await self._planned(body, await self._planner.plan(body))
        size = len(plan.subtasks)
        await self._refuse_when_full(size, plan.request.user_id)
        self._reserved += size
        try:
            now = self._clock.now()
            task = await self._off_loop(size, build, plan, self._ulids.new(now), now, request.key, request.hash)
            task, _ = await self._outlook.estimated(task)
            asking = await self._off_loop(size, foreseen, task.subtasks, self._tools.get, task.id)
            await self._store(msgspec.structs.replace(task, by=by), origin)
        finally:
            self._reserved -= size
        return _submitted(task, asking)

    async def rerun(self, task_id: str, wish: Rerun, key: str | None, by: str = "") -> Submitted:
        """Runs a final task again as a new one, which keeps every result that nothing calls into question.

        Args:
            task_id: the task to run again.
            wish: what runs again, and what is different this time.
            key: an idempotency key: sent again with the same wish it makes no second task.
            by: who wants it; noted in the first event.

        Raises:
            NotFound: when there is no such task.
            Conflict: when it is not final, or nothing of it is left to run.
            KeyReused: when the key came with something else before.
            InvalidInput: with every fault of the plan with the overrides.
            Busy: when the engine is full.
        """
        if key is None:
            return await self._rerun(task_id, wish, RequestKey(), by)
        request = request_key(key, f"rerun {task_id}", _sent(wish))
        return await self._once.answer(request, lambda: self._rerun(task_id, wish, request, by))

    async def _rerun(self, task_id: str, wish: Rerun, request: RequestKey, by: str) -> Submitted:
        self._refuse_when_ended()
        earlier = await self._find(task_id)
        with self._scheduler.tracing.submission(stored.decode(earlier.body).trace) as origin:
            return await self._taken_again(earlier, wish, request, origin, by)

    async def _taken_again(self, earlier: Task, wish: Rerun, request: RequestKey, origin: Origin, by: str) -> Submitted:
        now = self._clock.now()
        task = await self._reruns.prepare(earlier, wish, self._ulids.new(now), now, request)
        size = len(task.subtasks) - len(task.settled)
        await self._refuse_when_full(size, earlier.user_id)
        self._reserved += size
        try:
            task, _ = await self._outlook.estimated(task)
            asking = await self._off_loop(size, foreseen, task.subtasks, self._tools.get, task.id)
            await self._store(msgspec.structs.replace(task, by=by), origin)
        finally:
            self._reserved -= size
        return _submitted(task, asking)

    async def preview(self, body: Json) -> dict[str, Json]:
        """How a plan would unfold; nothing is stored. Raises ``InvalidInput`` with every fault."""
        made = await self._planner.plan(body)
        plan = await self._planned(body, made)
        seen = await self._off_loop(len(plan.subtasks), preview, plan)
        task = await self._off_loop(len(plan.subtasks), build, plan, "", self._clock.now())
        _, estimate = await self._outlook.estimated(task)
        small = seen.subtasks <= SHOWN
        asking = await self._off_loop(seen.subtasks, foreseen, task.subtasks, self._tools.get, task.id)
        return {
            "generations": seen.generations,
            "critical_path": seen.critical_path,
            "subtasks_count": seen.subtasks,
            "edges_count": seen.edges,
            "width": seen.width,
            "origin": made.origin,
            "plan": made.body["plan"] if small and made.origin is not None else None,
            "graph": await asyncio.to_thread(picture, plan) if small else None,
            "estimate": estimate,
            "needs_approval": asking[:100],
        }

    async def _planned(self, body: Json, made: Made) -> ValidPlan:
        """The checked plan of a body of any form."""
        try:
            return made.onto(await self._checked(made.body))
        except InvalidInput as error:
            raise as_asked(error, made, body) from None

    async def _checked(self, body: Json) -> ValidPlan:
        limits = Limits(self._settings.max_plan_subtasks, self._settings.max_plan_edges)
        plan: ValidPlan = await self._off_loop(
            _size(body), validate, body, self._tools.get, self._tools.names(), limits, self._vault.allowed
        )
        self._door.refuse(plan.request)
        return await self._outlook.ordered(await self._learner.expected(plan))

    async def _off_loop(self, size: int, work: Any, *args: Any) -> Any:
        return await asyncio.to_thread(work, *args) if size > LARGE else work(*args)

    def _refuse_when_ended(self) -> None:
        if self._vitals.failure is not None:
            raise GraphUnavailable(f"this engine has stopped working: {self._vitals.failure}; restart it")
        if self._ledger.draining:
            raise GraphUnavailable("this engine is shutting down: send the task to another one, or later")

    async def _refuse_when_full(self, size: int, user: str) -> None:
        if self._ownership.hands is not None:
            await self._ownership.hands.refuse_when_full(size)
            return
        waiting = self._ledger.unsettled + self._reserved
        if waiting and waiting + size > self._settings.max_queued_subtasks:
            raise Busy(
                f"{waiting} subtasks wait already and {size} more would exceed MAX_QUEUED_SUBTASKS "
                f"({self._settings.max_queued_subtasks}): send it again later",
                RETRY_SECONDS,
            )
        if len(self._ledger.tasks) >= self._settings.max_open_tasks:
            raise Busy(f"{len(self._ledger.tasks)} tasks are open already: send it again later", RETRY_SECONDS)

        most = self._settings.user_open_tasks
        if most and user and sum(task.body.user_id == user for task in self._ledger.tasks.values()) >= most:
            raise Busy(
                f"user {user} has {most} open tasks already (USER_OPEN_TASKS): wait for one to end", RETRY_SECONDS
            )

    async def _store(self, task: NewTask, origin: Origin) -> None:
        task = msgspec.structs.replace(task, body=stored.traced(task.body, origin))
        callbacks = stored.decode(task.body).callbacks
        self._ownership.storing.add(task.id)
        try:
            await self._callbacks.announce(task.id, callbacks)
            await self._graph.store(task)
            if self._ownership.hands is not None:
                await self._hand(task, self._ownership.hands)
                return
            running = RunningTask.fresh(task)
            self._scheduler.recorder.taken_over(task)
            self._scheduler.add(running)
            self._callbacks.stored(task.id, callbacks)
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
            self._callbacks.settled(task.id)

    async def _hand(self, task: NewTask, hands: HandingOver) -> None:
        """A task that is stored goes to an engine that runs it; while none is found it waits, and is not lost."""
        hands.take(task.id, len(task.subtasks))
        try:
            await hands.offer()
        except GraphUnavailable as error:
            _log.warning("a task is not handed over yet", task_id=task.id, reason=str(error))


def _submitted(task: NewTask, asking: Sequence[str]) -> Submitted:
    ready = sum(subtask.status is SubtaskStatus.READY for subtask in task.subtasks)
    return Submitted(task.id, len(task.subtasks), ready, estimate=task.estimate, asking=tuple(asking))


def _sent(wish: Rerun) -> Json:
    sent: dict[str, Json] = {"from": wish.start, "overrides": wish.overrides}
    return sent | ({"recalled": list(wish.recalled)} if wish.recalled else {})


def _size(body: Json) -> int:
    """Subtasks that a body seems to hold, before anything of it is checked."""
    plan = body.get("plan") if isinstance(body, dict) else None
    subtasks = plan.get("subtasks") if isinstance(plan, dict) else None
    return len(subtasks) if isinstance(subtasks, list) else 0
