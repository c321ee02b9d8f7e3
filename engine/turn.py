"""The values of one scheduler turn: what it asks of the graph, and what the graph says that it did."""

from __future__ import annotations

from engine.model import Effort, Event, Value
from engine.states import SubtaskStatus

NOTHING = "-"
"""The state before that a task's own event names: none."""


class Settle(Value, frozen=True):
    """What became of one attempt: the guarded move from ``processing`` to ``to``, and the attempt's record.

    ``output`` is JSON text when small; larger ones are in the Result named by ``output_hash`` already. ``wake_at``
    (milliseconds) ends a back-off. The counts are those to store with it, None to leave them. ``critical`` is not
    stored: it tells the scheduler whether a failure closes a task that fails fast. ``version``, ``cache_key``,
    ``consumed``, ``origin``, ``effort``, ``request``, ``tainted`` and ``agent_id`` are the attempt's.
    """

    id: str
    task_id: str
    key: str
    token: int
    event: str
    to: SubtaskStatus
    outcome: str
    started_at: int
    finished_at: int
    output: str | None = None
    output_hash: str | None = None
    output_bytes: int = 0
    error: str | None = None
    wake_at: int | None = None
    spent: int | None = None
    interrupted: int | None = None
    fell_back: bool | None = None
    reason: str = ""
    critical: bool = True
    category: str | None = None
    version: str = ""
    cache_key: str = ""
    consumed: tuple[str, ...] = ()
    origin: str = ""
    effort: Effort | None = None
    request: str = ""
    tainted: bool = False
    agent_id: str = ""


class Move(Value, frozen=True):
    """A guarded move of a subtask that is not running: from ``source`` to ``to``.

    ``settled`` asks in addition that all its dependencies are settled. ``optional`` is the subtask's own: one that is
    skipped counts as a success. ``error`` is JSON text, None to remove it; ``detail`` goes into the event.
    """

    id: str
    task_id: str
    key: str
    event: str
    source: SubtaskStatus
    to: SubtaskStatus
    settled: bool = False
    optional: bool = False
    error: str | None = None
    detail: str = ""
    reason: str = ""
    fresh: int | None = None
    """The token after which its attempts and its time count anew; its fallback is unused again."""
    critical: bool = True


class Undecided(Value, frozen=True):
    """A pending subtask whose dependencies are all settled: ``bad`` of them without success, ``skips`` of those
    skipped. ``judged`` says that only its ``run_if`` can tell.
    """

    task_id: str
    id: str
    key: str
    bad: int
    skips: int
    judged: bool
    optional: bool
    critical: bool


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
    moves: list[Move]
    claims: list[ClaimRequest]
    sequences: dict[str, int]
    type_free: dict[str, int]
    reopen: list[Reopen]


class Claim(Value, frozen=True):
    """A subtask that this engine may run now, with its fencing token and what earlier attempts have used up.

    ``expected`` is how long it is expected to take, in seconds; None where nothing is expected.
    """

    id: str
    task_id: str
    key: str
    type: str
    spec: str
    token: int
    queued_at: int
    spent: int = 0
    interrupted: int = 0
    fell_back: bool = False
    reason: str = ""
    expected: float | None = None


class Change(Value, frozen=True):
    """One transition as the turn recorded it."""

    id: str
    key: str
    event: str
    source: str
    status: str
    token: int = 0
    detail: str = ""


class TaskChanges(Value, frozen=True):
    """What a turn changed in one task, in order; the first change has event number ``first``."""

    task_id: str
    first: int
    changes: list[Change]


class TurnResult(Value, frozen=True):
    """What really happened. ``undecided``: subtasks whose dependencies are all settled and which the counters alone
    do not make ready. ``held``: (task id, type) of ready subtasks that met a closed limit.
    """

    tasks: list[TaskChanges]
    claims: list[Claim]
    undecided: list[Undecided]
    held: list[tuple[str, str]]


def event_of(task_id: str, number: int, at: int, change: Change) -> Event:
    """One change as a numbered event."""
    source = "" if change.source == NOTHING else change.source
    return Event(task_id, number, at, change.key, change.status, change.token, change.event, source, change.detail)
