"""Reads what answers rest on, bounded, and what the engine itself knows at this moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import msgspec

from engine.answers import facts as limits
from engine.answers import task as task_answers
from engine.answers import why
from engine.answers.causes import BY_PERSON
from engine.answers.facts import Behind, Facts, Here
from engine.answers.why import Why
from engine.errors import GraphUnavailable, NotFound
from engine.forecasts import Forecast, Foresight
from engine.ledger import Ledger
from engine.limits.breakers import Shown
from engine.limits.lines import Held
from engine.lookups import Sign
from engine.model import Subtask, Task
from engine.ports import Clock, Graph
from engine.running import RunningTask
from engine.states import FINAL, SubtaskStatus, TaskStatus

Status = SubtaskStatus
URGENT = {
    Status.PROCESSING: 5,
    Status.QUARANTINED: 5,
    Status.AWAITING_APPROVAL: 5,
    Status.RETRYING: 5,
    Status.READY: 3,
}
"""How many subtasks of a state an answer about a whole task names."""
SHOWN_BEHIND = 5
Lacking = Callable[[Sequence[Subtask]], Awaitable[Mapping[str, str]]]
"""Of some ready subtasks those that no agent can take, by id, with what is lacking in words."""


class Situation(msgspec.Struct):
    """What the engine says of itself: filled in by whoever puts the engine together."""

    engine: Callable[[], str]
    unavailable: Callable[[], str]
    failure: Callable[[], str]
    storing: Callable[[], Collection[str]]
    tools: Callable[[], Collection[str]]
    slots: int
    timeout: int
    foresee: Callable[[Task], Awaitable[Foresight | None]]
    forecast: Callable[[Task], Awaitable[Forecast | None]]
    broken: Callable[[], Sequence[Shown]] = tuple
    waits: Callable[[str], Held | None] = lambda _: None
    lacking: Lacking | None = None
    short: Callable[[], Sequence[str]] = tuple


class Questions:
    """Answers why something waits."""

    def __init__(self, graph: Graph, ledger: Ledger, clock: Clock, situation: Situation) -> None:
        self._graph = graph
        self._ledger = ledger
        self._clock = clock
        self._situation = situation

    async def why(self, task_id: str, key: str | None = None) -> Why:
        """Why a task, or one of its subtasks, is where it is.

        Raises:
            NotFound: when there is no such task or subtask.
            GraphUnavailable: when the graph does not answer; about a task of this engine as a whole it can be asked
                all the same.
        """
        try:
            task = await self._task(task_id)
        except NotFound:
            if task_id in self._situation.storing():
                return task_answers.stored_soon(task_id)
            raise
        except GraphUnavailable as error:
            known = self._from_memory(task_id, str(error)) if key is None else None
            if known is None:
                raise
            return known
        ended = await self._how_it_ended(task)
        base = Facts(now=self._clock.now(), task=task, here=await self._here(task), told={task.id: ended})
        return await (self._of_task(base) if key is None else self._of_subtask(base, key))

    async def _how_it_ended(self, task: Task) -> str:
        """Who or what closed a task that did not complete."""
        if task.gate_detail or task.completed_at is None or task.status is TaskStatus.COMPLETED:
            return task.gate_detail
        events = await self._graph.events_at(task.id, task.completed_at)
        return next((event.detail for event in reversed(events) if not event.key), "")

    # --- one subtask ----------------------------------------------------------------------------------------------

    async def _of_subtask(self, base: Facts, key: str) -> Why:
        asked = await self._graph.find(base.task.id, key)
        if asked is None:
            raise NotFound(f"task {base.task.id} has no subtask {key!r}: GET /tasks/{base.task.id}/subtasks lists them")
        needed, cut = await self._above(asked)
        if base.task.estimate is None:
            asked = unforeseen([asked])[0]
            needed = {id_: unforeseen(others) for id_, others in needed.items()}
        members = [asked, *(other for others in needed.values() for other in others)]
        facts = msgspec.structs.replace(
            base,
            needed=needed,
            cut=cut,
            ahead=await self._ahead(base, members),
            told={**base.told, **await self._told(members)},
            foresight=await self._foresight(base),
            lacking=await self._lacking(members),
            behind=await self._behind(asked) if asked.status not in (Status.COMPLETED, Status.SKIPPED) else Behind(),
        )
        return why.explain(asked, facts)

    async def _above(self, asked: Subtask) -> tuple[dict[str, list[Subtask]], frozenset[str]]:
        """What did not complete above a subtask, level by level, and the ids above which it was not looked."""
        needed: dict[str, list[Subtask]] = {}
        level, seen = [asked], {asked.id}
        for _ in range(limits.LEVELS):
            level = [subtask for subtask in level if _waits(subtask)]
            if not level or len(seen) > limits.NODES_ABOVE:
                break
            found = await self._graph.needed([subtask.id for subtask in level], limits.NEEDED_EACH)
            needed |= found
            above = {other.id: other for others in found.values() for other in others if other.id not in seen}
            seen |= above.keys()
            level = list(above.values())
        return needed, frozenset(subtask.id for subtask in level if _waits(subtask) and subtask.id not in needed)

    async def _behind(self, asked: Subtask) -> Behind:
        return await behind(self._graph, [asked.id])

    async def _ahead(self, base: Facts, members: Sequence[Subtask]) -> dict[str, int]:
        """Places in line of the first ready ones: each costs a read."""
        if not base.here.owned or base.task.pause or base.task.gate:
            return {}
        ready = [member for member in members if member.status is Status.READY][: URGENT[Status.READY]]
        return {member.id: await self._graph.ahead(member) for member in ready}

    async def _told(self, members: Sequence[Subtask]) -> dict[str, str]:
        """What the events say about why some were skipped: of what was asked about, and of the first others."""
        wanted = [member for member in members if member.status is Status.SKIPPED and member.completed_at][:3]
        told: dict[str, str] = {}
        for member in wanted:
            events = await self._graph.events_at(member.task_id, member.completed_at or 0)
            said = [event.detail for event in events if event.key == member.key and event.status == "skipped"]
            told |= {member.id: said[-1]} if said else {}
        return told

    async def _foresight(self, base: Facts) -> Foresight | None:
        """What is foretold where this engine has the task: how another one shares its slots out is known only there."""
        return await self._situation.foresee(base.task) if base.here.owned else None

    async def _lacking(self, members: Sequence[Subtask]) -> Mapping[str, str]:
        lacking = self._situation.lacking
        ready = [member for member in members if member.status is Status.READY]
        return {} if lacking is None or not ready else await lacking(ready)

    # --- a task ---------------------------------------------------------------------------------------------------

    async def _of_task(self, base: Facts) -> Why:
        if base.task.status in FINAL:
            return task_answers.explain_task(base, [])
        urgent: list[Subtask] = []
        for status, most in URGENT.items():
            if base.task.counts.get(status):
                urgent += await self._graph.urgent(base.task.id, status.value, most)
        if base.task.estimate is None:
            urgent = unforeseen(urgent)
        facts = msgspec.structs.replace(
            base,
            ahead=await self._ahead(base, urgent),
            foresight=await self._foresight(base),
            end=await self._situation.forecast(base.task) if base.here.owned else None,
            lacking=await self._lacking(urgent),
        )
        return task_answers.explain_task(facts, urgent)

    async def _task(self, task_id: str) -> Task:
        found = await self._graph.task(task_id)
        if found is None:
            raise NotFound.task(task_id)
        live = self._ledger.tasks.get(task_id)
        return live.shown(found) if live else found

    def _from_memory(self, task_id: str, reason: str) -> Why | None:
        live = self._ledger.tasks.get(task_id)
        if live is None:
            return None
        here = msgspec.structs.replace(self._own(task_id), unavailable=self._situation.unavailable() or reason)
        return task_answers.from_memory(
            Facts(now=self._clock.now(), task=_remembered(live, self._situation.engine()), here=here)
        )

    # --- the engine -----------------------------------------------------------------------------------------------

    async def _here(self, task: Task) -> Here:
        if task.id in self._ledger.tasks:
            return self._own(task.id)
        sign: Sign | None = None
        if task.status not in FINAL:
            sign = await self._graph.sign(task.owner)
        return msgspec.structs.replace(self._own(task.id), owned=task.status in FINAL, sign=sign)

    def _own(self, task_id: str) -> Here:
        ledger, situation = self._ledger, self._situation
        task = ledger.tasks.get(task_id)
        return Here(
            engine=situation.engine(),
            owned=task is not None,
            slots=ledger.open_slots,
            running=ledger.running,
            of_task=len(task.claims) if task else 0,
            others=sum(1 for other in ledger.tasks.values() if other.ready > 0 and other.id != task_id),
            of_type=dict(ledger.running_by_type),
            limits=ledger.throttle.limits(),
            lowered=frozenset(ledger.throttle.lowered),
            eased=frozenset(ledger.throttle.eased),
            short=tuple(situation.short()),
            held={type_: number for type_, number in task.held.items() if number} if task else {},
            broken={shown.tool: shown for shown in situation.broken() if not shown.endpoint},
            waits=situation.waits,
            tools=frozenset(situation.tools()),
            draining=ledger.draining,
            unavailable=situation.unavailable(),
            failure=situation.failure(),
            timeout=situation.timeout,
        )


def unforeseen(subtasks: Sequence[Subtask]) -> list[Subtask]:
    """The same without what is expected of them: while nothing was known that was a mere guess."""
    return [msgspec.structs.replace(subtask, expected=None) for subtask in subtasks]


def _waits(subtask: Subtask) -> bool:
    """Whether what is above a subtask explains it."""
    if subtask.status in (Status.BLOCKED, Status.SKIPPED):
        return subtask.reason != BY_PERSON
    return subtask.status is Status.PENDING and subtask.unmet > 0


async def behind(graph: Graph, ids: Sequence[str]) -> Behind:
    """What depends on some subtasks, directly or not, and did not complete: counted up to a bound."""
    seen: dict[str, str] = {}
    level = list(ids)
    for _ in range(limits.LEVELS):
        room = limits.NODES_BELOW - len(seen)
        if not level or room <= 0:
            break
        found = await graph.below(level, room + 1)
        level = [below.id for below in found if below.id not in seen]
        seen |= {below.id: below.key for below in found}
    count = min(len(seen), limits.NODES_BELOW)
    return Behind(count, list(seen.values())[:SHOWN_BEHIND], bool(level) or len(seen) > count)


def _remembered(live: RunningTask, engine: str) -> Task:
    """A task as far as its engine knows it without the graph."""
    status = TaskStatus.PROCESSING if live.started_at else TaskStatus.PENDING
    return Task(
        id=live.id,
        type="",
        name=live.name,
        description="",
        user_id="",
        tags=live.tags,
        priority=0,
        max_parallel=live.max_parallel,
        failure_policy="",
        status=TaskStatus.PAUSED if live.pause else status,
        owner=engine,
        created_at=0,
        updated_at=0,
        started_at=live.started_at,
        completed_at=None,
        subtasks_count=sum(live.counts.values()),
        counts=live.present(),
        result=None,
        result_hash=None,
        error=None,
        gate=live.gate,
        gate_detail=live.gate_detail,
        deadline_at=live.deadline_at,
        pause=live.pause,
    )
