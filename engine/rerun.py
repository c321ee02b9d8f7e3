"""Runs a final task once more, as a new task that keeps what the earlier one has achieved.

The earlier plan is put together again from the graph, changed where the caller asks for it, and goes through the same
door as any other. Which of it runs again, and what is taken over, is decided in ``plan.takeover``.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from engine.errors import Conflict, InvalidInput, NotFound
from engine.idempotency import RequestKey
from engine.model import Json, NewTask, Subtask, Task, Value
from engine.plan import stored
from engine.plan.build import build
from engine.plan.faults import Faults, quoted
from engine.plan.nearest import Nearest
from engine.plan.overrides import as_sent, overridden
from engine.plan.restore import body_of
from engine.plan.stored import Origin, Recall
from engine.plan.takeover import Ran, cone, take_over
from engine.plan.validate import ValidPlan
from engine.ports import GraphReader
from engine.states import FINAL, task_verbs

PAGE = 5_000
"""Subtasks read at a time."""
FAILED, START = "failed", "start"
"""From what did not succeed; from the beginning. Any other word is the key of a subtask."""


class Rerun(Value, frozen=True):
    """How a task is to run again: from where (``FAILED``, ``START`` or a key), and what is different this time.

    ``recalled`` are keys whose outputs are not to be believed any more: they run again too, and what follows them only
    where its input has become another one.
    """

    start: str = FAILED
    overrides: Mapping[str, Json] = {}
    recalled: tuple[str, ...] = ()


class Earlier(Value, frozen=True):
    """The task that is to run again; ``needs`` are by key what each subtask of the plan depends on among these."""

    task: Task
    ran: Ran
    needs: dict[str, list[str]]


class Reruns:
    """Prepares reruns for one engine; ``check`` is the door that every body goes through."""

    def __init__(self, graph: GraphReader, check: Callable[[Json], Awaitable[ValidPlan]]) -> None:
        self._graph = graph
        self._check = check

    async def prepare(self, task: Task, wish: Rerun, id_: str, now: int, request: RequestKey) -> NewTask:
        """The new task, to be stored under ``id_`` and the caller's key.

        Raises:
            Conflict: when the task is not final, or nothing of it is left to run.
            InvalidInput: when the plan with the overrides has faults.
            NotFound: when the task is removed at this moment.
        """
        refuse_open(task)
        earlier = await self._read(task)
        plan = await self._plan(earlier, wish)
        made = await asyncio.to_thread(rebuilt, earlier, plan, wish, id_, now)
        return msgspec.structs.replace(made, request_key=request.key, request_hash=request.hash)

    async def _read(self, task: Task) -> Earlier:
        rows: list[Subtask] = []
        while page := await self._graph.subtasks(task.id, status=None, after=rows[-1].id if rows else "", limit=PAGE):
            rows += page
        edges = await self._graph.edges(task.id)
        if len(rows) != task.subtasks_count:
            raise NotFound(f"task {task.id} is being removed: it cannot run again")
        return await asyncio.to_thread(_sorted, task, rows, edges)

    async def _plan(self, earlier: Earlier, wish: Rerun) -> ValidPlan:
        """The plan that is to run, or every fault in what the caller sent."""
        faults = Faults()
        _note_start(earlier, wish, faults)
        keys = [subtask.key for subtask in earlier.ran.planned]
        body = await asyncio.to_thread(body_of, earlier.task, earlier.ran.planned, earlier.needs)
        try:
            plan = await self._check(overridden(body, wish.overrides, faults))
        except InvalidInput as error:
            for fault in error.faults:
                placed = as_sent(fault, keys, wish.overrides)
                faults.add(placed.pointer, placed.detail)
            faults.raise_any()
            raise
        faults.raise_any()
        return plan


def refuse_open(task: Task, what: str = "run again") -> None:
    """Raises ``Conflict`` unless the task is final; ``what`` is what only a final one can do."""
    if task.status in FINAL:
        return
    legal = task_verbs(task.status)
    raise Conflict(
        f"task {task.id} is {task.status.value}, and only a final task can {what}; legal now: {', '.join(legal)}",
        state=task.status.value,
        legal=legal,
    )


def rebuilt(earlier: Earlier, plan: ValidPlan, wish: Rerun, id_: str, now: int) -> NewTask:
    """The new task with everything that it takes over. Raises ``Conflict`` when nothing of it is left to run."""
    first = earlier.task
    told = msgspec.structs.replace(plan, type=first.type, description=first.description, origin=_origin(first, wish))
    task = msgspec.structs.replace(build(told, id_, now), rerun_of=first.id)
    if wish.start != FAILED:
        task = msgspec.structs.replace(task, body=stored.afresh(task.body))
    if wish.start == START:
        return task
    if wish.recalled:
        recall = Recall(first.id, list(wish.recalled))
        task = msgspec.structs.replace(task, body=stored.recalling(task.body, recall))
    wanted = set(wish.overrides) | set(wish.recalled) | ({wish.start} - {FAILED})
    dependants = plan.order.dependants
    again = cone(earlier.ran, dependants, wanted)
    if again.empty:
        raise Conflict(
            f"nothing in task {earlier.task.id} is left to run, all of it is completed or skipped: "
            'rerun it from "start" or from the key of a subtask'
        )
    return take_over(task, earlier.ran, dependants, again)


def _origin(task: Task, wish: Rerun) -> Origin | None:
    """How the plan came about; one that is changed is not what was asked for, so it teaches nothing of that."""
    origin = stored.decode(task.body).origin
    return msgspec.structs.replace(origin, key="") if origin and wish.overrides else origin


def _sorted(task: Task, rows: list[Subtask], edges: list[tuple[str, str]]) -> Earlier:
    """Tells what was sent from what grew: the id of one that grew is its parent's, a dot and a number."""
    planned = [row for row in rows if row.id.count(".") == 1]
    keys = {row.key for row in planned}
    needs: defaultdict[str, list[str]] = defaultdict(list)
    of_grown = []
    for dependant, needed in edges:
        if dependant in keys and needed in keys:
            needs[dependant].append(needed)
        else:
            of_grown.append((dependant, needed))
    return Earlier(task, Ran(planned, [row for row in rows if row.key not in keys], of_grown), dict(needs))


def _note_start(earlier: Earlier, wish: Rerun, faults: Faults) -> None:
    """An unknown key to start from is a fault like any other."""
    known = {FAILED, START, *(subtask.key for subtask in earlier.ran.planned)}
    if wish.start not in known | {subtask.key for subtask in earlier.ran.grown}:
        hint = Nearest(known).hint(wish.start)
        faults.add("/from", f'there is no subtask {quoted(wish.start)}; say "failed", "start" or a key{hint}')
