"""The open tasks of an engine as it keeps them in memory: counts, what is claimable, what runs.

Everything here can be rebuilt from the graph (``graph.adopt``); nothing here decides anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from engine.model import Change, Claim, Json, NewTask, OpenTask, Settle, Task, TaskChanges
from engine.states import SETTLED, SubtaskStatus, TaskStatus

_SETTLED = frozenset(status.value for status in SETTLED)
READY = SubtaskStatus.READY.value
PENDING = SubtaskStatus.PENDING.value
PROCESSING = SubtaskStatus.PROCESSING.value
CANCELLING = "cancelling"
"""The gate of a task whose cancellation has begun: nothing of it is claimed any more."""


def source(change: Change) -> str:
    """The state that a change of a turn came from: a token says that it ended an attempt."""
    if change.status == PROCESSING:
        return READY
    return PROCESSING if change.token else PENDING


@dataclass(slots=True, eq=False)
class RunningTask:
    """One open task. ``ready`` counts what can be claimed now, ``held`` what waits for a type's limit."""

    id: str
    weight: float
    max_parallel: int
    input: Json
    last_event: int
    counts: Counter[str]
    started_at: int | None
    ready: int = 0
    held: Counter[str] = field(default_factory=Counter)
    running: dict[str, asyncio.Task[Settle]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    gate: str = ""
    cancel_after: str | None = None
    virtual_time: float = 0.0
    queued: bool = False
    dirty: bool = False
    ending: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @staticmethod
    def adopted(found: OpenTask, task_input: Json) -> RunningTask:
        """The task as the graph has it, its holds released."""
        task = found.task
        counts = Counter({status: number for status, number in found.counts.items() if number})
        running = RunningTask(
            id=task.id,
            weight=task.priority + 1.0,
            max_parallel=task.max_parallel,
            input=task_input,
            last_event=found.last_event,
            counts=counts,
            started_at=task.started_at,
            ready=counts[READY],
            gate=task.gate,
        )
        if task.gate:
            running.cancel_after = ""
        return running

    @staticmethod
    def fresh(task: NewTask, counts: dict[str, int], task_input: Json) -> RunningTask:
        """A task that has just been stored."""
        return RunningTask(
            id=task.id,
            weight=task.priority + 1.0,
            max_parallel=task.max_parallel,
            input=task_input,
            last_event=1,
            counts=Counter({status: number for status, number in counts.items() if number}),
            started_at=None,
            ready=counts[READY],
        )

    def shown(self, stored: Task) -> Task:
        """The task as the graph has it, with the counts of this moment."""
        status = TaskStatus.PROCESSING if self.started_at and stored.status is TaskStatus.PENDING else stored.status
        return msgspec.structs.replace(
            stored,
            status=status,
            counts=self.present(),
            subtasks_count=sum(self.counts.values()),
            started_at=stored.started_at or self.started_at,
        )

    @property
    def unsettled(self) -> int:
        """Subtasks that are not settled yet."""
        return sum(number for status, number in self.counts.items() if status not in _SETTLED)

    @property
    def room(self) -> int:
        """How many more of its subtasks may start, by its own limit."""
        if self.gate:
            return 0
        return self.max_parallel - len(self.claims) if self.max_parallel else 1_000_000_000

    def apply(self, changes: TaskChanges) -> None:
        """Takes over what a turn changed."""
        for change in changes.changes:
            self.counts[source(change)] -= 1
            self.counts[change.status] += 1
            if change.status == READY:
                self.ready += 1
            elif change.status == PROCESSING:
                self.ready -= 1
        self.last_event = changes.first + len(changes.changes) - 1
        self.dirty = True

    def present(self) -> dict[str, int]:
        """Counts by status, without zeros."""
        return {status: number for status, number in self.counts.items() if number}
