"""What can be asked about tasks: everything here reads, from the graph and from what runs at this moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from engine.attempt import Attempts
from engine.bus import Bus
from engine.errors import EngineError, GraphUnavailable, NotFound, TaskFailed, ToolError
from engine.forecasts import Alternative, Forecast, Forecasts, WhatIf
from engine.ledger import Ledger
from engine.model import Attempt, Event, Glance, Json, Subtask, Task
from engine.payloads import DIGEST, Payloads
from engine.plan import stored
from engine.plan.drawing import longest_way, measured
from engine.plan.spec import Spec
from engine.ports import Clock, Graph
from engine.states import FINAL, SubtaskStatus, TaskStatus
from engine.tools.registry import ToolRegistry

ELSEWHERE_SECONDS = 1.0
"""How often whoever follows a task of another engine looks at the graph."""
LARGE = 5_000
"""Subtasks above which the longest way is looked for beside the event loop."""
SEARCHED = 10_000
"""Tasks that one search looks at: no index finds a text inside another one."""
REMEMBERED_USERS = 10_000
"""Tasks of which is remembered whose they are: that never changes."""
EVENT_PAGE = 1_000
"""Events read from the graph at a time by whoever follows a task."""


class Inquiries:
    """The questions of the engine's facade."""

    _clock: Clock
    _forecasts: Forecasts

    def __init__(
        self, graph: Graph, ledger: Ledger, bus: Bus, payloads: Payloads, attempts: Attempts, tools: ToolRegistry
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._bus = bus
        self._payloads = payloads
        self._attempts = attempts
        self._tools = tools
        self._stopped = asyncio.Event()
        self._users: dict[str, str] = {}

    async def task(self, task_id: str) -> Task:
        """A task with its counts as of now. Raises ``NotFound``."""
        found = await self._graph.task(task_id)
        if found is None:
            raise NotFound.task(task_id)
        return self.shown(found)

    async def user_of(self, task_id: str) -> str | None:
        """Whose a task is, "" where it is nobody's; None where there is no such task."""
        if live := self._ledger.tasks.get(task_id):
            return live.body.user_id
        if task_id not in self._users:
            found = await self._graph.task(task_id)
            if found is None:
                return None
            if len(self._users) >= REMEMBERED_USERS:
                self._users.clear()
            self._users[task_id] = found.user_id
        return self._users[task_id]

    def shown(self, task: Task) -> Task:
        """A task that was read before, with its counts as of now where it is open in this engine."""
        live = self._ledger.tasks.get(task.id)
        return live.shown(task) if live else task

    async def tasks(
        self,
        *,
        status: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        user_id: str | None = None,
        search: str = "",
        first: str = "",
        before: str = "",
        limit: int,
    ) -> list[Task]:
        """Tasks with an id from ``first`` on and below ``before``, newest first; see ``GraphReader.tasks``."""
        found = await self._graph.tasks(
            status=status,
            type=type,
            tag=tag,
            user_id=user_id,
            search=search,
            first=first,
            before=before,
            limit=limit,
        )
        return [self.shown(task) for task in found]

    async def horizon(self, first: str, before: str) -> str | None:
        """The id of the last task that a search in that range looks at; None where it looks at all."""
        return await self._graph.horizon(first=first, before=before, most=SEARCHED)

    async def subtasks(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """Subtasks with an id above ``after``, in plan order. Raises ``NotFound``."""
        await self.task(task_id)
        return await self.subtasks_of(task_id, status=status, after=after, limit=limit)

    async def subtasks_of(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """The same of a task that has been looked up: empty where there is none."""
        return await self._graph.subtasks(task_id, status=status, after=after, limit=limit)

    async def running_keys(self, task: Task, limit: int) -> list[str]:
        """The keys of up to ``limit`` subtasks of a task that run now, in plan order."""
        if task.status not in (TaskStatus.PROCESSING, TaskStatus.PAUSED):
            return []
        live = self._ledger.tasks.get(task.id)
        if live is not None:  # it runs in this engine, which knows them by heart
            return [claim.key for _, claim in sorted(live.claims.items())[:limit]]
        status = SubtaskStatus.PROCESSING
        return [row.key for row in await self.subtasks_of(task.id, status=status, after="", limit=limit)]

    async def subtask(self, task_id: str, key: str) -> tuple[Subtask, list[Attempt], list[str], dict[str, Json]]:
        """One subtask, its attempts, what it depends on; its resolved input, what is expected of it, and whose run it
        waits for. Raises ``NotFound``.
        """
        task = await self.task(task_id)
        found = await self._graph.subtask(task_id, key)
        if found is None:
            raise NotFound(f"task {task_id} has no subtask {key!r}: GET /tasks/{task_id}/subtasks lists them")
        awaited = self._attempts.awaited(found[0].id)
        waits = {} if awaited is None else {"waiting_for": {"task_id": awaited.task_id, "key": awaited.key}}
        resolved, expected = await self._resolved(task, found[0]), await self._forecasts.expected(task, found[0])
        stored_one = None if task.estimate is None else found[0].expected
        return *found, {"resolved_input": resolved, "expected": stored_one, "estimate": expected} | waits

    async def _resolved(self, task: Task, subtask: Subtask) -> Json:
        """The input with its references replaced, once the subtask has been started; None before."""
        if not subtask.token:
            return None
        spec = Spec.decode(subtask.spec)
        tool = self._tools.get(subtask.type)
        literal = tool.literal if tool else frozenset()
        try:
            return await self._attempts.resolved_input(task.id, spec, stored.decode(task.body).input, literal)
        except ToolError:
            return None

    async def forecast(self, task: Task) -> Forecast | None:
        """When a task will have ended; None of one that is final or paused, or of which nothing is known."""
        return await self._forecasts.of(task)

    async def what_if(self, task_id: str, wanted: Alternative) -> WhatIf:
        """How a task would go on if something were different; nothing is changed.

        Raises ``NotFound``; ``Conflict`` when it is final; ``InvalidInput`` when it has no such open subtask.
        """
        return await self._forecasts.what_if(await self.task(task_id), wanted)

    async def graph_of(self, task_id: str) -> dict[str, Json]:
        """Nodes, edges and the critical path of a task, as of its event ``seq`` at least. Raises ``NotFound``."""
        seq = await self.last_event(task_id)
        task = await self.task(task_id)
        nodes = measured(await self._graph.nodes(task_id), self._clock.now())
        edges = await self._graph.edges(task_id)
        path = await asyncio.to_thread(longest_way, nodes, edges) if len(nodes) > LARGE else longest_way(nodes, edges)
        on_path = set(path)
        guess: dict[str, Json] = {"expected": None} if task.estimate is None else {}
        return {
            "seq": seq,
            "nodes": [{**node, **guess, "critical_path": node["key"] in on_path} for node in nodes],
            "edges": [[dependency, dependant] for dependant, dependency in edges],
            "critical_path": path,
        }

    async def events_page(self, task_id: str, after: int, limit: int) -> list[Event]:
        """Events numbered above ``after``, in order. Raises ``NotFound``."""
        await self.task(task_id)
        return await self._graph.events(task_id, after, limit)

    async def interim_reports(self, task_id: str, before: int | None, limit: int) -> list[Event]:
        """The reports that were made of a task while it ran, newest first, numbered below ``before``, as events."""
        return await self._graph.reports(task_id, before, limit)

    async def last_event(self, task_id: str) -> int:
        """The number of a task's last event; whatever is read afterwards has it in already. 0 when there is none."""
        live = self._ledger.tasks.get(task_id)
        return await self._graph.last_event(task_id) if live is None else live.last_event

    async def last_events(self, ids: Sequence[str]) -> dict[str, int]:
        """The same of several tasks, by id."""
        here = {id_: self._ledger.tasks[id_].last_event for id_ in ids if id_ in self._ledger.tasks}
        return here | await self._graph.last_events([id_ for id_ in ids if id_ not in here])

    async def changed(self, since: int, after: str, limit: int) -> list[Glance]:
        """Tasks, of any engine, that have changed since a moment, the earliest first; see ``GraphReader.changed``."""
        return await self._graph.changed(since, after, limit)

    def now(self) -> int:
        """The moment by the graph database's clock, in milliseconds."""
        return self._clock.now()

    async def follow(self, task_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Every event of a task once and in order, live, until the task is final.

        Raises ``NotFound``, and ``GraphUnavailable`` when it does not answer: go on with the last number as ``after``.
        """
        async with contextlib.aclosing(self.flushes(task_id, after)) as flushes:
            async for events in flushes:
                for event in events:
                    yield event

    events = follow

    async def flushes(self, task_id: str, after: int = 0) -> AsyncGenerator[list[Event]]:
        """The same, as many events at a time as there are: whoever takes his time gets more at once."""
        with self._bus.subscribe(task_id) as subscription:
            await self.task(task_id)
            while True:
                # Before the graph is read: a buffer that is lost while it is read must be noticed.
                subscription.lost = False
                if page := await self._graph.events(task_id, after, EVENT_PAGE):
                    after = page[-1].seq
                    yield page
                    continue
                while not subscription.lost:
                    # One that is missing was never published: after a lost answer only the graph has it.
                    events, missing = _unbroken(subscription.take(), after)
                    subscription.lost |= missing
                    if events:
                        after = events[-1].seq
                        yield events
                    if subscription.lost or subscription.closed or task_id not in self._ledger.tasks:
                        break
                    await subscription.wait()
                ended = self._stopped.is_set() or await self._has_ended(task_id)  # before a last look at the events
                if subscription.lost or await self._graph.events(task_id, after, 1):
                    continue
                if ended:
                    return
                await self.a_while()

    async def output(self, produced: Subtask | Attempt | Task) -> Json:
        """The value of an output or a task's result, wherever it is kept; None when there is none."""
        if isinstance(produced, Task):
            return await self._payloads.load(produced.result, produced.result_hash)
        return await self._payloads.load(produced.output, produced.output_hash)

    async def file(self, task_id: str, key: str, name: str) -> tuple[bytes, str]:
        """A file that a subtask has made, which its output names in ``files``: its bytes and its media type.

        Raises:
            NotFound: when there is none of that name.
        """
        subtask = (await self.subtask(task_id, key))[0]
        output = await self.output(subtask)
        files = output.get("files") if isinstance(output, dict) else None
        found = files.get(name) if isinstance(files, dict) else None
        entry: dict[str, Json] = found if isinstance(found, dict) else {}
        digest = entry.get("sha256")
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise NotFound(f"subtask {key!r} has made no file {name!r}: its output lists them in `files`")
        return await self._payloads.file(digest), str(entry.get("media_type"))

    async def wait(self, task_id: str) -> Task:
        """Waits until the task is final, also while the graph does not answer.

        Raises ``NotFound``, and ``EngineError`` when the engine stops before.
        """
        while True:
            live = self._ledger.tasks.get(task_id)  # before the graph is read: it may end in between
            if live is not None:
                await live.ended.wait()
            with contextlib.suppress(GraphUnavailable):
                task = await self.task(task_id)
                if task.status in FINAL:
                    return task
            if self._stopped.is_set():
                raise EngineError(f"the engine stopped before task {task_id} was final: start it again, it goes on")
            if task_id not in self._ledger.tasks:
                await self.a_while()

    async def _has_ended(self, task_id: str) -> bool:
        """Whether no further events of a task will come, as far as the graph says."""
        return task_id not in self._ledger.tasks and (await self.task(task_id)).status in FINAL

    @property
    def stopped(self) -> bool:
        """Whether this engine works no more."""
        return self._stopped.is_set()

    async def a_while(self) -> None:
        """A pause between two looks at what others do; a stop ends it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), ELSEWHERE_SECONDS)

    async def result(self, task_id: str) -> Json:
        """Waits and returns the task's result. Raises ``TaskFailed`` with what is known when it has none."""
        task = await self.wait(task_id)
        if task.status is not TaskStatus.COMPLETED:
            error = json.loads(task.error) if task.error else {"message": f"it was {task.status.value}"}
            raise TaskFailed(task_id, str(error.get("message")), error)
        return await self.output(task)


def _unbroken(events: list[Event], after: int) -> tuple[list[Event], bool]:
    """The events above ``after`` as far as each follows the one before, and whether one is missing after them."""
    found: list[Event] = []
    for event in events:
        if event.seq > after + 1:
            return found, True
        if event.seq > after:
            after = event.seq
            found.append(event)
    return found, False
