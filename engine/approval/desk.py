"""What waits for persons, as they see it, and decisions on several of them at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.approvalstore import Approval, ApprovalStore, Reason, Request, Waiting
from engine.command import Carried, Command
from engine.errors import Fault, InvalidInput
from engine.ledger import Ledger
from engine.model import Subtask, Task
from engine.plan.ids import Ulids
from engine.ports import Clock
from engine.states import SubtaskStatus, TaskStatus

INTERRUPTED = "interruption"
"""The rule that stands for an attempt that was cut off: nothing was asked, for its engine was gone."""
PAGE = 1_000
MOST_TASKS = 200
TASK_ID = 26
"""Characters of the id of a task, with which the ids of its requests begin."""


class ApprovalDesk:
    """Answers what waits for a person in the tasks of a namespace, and takes decisions on many at once."""

    def __init__(
        self,
        graph: ApprovalStore,
        ledger: Ledger,
        clock: Clock,
        ids: Ulids,
        find: Callable[[str], Awaitable[Task]],
        command: Callable[[Command], Awaitable[Carried]],
        list_: Callable[..., Awaitable[list[Task]]],
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._find = find
        self._command = command
        self._list = list_

    async def of_task(self, task_id: str, *, waiting: bool, after: str, limit: int) -> list[Approval]:
        """What was asked of a task, by id above ``after``; ``waiting``: only what waits now, interruptions included.

        Raises ``NotFound``.
        """
        await self._find(task_id)
        if not waiting:
            return await self._graph.approvals_of_task(task_id, after, limit)
        found = await self._graph.waiting_for_approval(task_id, after.partition("#")[0], limit)
        return [one.approval or interruption(one) for one in found]

    async def all(self, *, after: str, limit: int) -> list[Approval]:
        """What waits for a person in all tasks, by id above ``after``: requests, and what was interrupted.

        Interruptions are looked for in the latest ``MOST_TASKS`` tasks of each open state.
        """
        found = {one.request.id: one for one in await self._interrupted(after, limit)}
        found |= {one.request.id: one for one in await self._graph.open_approvals(after, limit)}
        return [found[id_] for id_ in sorted(found)][:limit]

    async def _interrupted(self, after: str, limit: int) -> list[Approval]:
        """What was interrupted in tasks in which more waits than was asked."""
        found: list[Approval] = []
        last = after.partition("#")[0]
        for task_id in await self._doubtful(after[:TASK_ID]):
            waiting = await self._graph.waiting_for_approval(task_id, last if last > task_id else "", limit)
            found += [interruption(one) for one in waiting if one.approval is None]
            if len(found) >= limit:
                break
        return [one for one in found if one.request.id > after]

    async def _doubtful(self, first: str) -> list[str]:
        """The open tasks from ``first`` on in which something waits for a person."""
        pages = [
            await self._list(status=status.value, first=first, limit=MOST_TASKS)
            for status in (TaskStatus.PROCESSING, TaskStatus.PAUSED)
        ]
        waits = SubtaskStatus.AWAITING_APPROVAL.value
        return sorted({task.id for page in pages for task in page if task.counts.get(waits)})

    async def decide(
        self,
        task_id: str,
        verb: str,
        *,
        keys: Sequence[str] = (),
        rule: str = "",
        everything: bool = False,
        by: str = "",
        comment: str = "",
    ) -> tuple[Carried, list[Approval]]:
        """One decision on several subtasks of a task: on ``keys``, on all that a ``rule`` asks, or on everything.

        Returns the task, and what now has this decision. All of it is decided, or nothing.

        Raises:
            InvalidInput: unless exactly one of the three is given.
            Conflict: when something of it does not wait, was decided already, or too late.
            Forbidden: when somebody else has to decide on something of it.
            NotFound: when there is no such task.
        """
        if bool(keys) + bool(rule) + everything != 1:
            raise InvalidInput([Fault("", 'should have exactly one of "keys", "policy" and "all"')])
        id_ = self._ids.new(self._clock.now())
        command = Command(
            "approve" if verb == "approve" else "reject",
            task_id,
            by=by,
            comment=comment,
            keys=tuple(dict.fromkeys(keys)),
            rule=rule,
            everything=everything,
            decision=id_,
        )
        carried = await self._command(command)
        found: list[Approval] = []
        while page := await self._graph.approvals_of_task(task_id, found[-1].request.id if found else "", PAGE):
            found += page
            if len(page) < PAGE:
                break
        return carried, [one for one in found if one.verdict is not None and one.verdict.id == id_]


def interruption(waiting: Waiting) -> Approval:
    """What an interrupted subtask would ask."""
    subtask = waiting.subtask
    return Approval(
        Request(
            id=f"{subtask.id}#{subtask.token}",
            task_id=subtask.task_id,
            subtask_id=subtask.id,
            key=subtask.key,
            token=subtask.token,
            type=subtask.type,
            version="",
            hash="",
            input=None,
            input_bytes=0,
            cut=False,
            reasons=[Reason(INTERRUPTED, "it was interrupted, and running it again could repeat what it did")],
            asked_at=_since(subtask),
        )
    )


def _since(subtask: Subtask) -> int:
    return subtask.started_at or subtask.queued_at or 0
