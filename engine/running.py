"""An open task in the engine's memory: counts, limits, what runs of it. Rebuilt from the graph at start."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from engine.estimates.ranking import Ranked
from engine.model import Json, NewSubtask, NewTask, OpenTask, Pause, Subtask, Task, Value
from engine.plan import stored
from engine.plan.spec import Spec
from engine.plan.stored import StoredBody
from engine.states import SETTLED, SubtaskStatus, TaskStatus
from engine.taint.marks import Marks
from engine.turn import Claim, Settle, TaskChanges

_SETTLED = frozenset(status.value for status in SETTLED)
READY = SubtaskStatus.READY.value
PENDING = SubtaskStatus.PENDING.value
PROCESSING = SubtaskStatus.PROCESSING.value
QUARANTINED = SubtaskStatus.QUARANTINED.value

CANCELLING = "cancelling"
"""The gate of a task whose cancellation has begun: nothing of it is claimed any more."""
FAILING = "failing"
"""The gate of a task that fails fast, after its first critical failure."""
EXPIRED = "expired"
"""The gate of a task whose deadline has passed."""


class Timed(Value, frozen=True):
    """A subtask of limited time: seconds from ready to started, and for all attempts from the first one's start."""

    key: str
    queue: float | None
    total: float | None
    critical: bool
    since: int | None = None


def timed(key: str, spec: str, since: int | None = None) -> Timed | None:
    """The limits in a subtask's spec; None when it has none."""
    read = Spec.decode(spec)
    if read.queue is None and read.total is None:
        return None
    return Timed(key, read.queue, read.total, read.critical, since)


class Sharing(Value, frozen=True):
    """How a task takes part in the reuse of outputs: its own are kept with its ``tags``, and only if ``afresh`` is
    False are those of others used.
    """

    tags: tuple[str, ...] = ()
    afresh: bool = False


@dataclass(slots=True, eq=False)
class RunningTask:
    """One open task. ``ready`` counts what can be claimed now, ``held`` what waits for a type's limit. ``fallbacks``
    are the types of which some have a fallback; None where nobody has looked.
    """

    id: str
    weight: float
    max_parallel: int
    body: StoredBody
    last_event: int
    counts: Counter[str]
    started_at: int | None
    ready: int = 0
    held: Counter[str] = field(default_factory=Counter)
    running: dict[str, asyncio.Task[Settle]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    timed: dict[str, Timed] = field(default_factory=dict)
    fallbacks: set[str] | None = field(default_factory=set)
    name: str = ""
    tags: tuple[str, ...] = ()
    fail_fast: bool = False
    deadline_at: int | None = None
    pause: Pause | None = None
    gate: str = ""
    gate_detail: str = ""
    plan_hash: str = ""
    estimate: str | None = None
    cancel_after: str | None = None
    virtual_time: float = 0.0
    queued: bool = False
    dirty: bool = False
    ending: bool = False
    leaving: bool = False
    """Whether it is on its way to another engine: nothing new of it starts here."""
    moved: bool = False
    """Whether another engine has it by now."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ranked: Ranked = field(default_factory=Ranked)
    marks: Marks = field(default_factory=Marks)

    @staticmethod
    def adopted(found: OpenTask, waiting: list[tuple[Subtask, int | None]], tainted: Sequence[str] = ()) -> RunningTask:
        """The task as the graph has it, its holds released."""
        task = found.task
        counts = Counter({status: number for status, number in found.counts.items() if number})
        limits = {subtask.id: timed(subtask.key, subtask.spec, since) for subtask, since in waiting}
        return RunningTask(
            id=task.id,
            weight=task.priority + 1.0,
            max_parallel=task.max_parallel,
            body=stored.decode(task.body),
            last_event=found.last_event,
            counts=counts,
            started_at=task.started_at,
            ready=counts[READY],
            timed={id_: limit for id_, limit in limits.items() if limit is not None},
            name=task.name,
            tags=task.tags,
            fail_fast=task.failure_policy == "fail_fast",
            deadline_at=task.deadline_at,
            pause=task.pause,
            gate=task.gate,
            gate_detail=task.gate_detail,
            plan_hash=task.plan_hash,
            estimate=task.estimate,
            cancel_after="" if task.gate else None,
            fallbacks=None,
            ranked=Ranked(kinds=None),
            marks=Marks(tainted),
        )

    @staticmethod
    def fresh(task: NewTask) -> RunningTask:
        """A task that has just been stored."""
        counts = Counter(subtask.status.value for subtask in task.subtasks)
        running = RunningTask(
            id=task.id,
            weight=task.priority + 1.0,
            max_parallel=task.max_parallel,
            body=stored.decode(task.body),
            last_event=1 + len(task.settled),
            counts=counts,
            started_at=None,
            ready=counts[READY],
            name=task.name,
            tags=task.tags,
            fail_fast=task.failure_policy == "fail_fast",
            deadline_at=task.deadline_at,
            plan_hash=task.plan_hash,
            estimate=task.estimate,
            marks=Marks(subtask.id for subtask in task.subtasks if subtask.reused and subtask.reused.tainted),
        )
        running.grown(task.subtasks)
        return running

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
    def input(self) -> Json:
        """The task's input, for references."""
        return self.body.input

    @property
    def sharing(self) -> Sharing | None:
        """How it takes part in the reuse of outputs; None when it does not."""
        return Sharing(self.tags, self.body.afresh) if self.body.cache else None

    @property
    def unsettled(self) -> int:
        """Subtasks that are not settled yet."""
        return sum(number for status, number in self.counts.items() if status not in _SETTLED)

    @property
    def waiting(self) -> int:
        """Subtasks that have not begun."""
        return self.unsettled - self.counts[PROCESSING]

    @property
    def over(self) -> bool:
        """Whether nothing of it is left to do: all settled, and none set apart for a person to decide on."""
        if self.unsettled or self.cancel_after is not None:
            return False
        return bool(self.gate) or not self.counts[QUARANTINED]

    @property
    def stranded(self) -> bool:
        """Whether something waits in a closed task past which the cancellation has walked already."""
        return bool(self.gate) and self.cancel_after is None and self.unsettled > self.counts[PROCESSING]

    @property
    def room(self) -> int:
        """How many more of its subtasks may start, by its own limit."""
        if self.gate or self.pause is not None or self.leaving:
            return 0
        return self.max_parallel - len(self.claims) if self.max_parallel else 1_000_000_000

    def may_fall_back(self, type_: str) -> bool:
        """Whether a subtask of a type may have something else that runs in its place."""
        return self.fallbacks is None or type_ in self.fallbacks

    def expires_at(self, id_: str, now: int) -> int | None:
        """When the time for all attempts of a subtask ends, in milliseconds; its first one starts ``now``."""
        limit = self.timed.get(id_)
        if limit is None or limit.total is None:
            return None
        if limit.since is None:
            limit = self.timed[id_] = msgspec.structs.replace(limit, since=now)
        return (limit.since or now) + round(1000 * (limit.total or 0))

    def grown(self, added: Sequence[NewSubtask]) -> None:
        """Takes over the types and the limits in time of subtasks that are new."""
        self.ranked.grown({subtask.type for subtask in added})
        for subtask in added:
            if subtask.falls_back and self.fallbacks is not None:
                self.fallbacks.add(subtask.type)
            found = timed(subtask.key, subtask.spec) if subtask.timed else None
            if found is not None:
                self.timed[subtask.id] = found

    def begin_anew(self, id_: str) -> None:
        """The time for all attempts of a subtask is measured from its next one."""
        self.timed[id_] = msgspec.structs.replace(self.timed[id_], since=None)

    def apply(self, changes: TaskChanges) -> None:
        """Takes over what a turn changed."""
        for change in changes.changes:
            self.counts[change.source] -= 1
            self.counts[change.status] += 1
            if change.status == READY:
                self.ready += 1
            if change.source == READY:
                self.ready -= 1
        self.last_event = changes.first + len(changes.changes) - 1
        self.dirty = True

    def present(self) -> dict[str, int]:
        """Counts by status, without zeros."""
        return {status: number for status, number in self.counts.items() if number}
