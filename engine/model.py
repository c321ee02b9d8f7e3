"""The values that travel between the parts: frozen, without behaviour beyond small properties.

``msgspec.Struct`` rather than dataclasses: a frozen one is built in a tenth of a microsecond, and thousands are built
per second on the hot path. Times are integers, milliseconds since 1970 UTC by the database's clock. JSON that the
graph only stores (inputs, outputs, errors) travels as text, because Neo4j integers end at 64 bits and payloads do not.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.states import SETTLED, SubtaskStatus, TaskStatus

Json = Any
"""Any JSON value: None, bool, int of any size, float, str, list, dict with string keys."""

INLINE_OUTPUT_BYTES = 1024
"""An output up to this many bytes of JSON stays on its Attempt."""
BLOB_BYTES = 32 * 1024
"""A payload above this many bytes of JSON lives in the blob store."""


class Value(msgspec.Struct, frozen=True):
    """Base of all values: frozen, compared by content."""


# --- what is stored -----------------------------------------------------------------------------------------------


class Expand(Value, frozen=True):
    """What a running tool returns to add subtasks to its task while it runs.

    ``subtasks`` are written like those of a plan: ``key``, ``type``, ``input``, ``dependencies`` and all else. Their
    keys are local: subtask ``a`` that ``plan`` grows is ``plan[a]`` in its task, and inside the expansion references
    and dependencies name it ``a``. One without dependencies starts when the tool has returned. Whatever depends on the
    tool's subtask waits for them as well. ``output`` is the subtask's own; without it, references to its output are
    references to what the new subtasks on which no other new one depends produce: the value itself where there is one,
    else an object by local key. ``note`` is kept with the output: how the expansion came about.
    """

    subtasks: list[dict[str, Json]]
    output: Json = msgspec.UNSET
    note: dict[str, Json] = {}


class Reused(Value, frozen=True):
    """An output of an earlier task that a rerun takes over; ``output`` is JSON text up to ``INLINE_OUTPUT_BYTES``,
    ``origin`` the id of the subtask that made it; ``tainted`` says that it holds something from outside.
    """

    output: str | None
    output_hash: str | None
    output_bytes: int
    origin: str = ""
    tainted: bool = False


class NewSubtask(Value, frozen=True):
    """A subtask as it is first written.

    ``id`` is ``TASK.INDEX`` (index zero-padded to seven digits), and a mapped item's is ``TASK.INDEX.ITEM``, so ids
    sort in plan order. ``spec`` is the JSON text of everything that running it needs. ``order_key`` is the text that
    sorts ready subtasks of one task: most urgent first. ``judged`` says that it has a ``run_if`` of its own, ``timed``
    that its waiting is limited, ``falls_back`` that it has a fallback. A rerun starts with some subtasks settled; then
    ``bad`` and ``skips`` count among its dependencies, and ``reused`` is what it has from the earlier task.
    ``follows`` is the mapped subtask whose items it goes over one by one. ``expected`` is how long it is expected to
    take, in seconds.
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
    status: SubtaskStatus = SubtaskStatus.PENDING
    optional: bool = False
    judged: bool = False
    timed: bool = False
    falls_back: bool = False
    bad: int = 0
    skips: int = 0
    reused: Reused | None = None
    follows: str | None = None
    expected: float | None = None


class Growth(Value, frozen=True):
    """What a running subtask adds to its task: ``children`` in an order in which none depends on a later one.

    ``edges`` are (child id, id of another child or of an older subtask) beside the children's edges to their parent.
    ``roots`` are the children that depend on the parent, ``ends`` those that the parent's other dependants wait for;
    None means all. A child's ``unmet`` counts all of its dependencies, its ``generation`` from the parent's.
    """

    children: list[NewSubtask]
    edges: list[tuple[str, str]] = []
    roots: frozenset[str] | None = None
    ends: frozenset[str] | None = None


class NewTask(Value, frozen=True):
    """A validated task, ready to be stored: its subtasks and ``edges`` as (dependant id, dependency id) pairs.

    ``deadline_at`` is absolute, in milliseconds. ``request_key`` is the caller's idempotency key, ``request_hash`` the
    hash of what was sent with it. ``plan_hash`` is equal for tasks of one plan, whatever their inputs; ``estimate`` is
    JSON text: what was expected of the task when it was taken. ``by`` is who sent it, where keys are asked for.
    """

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
    deadline_at: int | None = None
    rerun_of: str | None = None
    request_key: str = ""
    request_hash: str = ""
    plan_hash: str = ""
    estimate: str | None = None
    by: str = ""

    @property
    def settled(self) -> list[NewSubtask]:
        """What a rerun takes over as it was, in the order of its events."""
        return [subtask for subtask in self.subtasks if subtask.status in SETTLED]


class Pause(Value, frozen=True):
    """Why a task stands still: who asked, and what happens at ``until`` (milliseconds; None waits for a person)."""

    by: str = ""
    until: int | None = None
    then: str = "resume"


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
    gate_detail: str = ""
    body: str = "{}"
    deadline_at: int | None = None
    rerun_of: str | None = None
    pause: Pause | None = None
    plan_hash: str = ""
    estimate: str | None = None


class Glance(Value, frozen=True):
    """A task as those see it who look at all of them."""

    id: str
    type: str
    name: str
    user_id: str
    status: TaskStatus
    gate: str
    counts: dict[str, int]
    subtasks_count: int
    created_at: int
    updated_at: int
    started_at: int | None
    completed_at: int | None


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
    output_bytes: int = 0
    cached: bool = False
    spent: int = 0
    interrupted: int = 0
    fell_back: bool = False
    wake_at: int | None = None
    reason: str = ""
    optional: bool = False
    order_key: str = ""
    expected: float | None = None
    origin: str = ""
    tainted: bool = False
    agent_id: str = ""


class Standing(Value, frozen=True):
    """Where a subtask stands, for forecasts. ``expected`` is in seconds, None where it has no work of its own."""

    key: str
    type: str
    status: str
    order_key: str
    started_at: int | None
    completed_at: int | None
    expected: float | None
    id: str = ""


class Rank(Value, frozen=True):
    """Another place of a waiting subtask in the order of its task; ``expected`` and ``rank`` are in seconds."""

    id: str
    expected: float | None
    rank: float
    order_key: str


class Produced(Value, frozen=True):
    """What a subtask produced: ``output`` is JSON text, or None when only the blob store has it (by ``hash``)."""

    id: str
    key: str
    status: SubtaskStatus
    output: str | None
    hash: str | None
    error: str | None


class NewResult(Value, frozen=True):
    """An output above ``INLINE_OUTPUT_BYTES``: ``body`` is its JSON text, or None when the blob store has it;
    ``holder`` the id of the subtask, or task, that keeps it.
    """

    hash: str
    bytes: int
    body: str | None
    holder: str


class Request(Value, frozen=True):
    """A caller's idempotency key: the hash of what was sent with it, the task that it made, once it is stored, and
    what was answered: its subtasks, how many of them could start at once, and what was expected of it.
    """

    hash: str
    task_id: str
    stored: bool
    subtasks: int
    queued: int
    estimate: str | None = None


class Judged(Value, frozen=True):
    """A subtask with a ``run_if`` of its own and its dependencies as (id, key, status, optional)."""

    id: str
    spec: str
    dependencies: list[tuple[str, str, str, bool]]


class Dependant(Value, frozen=True):
    """A subtask that depends on another, as far as undoing a verdict needs it."""

    id: str
    key: str
    status: SubtaskStatus
    optional: bool
    reason: str


class Troubled(Value, frozen=True):
    """A subtask that ended without success, as far as the end of its task needs it."""

    id: str
    key: str
    status: SubtaskStatus
    critical: bool
    error: str | None


class Effort(Value, frozen=True):
    """What an attempt has taken in processes of its own, or saved by taking an output over; None: not known.

    ``memory_bytes`` is the most that any one of the processes held, ``cpu_seconds`` the processor time of all of them.
    ``saved_seconds`` and ``saved_cost`` (US dollars) are what making the output took, where the cache had it.
    """

    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    saved_seconds: float | None = None
    saved_cost: float | None = None


class Attempt(Value, frozen=True):
    """One execution of a subtask. ``token`` fences it; ``output`` is JSON text up to ``INLINE_OUTPUT_BYTES``.

    ``request`` is JSON text: what it was asked to do, where a rule has chosen its tool; "" where its type runs it.
    ``version`` is its tool's, ``cache_key`` the hash that its output may be found by again. ``consumed`` lists the ids
    of the subtasks whose outputs were in its input, a mapped one standing for its items; ``origin`` is the id of the
    subtask whose output it took over instead of making one. ``tainted``: what came of it holds something from outside
    that no person has looked at. ``agent_id`` is the agent in another process that it ran at.
    """

    token: int
    outcome: str
    ran_on: str
    started_at: int
    finished_at: int
    output: str | None
    output_hash: str | None
    output_bytes: int
    error: str | None
    version: str = ""
    cache_key: str = ""
    consumed: tuple[str, ...] = ()
    origin: str = ""
    effort: Effort = Effort()
    request: str = ""
    tainted: bool = False
    agent_id: str = ""


class Event(Value, frozen=True):
    """One transition. ``seq`` numbers the events of a task from 1 without gaps; ``key`` is "" for the task itself.

    ``event`` is its name in the table of moves, ``source`` the state before, ``detail`` who asked for it and why.
    """

    task_id: str
    seq: int
    at: int
    key: str
    status: str
    token: int
    event: str = ""
    source: str = ""
    detail: str = ""


class Pulse(Value, frozen=True):
    """What a heartbeat tells: the database's time in milliseconds, the engines that are gone and own open tasks, and
    the commands for this engine as (id, body), oldest first. ``keys`` is how often keys of the API were made or
    revoked; None where nobody else can.
    """

    now: int
    gone: list[str] = []
    commands: list[tuple[str, str]] = []
    keys: int | None = None


class Progress(Value, frozen=True):
    """The counts by status of a running task, and when its first subtask started."""

    task_id: str
    counts: dict[str, int]
    started_at: int | None


class Late(Value, frozen=True):
    """A task that takes longer than was foretold of it; its event gets ``number``."""

    task_id: str
    status: TaskStatus
    detail: str
    number: int


class Reported(Value, frozen=True):
    """A report of a task that runs, as JSON text in ``detail``; its event gets ``number``."""

    task_id: str
    status: TaskStatus
    detail: str
    number: int


class Finish(Value, frozen=True):
    """The end of a task: written once, guarded by its being open. ``detail`` says who ended it and why, or
    that it was early or late by what was foretold of it.
    """

    task_id: str
    status: TaskStatus
    at: int
    started_at: int | None
    counts: dict[str, int]
    last_event: int
    result: str | None
    result_hash: str | None
    error: str | None
    detail: str = ""
