"""Reads what a report is made of: page by page, so that its size does not depend on the task's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from engine.answers import story
from engine.answers.gather import behind
from engine.answers.report import Tally
from engine.answers.story import Failure, Path, Report
from engine.lookups import Timing
from engine.model import Json, Task, Troubled
from engine.ports import Clock, Graph
from engine.states import SubtaskStatus

PAGE = 5_000
"""Subtasks read at a time."""
FAILURES = 10
"""Failures that are told one by one."""
HOPS = 100
"""Subtasks of the way back from the end that are looked up: each is a read."""
OWN_EVENTS = 100
FAILED = (SubtaskStatus.FAILED, SubtaskStatus.QUARANTINED)


class Reports:
    """Makes reports."""

    def __init__(
        self,
        graph: Graph,
        clock: Clock,
        find: Callable[[str], Awaitable[Task]],
        load: Callable[[Task], Awaitable[Json]],
        slots: int,
    ) -> None:
        self._graph = graph
        self._clock = clock
        self._find = find
        self._load = load
        self._slots = slots

    async def report(self, task_id: str) -> Report:
        """What happened in a task until now, or until its end. Raises ``NotFound``."""
        task = await self._find(task_id)
        now = self._clock.now()
        tally = Tally(now)
        async for row in timings(self._graph, task_id):
            tally.add(row if task.estimate else msgspec.structs.replace(row, expected=None))
        gathered = tally.gathered()
        failures = await self._failures(task)
        path = await self._path(gathered.last)
        failed = sum(task.counts.get(status, 0) for status in FAILED)
        limit = min(self._slots, task.max_parallel or self._slots)
        return Report(
            task=task,
            at=now,
            words=story.summary(task, gathered, failed, now),
            seconds=None if task.completed_at is None else max(0.0, (task.completed_at - task.created_at) / 1000),
            slots=limit,
            result=story.short(await self._load(task)),
            gathered=gathered,
            phases=story.phases(task, gathered, now),
            timeline=story.timeline(await self._graph.own_events(task_id, OWN_EVENTS), gathered),
            failures=failures,
            failed=failed,
            path=path,
            next=story.advice(task, gathered, failures, path, limit),
            agents=await self._graph.agent_usage(task_id),
        )

    async def _failures(self, task: Task) -> list[Failure]:
        found = [row for row in await self._graph.troubled(task.id, FAILURES) if row.status in FAILED]
        return [await self._failure(row) for row in found]

    async def _failure(self, row: Troubled) -> Failure:
        error = msgspec.json.decode(row.error) if row.error else {}
        return Failure(
            key=row.key,
            status=row.status.value,
            critical=row.critical,
            category=error.get("category"),
            message=str(error.get("message") or "it says nothing"),
            suggestion=error.get("suggestion") or None,
            attempt=int(error.get("attempt") or 0),
            behind=await behind(self._graph, [row.id]),
        )

    async def _path(self, last: Timing | None) -> Path:
        """Back from the subtask that ended last, each time to the dependency that it really waited for."""
        last = await self._really_last(last)
        chain: list[Timing] = []
        while last is not None and len(chain) < HOPS:
            chain.append(last)
            last = await self._graph.awaited_last(last.id)
        return story.way(chain, cut=last is not None)

    async def _really_last(self, last: Timing | None) -> Timing | None:
        """What ran after the subtask with the latest time: a clock that is corrected may go back a little."""
        for _ in range(HOPS if last is not None else 0):
            after = await self._graph.followed_last(last.id) if last is not None else None
            if after is None:
                break
            last = after
        return last


async def timings(graph: Graph, task_id: str) -> AsyncIterator[Timing]:
    """Every subtask of a task, in plan order."""
    after = ""
    while True:
        page = await graph.timings(task_id, after, PAGE)
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        after = page[-1].id
