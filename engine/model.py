"""The values that travel between the parts: frozen, without behaviour beyond small properties.

``msgspec.Struct`` rather than dataclasses: a frozen one is built in a tenth of a microsecond, and thousands are built
per second on the hot path. Times are integers, milliseconds since 1970 UTC by the database's clock. JSON that the
graph only stores (inputs, outputs, errors) travels as text, because Neo4j integers end at 64 bits and payloads do not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.states import SubtaskStatus, TaskStatus

Json = Any
"""Any JSON value: None, bool, int of any size, float, str, list, dict with string keys."""

INLINE_OUTPUT_BYTES = 1024
"""An output up to this many bytes of JSON stays on its Attempt."""
BLOB_BYTES = 32 * 1024
"""A payload above this many bytes of JSON lives in the blob store."""


class Value(msgspec.Struct, frozen=True):
    """Base of all values: frozen, compared by content."""


# --- what is stored -----------------------------------------------------------------------------------------------


class NewSubtask(Value, frozen=True):
    """A subtask as it is first written.

    ``id`` is ``TASK.INDEX`` (index zero-padded to seven digits), and a mapped item's is ``TASK.INDEX.ITEM``, so ids
    sort in plan order. ``spec`` is the JSON text of everything that running it needs. ``order_key`` is the text that
    sorts ready subtasks of one task: most urgent first.
    """

    id: str
    key: str
    type: str
    index: int
    spec: str
    unmet: int
    priority: int
    generation: int
    rank: float
    order_key: str
    critical: bool = True
    expanded_from: str | None = None


class NewTask(Value, frozen=True):
    """A validated task, ready to be stored: its subtasks and ``edges`` as (dependant id, dependency id) pairs."""

    id: str
    type: str
    name: str
    description: str
    user_id: str
    tags: tuple[str, ...]
    priority: int
    max_parallel: int
    failure_policy: str
    body: str
    created_at: int
    subtasks: list[NewSubtask]
    edges: list[tuple[str, str]]


class Task(Value, frozen=True):
    """A task as read from the graph. ``counts`` holds subtasks by status; zero counts are left out."""

    id: str
    type: str
    name: str
    description: str
    user_id: str
    tags: tuple[str, ...]
    priority: int
    max_parallel: int
    failure_policy: str
    status: TaskStatus
    owner: str
    created_at: int
    updated_at: int
    started_at: int | None
    completed_at: int | None
    subtasks_count: int
    counts: dict[str, int]
    result: str | None
    result_hash: str | None
    error: str | None
    gate: str = ""
    body: str = "{}"


class OpenTask(Value, frozen=True):
    """An open task as its owner takes it up: exact counts by status and the number of its last event."""

    task: Task
    counts: dict[str, int]
    last_event: int


class Subtask(Value, frozen=True):
    """A subtask as read from the graph, with its latest attempt's outcome (None where there is none)."""

    id: str
    task_id: str
    key: str
    type: str
    index: int
    status: SubtaskStatus
    spec: str
    unmet: int
    priority: int
    critical: bool
    generation: int
    rank: float
    token: int
    queued_at: int | None
    started_at: int | None
    completed_at: int | None
    output: str | None
    output_hash: str | None
    error: str | None
    ran_on: str
    attempts: int


class Produced(Value, frozen=True):
    """What a subtask produced: ``output`` is JSON text, or None when only the blob store has it (by ``hash``)."""

    id: str
    key: str
    status: SubtaskStatus
    output: str | None
    hash: str | None
    error: str | None


class Troubled(Value, frozen=True):
    """A subtask that ended without success, as far as the end of its task needs it."""

    id: str
    key: str
    status: SubtaskStatus
    critical: bool
    error: str | None


class Attempt(Value, frozen=True):
    """One execution of a subtask. ``token`` fences it; ``output`` is JSON text up to ``INLINE_OUTPUT_BYTES``."""

    token: int
    outcome: str
    ran_on: str
    started_at: int
    finished_at: int
    output: str | None
    output_hash: str | None
    output_bytes: int
    error: str | None


class Event(Value, frozen=True):
    """One transition. ``seq`` numbers the events of a task from 1 without gaps; ``key`` is "" for the task itself."""

    task_id: str
    seq: int
    at: int
    key: str
    status: str
    token: int


# --- one turn -----------------------------------------------------------------------------------------------------


class Settle(Value, frozen=True):
    """What became of one attempt: the guarded move from ``processing`` to ``to``, and the attempt's record.

    ``output`` is JSON text when small; larger ones are in the Result named by ``output_hash`` already.
    """

    id: str
    task_id: str
    key: str
    token: int
    to: SubtaskStatus
    outcome: str
    started_at: int
    finished_at: int
    output: str | None = None
    output_hash: str | None = None
    output_bytes: int = 0
    error: str | None = None


class Decide(Value, frozen=True):
    """The verdict on a pending subtask whose dependencies are all settled: ``ready``, ``blocked`` or ``skipped``."""

    id: str
    task_id: str
    to: SubtaskStatus
    error: str | None = None


class ClaimRequest(Value, frozen=True):
    """Take up to ``count`` ready subtasks of one task, the most urgent first."""

    task_id: str
    count: int


class Reopen(Value, frozen=True):
    """Make up to ``count`` held subtasks of one type and task claimable again."""

    task_id: str
    type: str
    count: int


class Turn(Value, frozen=True):
    """Everything that one turn settles, in one transaction.

    ``sequences`` holds the last event number of every task that may change. ``type_free`` holds the free slots of the
    limited types: ready subtasks beyond them are held.
    """

    id: str
    now: int
    settle: list[Settle]
    decide: list[Decide]
    claims: list[ClaimRequest]
    sequences: dict[str, int]
    type_free: dict[str, int]
    reopen: list[Reopen]


class Claim(Value, frozen=True):
    """A subtask that this engine may run now, with its fencing token."""

    id: str
    task_id: str
    key: str
    type: str
    spec: str
    token: int
    queued_at: int


class Change(Value, frozen=True):
    """One transition as the turn recorded it."""

    id: str
    key: str
    status: str
    token: int = 0


class TaskChanges(Value, frozen=True):
    """What a turn changed in one task, in order; the first change has event number ``first``."""

    task_id: str
    first: int
    changes: list[Change]


class TurnResult(Value, frozen=True):
    """What really happened. ``undecided``: (task id, id) of subtasks whose dependencies are all settled, but not all
    with success. ``held``: (task id, type) of ready subtasks that met a closed limit.
    """

    tasks: list[TaskChanges]
    claims: list[Claim]
    undecided: list[tuple[str, str]]
    held: list[tuple[str, str]]


class Progress(Value, frozen=True):
    """The counts by status of a running task, and when its first subtask started."""

    task_id: str
    counts: dict[str, int]
    started_at: int | None


class Finish(Value, frozen=True):
    """The end of a task: written once, guarded by its being open."""

    task_id: str
    status: TaskStatus
    at: int
    started_at: int | None
    counts: dict[str, int]
    last_event: int
    result: str | None
    result_hash: str | None
    error: str | None
