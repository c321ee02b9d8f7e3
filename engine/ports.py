"""What the engine needs from outside, as Protocols. Implementations live in ``graph/`` and ``engine/adapters/``.

Two graphs implement ``Graph``: Neo4j and the embedded one. One contract suite runs on both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from engine.agentstore import AgentStore
from engine.approvalstore import ApprovalStore
from engine.archivestore import ArchiveStore
from engine.breakerstore import BreakerStore
from engine.cachestore import CacheStore
from engine.callbackstore import CallbackStore
from engine.estimates.experience import Experience
from engine.keys.store import KeyStore
from engine.lineage import Provenance
from engine.logstore import LogStore
from engine.lookups import AnswerReader
from engine.model import (
    Attempt,
    Dependant,
    Event,
    Finish,
    Glance,
    Growth,
    Json,
    Judged,
    Late,
    NewResult,
    NewTask,
    OpenTask,
    Pause,
    Produced,
    Progress,
    Rank,
    Reported,
    Request,
    Standing,
    Subtask,
    Task,
    Troubled,
)
from engine.ownerstore import OwnerStore
from engine.passagestore import PassageStore
from engine.planstore import PlanMemory
from engine.queries.asking import Asker
from engine.remotestore import RemoteStore
from engine.states import TaskStatus
from engine.turn import Claim, TaskChanges, Turn, TurnResult, Undecided


class Clock(Protocol):
    """Time, so that tests can drive it by hand."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC, corrected to the graph database's clock."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        """Calls back on the event loop after so many monotonic seconds."""


class Alarm(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """It will not come."""


class GraphWriter(OwnerStore, Protocol):
    """The writes of an engine. Each is fenced by the engine's epoch and raises ``Fenced`` when that is stale.

    All raise ``GraphUnavailable`` when the database does not answer; whether the write happened is then unknown.
    """

    async def store(self, task: NewTask) -> None:
        """Writes a whole task: all of it becomes visible at once, or nothing. Large ones are written in batches.

        Raises ``AlreadyStored`` when its id or its request key is taken.
        """

    async def discard_leftovers(self, keep: Collection[str] = ()) -> int:
        """Removes what this engine's unfinished ``store`` calls left behind, but for the tasks in ``keep``; returns how
        many tasks.
        """

    async def turn(self, turn: Turn) -> TurnResult:
        """Settles, moves, unlocks, claims and records, in one transaction."""

    async def read_back(self, turn: Turn) -> TurnResult | None:
        """After an unclear outcome: what ``turn`` did, or None when it was not committed."""

    async def put_results(self, results: Sequence[NewResult]) -> None:
        """Stores Results and who keeps them, in one transaction; existing ones stay as they are."""

    async def expand(self, parent: Claim, growth: Growth) -> int:
        """Adds what a subtask has grown that is still processing: its roots depend on it, and whatever else depends on
        it on its ends, unless that follows the items one by one. A new attempt replaces what an earlier one had added;
        returns how many of those were removed.
        """

    async def progress(self, rows: Sequence[Progress], at: int) -> None:
        """Writes the counts by status of running tasks; one that was pending is processing from here on."""

    async def reorder(self, ranks: Sequence[Rank]) -> int:
        """Gives waiting subtasks another place in the order of their task; returns how many there were: one that runs
        or has ended meanwhile is left alone.
        """

    async def late(self, rows: Sequence[Late], at: int) -> list[str]:
        """Says of open tasks that they take longer than was foretold, in an event of each; returns the ids of those of
        which it was not told before.
        """

    async def report(self, row: Reported, at: int) -> bool:
        """Writes a report of an open task as an event of it; False when the task is not open."""

    async def finish(self, ends: Sequence[Finish]) -> list[str]:
        """Ends open tasks; returns the ids that really ended here."""

    async def close_gate(self, task_id: str, gate: str, detail: str, at: int) -> bool:
        """Marks an open task ("cancelling", "failing", "expired"): nothing of it is claimed from here on, also after a
        restart. False when it is not open or its gate is closed already.
        """

    async def pause(self, task_id: str, pause: Pause, at: int, number: int) -> bool:
        """Lets an open task stand still, also after a restart; its event gets ``number``. False when it did before."""

    async def resume(self, task_id: str, status: TaskStatus, by: str, at: int, number: int) -> bool:
        """Lets a task that stands still go on; its event gets ``number``. False when it does not stand still."""

    async def cancel(self, task_id: str, at: int, event: int, after: str, limit: int) -> tuple[TaskChanges, str | None]:
        """Cancels what waits among the next ``limit`` subtasks with an id above ``after``; the first change gets the
        number ``event``. Returns the changes and where to go on, None at the end.
        """

    async def enter_blobs(self, id_: str) -> str:
        """Enters the blob store of this namespace, unless one is entered; returns the id of the one that is."""

    async def recount(self, task_id: str) -> OpenTask:
        """The same for one task, after an unclear outcome."""

    async def processing(self, task_id: str) -> list[Subtask]:
        """The subtasks of a task that are marked as processing."""

    async def undecided(self, task_id: str) -> list[Undecided]:
        """Pending subtasks without unmet dependencies: what a crash left between two turns."""

    async def waiting(self, task_id: str) -> list[tuple[Subtask, int | None]]:
        """Subtasks that a timer belongs to (back-off, limited time), and when the first attempt of each started."""

    async def tainted(self, task_id: str) -> list[str]:
        """The ids of the subtasks of a task whose current attempt is tainted: what came of it came from outside."""

    async def release_holds(self, task_id: str) -> int:
        """Makes the held ready subtasks of a task claimable again; returns how many."""

    async def begin_removal(self, task_id: str) -> bool:
        """Marks a final task as being removed: from here on nobody sees it, and its request key is free. False when
        there is no such final task.
        """

    async def removals(self) -> list[str]:
        """The tasks whose removal has begun and not ended."""

    async def remove_some(self, task_id: str, limit: int) -> int:
        """Removes up to ``limit`` subtasks with their attempts, or events; returns how many, 0 when none is left."""

    async def condemn(self, task_id: str, limit: int) -> int:
        """Then lets go of up to ``limit`` Results and removes those that nobody else keeps; returns how many it let go
        of. The task remembers those that are blobs.
        """

    async def condemned(self, task_id: str) -> list[str]:
        """The blobs that a task remembers; they are the caller's to remove."""

    async def acquit(self, task_id: str) -> None:
        """The blobs of ``condemned`` are gone, or wanted again."""

    async def end_removal(self, task_id: str) -> bool:
        """Removes the task itself; False, and nothing is removed, while it remembers blobs."""

    async def final_before(self, moment: int, limit: int) -> list[str]:
        """Up to ``limit`` final tasks that ended before a moment (milliseconds), oldest first."""

    async def forget(self, task_id: str) -> None:
        """Drops what the graph keeps in memory about a task that has ended."""


class GraphReader(Protocol):
    """The reads of the API and of the engine's start. All see only their namespace and only stored tasks."""

    async def task(self, task_id: str) -> Task | None:
        """One task."""

    async def tasks(
        self,
        *,
        status: str | None = None,
        type: str | None = None,
        tag: str | None = None,
        user_id: str | None = None,
        search: str = "",
        first: str = "",
        before: str = "",
        limit: int,
    ) -> list[Task]:
        """Tasks with an id from ``first`` on and below ``before`` ("" for no bound), newest first; ``search`` is in
        their name or description, whatever the case, or begins their id.
        """

    async def horizon(self, *, first: str, before: str, most: int) -> str | None:
        """The id of the oldest of the newest ``most`` tasks in that range; None where there are fewer."""

    async def changed(self, since: int, after: str, limit: int) -> list[Glance]:
        """Tasks that have changed since a moment, the earliest first; those of the moment itself above an id."""

    async def subtasks(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """Subtasks with an id above ``after``, in plan order."""

    async def subtask(self, task_id: str, key: str) -> tuple[Subtask, list[Attempt], list[str]] | None:
        """One subtask, its attempts, and the keys it depends on."""

    async def edges(self, task_id: str) -> list[tuple[str, str]]:
        """(dependant key, dependency key) of a task."""

    async def last_event(self, task_id: str) -> int:
        """The number of its last event, 0 when there is none."""

    async def last_events(self, ids: Sequence[str]) -> dict[str, int]:
        """The same of several tasks, by id."""

    async def events(self, task_id: str, after: int, limit: int) -> list[Event]:
        """Events numbered above ``after``, in order."""

    async def nodes(self, task_id: str) -> list[Json]:
        """``{id, key, type, status, generation, rank, priority, started_at, completed_at, expected}`` of every
        subtask, in plan order.
        """

    async def standings(self, task_id: str) -> list[Standing]:
        """Where each subtask stands, in plan order."""

    async def leaves(self, task_id: str, limit: int) -> list[tuple[str, str]]:
        """(id, key) of up to ``limit`` subtasks on which nothing depends, in plan order."""

    async def troubled(self, task_id: str, limit: int) -> list[Troubled]:
        """Up to ``limit`` failed, blocked or quarantined subtasks: critical first, then failed first, in plan order."""

    async def judged(self, ids: Sequence[str]) -> list[Judged]:
        """What the verdict on subtasks with a ``run_if`` of their own needs."""

    async def dependants(self, ids: Sequence[str]) -> list[Dependant]:
        """What depends directly on some subtasks of one task."""

    async def request(self, key: str) -> Request | None:
        """The task that a caller's idempotency key has made."""

    async def blockers(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """By subtask id: keys of some dependencies that ended without success; every given id has an entry."""

    async def outputs(self, ids: Sequence[str]) -> list[Produced]:
        """What these subtasks produced, in no promised order."""

    async def item_outputs(self, parent_id: str) -> list[Produced]:
        """What the items of a mapped subtask produced, in item order."""

    async def result_bodies(self, digests: Sequence[str]) -> dict[str, str | None]:
        """The JSON texts of Results by hash; None where the blob store has it."""

    async def invariants(self) -> dict[str, list[Json]]:
        """Runs every statement of ``cypher/invariant``; by its name, what breaks the rule (empty when all is well)."""

    async def repair(self) -> dict[str, int]:
        """Repairs what breaks an invariant, where it is certain what is right; by its name, how much that was. Nobody
        else may work on the namespace meanwhile.
        """

    async def blob_results(self, after: str, limit: int) -> list[str]:
        """Hashes above ``after`` of Results whose text is in the blob store, in order."""

    async def sizes(self) -> dict[str, int]:
        """Nodes by label and edges by type in this namespace."""


class Graph(
    GraphWriter,
    GraphReader,
    AnswerReader,
    PlanMemory,
    Experience,
    BreakerStore,
    CacheStore,
    CallbackStore,
    ApprovalStore,
    ArchiveStore,
    LogStore,
    PassageStore,
    KeyStore,
    AgentStore,
    RemoteStore,
    Provenance,
    Asker,
    Protocol,
):
    """A graph database as the engine sees it."""

    kind: str
    """"neo4j" or "embedded"."""
    location: str
    """Address or folder, for people."""

    async def open(self) -> None:
        """Connects, and applies the schema once; raises ``GraphUnavailable``, ``GraphLocked`` or ``GraphRefused``."""

    async def close(self) -> None:
        """Lets go of every connection."""

    async def ping(self) -> None:
        """Raises ``GraphUnavailable`` when the database does not answer."""


class Blobs(Protocol):
    """Payloads by content hash."""

    async def identity(self) -> str:
        """The id of this store, made when it is first asked for: all engines of a namespace must share one store."""

    async def put(self, digest: str, data: bytes) -> None:
        """Stores ``data`` durably under its hash; storing it again is no fault."""

    async def get(self, digest: str) -> bytes:
        """The stored bytes; raises ``KeyError`` when there are none."""

    async def has(self, digest: str) -> bool:
        """Whether there is such a payload; it is not read."""

    async def renew(self, digest: str) -> bool:
        """As if the payload were put again; False when there is none, or it is damaged."""

    async def remove(self, digest: str, before: int) -> bool:
        """Removes the payload unless it was put again at or after ``before`` (milliseconds by this store's clock);
        returns whether there is none now.
        """


class Health(Protocol):
    """A back end that the engine can do without, and says how it is."""

    async def open(self) -> None:
        """Connects."""

    async def close(self) -> None:
        """Lets go of the connections."""

    async def health(self) -> Mapping[str, Json]:
        """How it is: at least ``ok``. Never raises."""
