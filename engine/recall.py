"""Takes outputs back: finds everything that was derived from them, in any task, and has that made anew.

First what is cached of them is dropped, so that nobody else takes it over. Then open tasks that have used them stand
still, for a person to decide. Final ones run again as new tasks, those that made an output before those that took it
over; in each the recalled subtasks run for certain, and what follows only as far as outputs really change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import structlog

from engine.derivation import Walk
from engine.errors import Busy, Conflict, EngineError, Fault, InvalidInput, NotFound
from engine.idempotency import Submitted
from engine.lineage import Named, pages
from engine.model import Subtask, Task, Value
from engine.plan.spec import Spec, place_id
from engine.ports import Graph
from engine.rerun import Rerun
from engine.states import FINAL, TaskStatus

_log = structlog.get_logger("recall")

MOST = 100_000
"""Subtasks that a recall may reach."""


class Wish(Value, frozen=True):
    """Which outputs to take back: all that is given must hold. ``result`` is an output's hash, ``subtask`` an id or
    TASK/KEY, ``since`` and ``until`` bound when the attempt ended (milliseconds, 0 is open; ``until`` is excluded).
    """

    result: str = ""
    subtask: str = ""
    type: str = ""
    version: str = ""
    since: int = 0
    until: int = 0


class Reached(Value, frozen=True):
    """A subtask that a recall reaches; ``recalled`` itself, or derived from one that is."""

    subtask: Named
    recalled: bool


class Rerunning(Value, frozen=True):
    """A final task that runs again from the recalled ones of its subtasks: as which task, or why it does not."""

    task_id: str
    keys: list[str]
    new_id: str = ""
    refused: str = ""


class Recalled(Value, frozen=True):
    """What a recall reaches, or has done.

    ``results`` counts the outputs, ``cached`` the cache entries to be dropped, ``running`` lists what uses one of the
    outputs at this moment, ``held`` the open tasks that stand still for a person to decide.
    """

    results: int
    tasks: list[str]
    subtasks: list[Reached]
    cached: int
    running: list[tuple[str, str]]
    held: list[str]
    reruns: list[Rerunning]


class Recalls:
    """The recalls of one engine.

    Args:
        caught_up: waits until this engine has written every edge.
        drop: drops cache entries by key; returns how many there were.
        pause: lets an open task stand still; says who asked.
        rerun: runs a final task again.
    """

    def __init__(
        self,
        graph: Graph,
        caught_up: Callable[[], Awaitable[None]],
        drop: Callable[[Sequence[str]], Awaitable[int]],
        pause: Callable[[str, str], Awaitable[object]],
        rerun: Callable[[str, Rerun, str | None, str], Awaitable[Submitted]],
    ) -> None:
        self._graph = graph
        self._caught_up = caught_up
        self._drop = drop
        self._pause = pause
        self._rerun = rerun

    async def recall(
        self, wish: Wish, *, dry_run: bool, reason: str = "", key: str | None = None, by: str = ""
    ) -> Recalled:
        """Finds what a recall reaches; unless it is a dry run, takes it back.

        Args:
            wish: the outputs to take back.
            dry_run: only says what would happen.
            reason: kept with the events.
            key: an idempotency key: sent again, it makes no second rerun of a task.
            by: who wants it; noted in the events.

        Raises:
            InvalidInput: nothing is named, or too much.
            NotFound: there is no such subtask or output.
        """
        await self._caught_up()
        walk = await self._walk(await self._start(wish))
        found, open_tasks = await self._described(walk)
        if dry_run:
            return found
        dropped = await self._drop(sorted(walk.cache_keys)) if walk.cache_keys else 0
        held = [task.id for task in open_tasks if await self._hold(task, reason, by)]
        own = await self._made_before(found.reruns, key) if key else set()
        reruns = [await self._run_again(rerun, key, by) for rerun in found.reruns if rerun.task_id not in own]
        _log.warning("recalled", results=found.results, tasks=len(found.tasks), reruns=len(reruns), reason=reason)
        return Recalled(found.results, found.tasks, found.subtasks, dropped, found.running, held, reruns)

    # --- what is reached ----------------------------------------------------------------------------------------

    async def _start(self, wish: Wish) -> list[str]:
        """The subtasks that are named."""
        check(wish)
        named = await self._named(wish.subtask) if wish.subtask else None
        if named is not None and not (wish.result or wish.type or wish.since or wish.until):
            return [named]
        asked = {"hash": wish.result, "type": wish.type, "version": wish.version}
        found = await self._graph.made_by(MOST + 1, since=wish.since, until=wish.until, **asked)
        if wish.result and not found:
            raise NotFound(f"no attempt has given the output {wish.result}: a subtask shows it with its attempts")
        _refuse_too_many(found)
        return [id_ for id_ in found if named in (None, id_)]

    async def _named(self, name: str) -> str:
        task_id, slash, key = name.partition("/")
        if slash:
            task = await self._graph.task(task_id)
            found = await self._graph.subtask(task_id, key) if task else None
            id_ = found[0].id if found else ""
        else:
            id_ = name
        if not id_ or not await self._graph.named([id_]):
            raise NotFound(f"there is no subtask {name!r}: name it by its id, or as TASK/KEY")
        return id_

    async def _walk(self, start: Sequence[str]) -> Walk:
        walk = Walk(start)
        while True:
            new, wholes = walk.ask()
            if not new:
                return walk
            hashes: dict[str, None] = {}
            for some in pages((*new, *wholes)):
                hashes |= dict.fromkeys(walk.learn(await self._graph.made(some)))
            for some in pages(hashes):
                walk.follow(await self._graph.users(some), await self._graph.takers(some), ())
            for some in pages(new):
                walk.follow((), (), await self._graph.children(some))
            _refuse_too_many(walk.reached)

    async def _described(self, walk: Walk) -> tuple[Recalled, list[Task]]:
        ids = list(walk.reached)
        named = {found.id: found for some in pages(ids) for found in await self._graph.named(some)}
        by_task: dict[str, list[Reached]] = {}
        for id_ in ids:
            if id_ in named:
                by_task.setdefault(named[id_].task_id, []).append(Reached(named[id_], walk.reached[id_]))
        tasks = {task.id: task for some in pages(by_task) for task in await self._graph.tasks_of(some)}
        open_tasks = [tasks[id_] for id_ in by_task if id_ in tasks and tasks[id_].status not in FINAL]
        running = [pair for task in open_tasks for pair in await self._running(task.id, walk.reached)]
        found = Recalled(
            results=len(walk.hashes),
            tasks=[id_ for id_ in by_task if id_ in tasks],
            subtasks=[reached for id_, some in by_task.items() if id_ in tasks for reached in some],
            cached=len(walk.cache_keys),
            running=running,
            held=[task.id for task in open_tasks],
            reruns=[_rerunning(tasks[id_], some) for id_, some in by_task.items() if _ends_again(tasks.get(id_))],
        )
        return found, open_tasks

    async def _running(self, task_id: str, reached: Iterable[str]) -> list[tuple[str, str]]:
        """What runs at this moment with one of the outputs in its input, as (task id, key)."""
        known = set(reached)
        found = await self._graph.processing(task_id)
        return [(task_id, subtask.key) for subtask in found if not known.isdisjoint(_needed(subtask))]

    # --- what is done -------------------------------------------------------------------------------------------

    async def _hold(self, task: Task, reason: str, by: str) -> bool:
        recall = f"recall by {by}" if by else "recall"
        try:
            await self._pause(task.id, f"{recall}: {reason}" if reason else recall)
        except (Conflict, NotFound) as error:  # it has ended meanwhile
            _log.warning("not held", task_id=task.id, reason=str(error))
            return False
        return True

    async def _made_before(self, reruns: Sequence[Rerunning], key: str) -> set[str]:
        """The reruns that were made when the same key came before: they may give the same outputs again."""
        found = [await self._graph.request(own_key(key, rerun.task_id)) for rerun in reruns]
        return {request.task_id for request in found if request is not None}

    async def _run_again(self, rerun: Rerunning, key: str | None, by: str) -> Rerunning:
        wish = Rerun(recalled=tuple(rerun.keys))
        try:
            made = await self._rerun(rerun.task_id, wish, key and own_key(key, rerun.task_id), by)
        except (InvalidInput, Conflict, NotFound, Busy) as error:
            return Rerunning(rerun.task_id, rerun.keys, refused=_said(error))
        return Rerunning(rerun.task_id, rerun.keys, new_id=made.task_id)


def own_key(key: str, task_id: str) -> str:
    """The idempotency key of the rerun of one task."""
    return f"recall:{hashlib.sha256(f'{key} {task_id}'.encode()).hexdigest()}"


def check(wish: Wish) -> None:
    """Raises ``InvalidInput`` unless something is named, and the rest fits it."""
    if wish.version and not wish.type:
        raise InvalidInput([Fault("/version", "a version belongs to a type: name that too")])
    if not (wish.result or wish.subtask or wish.type or wish.since or wish.until):
        raise InvalidInput([Fault("", "name what to recall: result, subtask, type with version, or from and until")])
    if wish.since and wish.until and wish.since >= wish.until:
        raise InvalidInput([Fault("/until", "it is not after from")])


def _refuse_too_many(ids: Collection[str]) -> None:
    if len(ids) > MOST:
        raise InvalidInput([Fault("", f"that reaches more than {MOST:,} subtasks: narrow it, by type or by time")])


def _needed(subtask: Subtask) -> Iterable[str]:
    """The ids of the subtasks whose outputs a subtask has in its input, and of what it grew from."""
    spec = Spec.decode(subtask.spec)
    for refs in filter(None, (spec.refs, spec.map.refs if spec.map else None)):
        yield from (place_id(subtask.task_id, place) for _, place, _ in refs.previous)
        yield from (place_id(subtask.task_id, place) for place, _ in refs.keys.values())
    yield from (place_id(subtask.task_id, place) for place in spec.upstream)
    if subtask.id.count(".") > 1:
        yield subtask.id.rpartition(".")[0]


def _ends_again(task: Task | None) -> bool:
    """Whether a task is to run again: what somebody has cancelled stays so."""
    return task is not None and task.status in (TaskStatus.COMPLETED, TaskStatus.FAILED)


def _rerunning(task: Task, reached: Sequence[Reached]) -> Rerunning:
    return Rerunning(task.id, [found.subtask.key for found in reached if found.recalled])


def _said(error: EngineError) -> str:
    faults = error.faults if isinstance(error, InvalidInput) else []
    return "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults) or str(error)
