"""Both graphs for tests, and a hand that drives one turn by turn, as the scheduler would.

Every test that takes one of these fixtures ends with a look at all invariants: what a test leaves behind must be
sound, whatever it was about.
"""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import ToolError
from engine.model import Finish, Json, NewTask
from engine.payloads import error_text, pack
from engine.ports import Graph
from engine.states import SubtaskStatus, TaskStatus
from engine.turn import Claim, ClaimRequest, Move, Reopen, Settle, Turn, TurnResult, Undecided
from graph.ladybug.store import FILE, LadybugGraph
from graph.neo4j.store import Neo4jGraph
from tests.support.plans import Body, fresh_id, new_task
from tests.support.services import Neo4jService

KINDS = ("embedded", "neo4j")
BUFFER_MB = 128
"""Page cache of an embedded graph in tests: the least that the settings allow."""
EVERYTHING = 1_000_000


def neo4j_graph(server: Neo4jService, namespace: str, url: str = "") -> Neo4jGraph:
    """A namespace of the run's Neo4j, not opened yet; ``url`` goes through something in between."""
    return Neo4jGraph(url or server.url, (server.user, server.password), namespace)


def embedded_graph(folder: Path, namespace: str, template: Path) -> LadybugGraph:
    """An embedded graph in ``folder``, not opened yet; a new one starts as a copy of ``template``."""
    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(template / FILE, folder / FILE)
    return LadybugGraph(folder, namespace, BUFFER_MB)


def make_template(folder: Path) -> Path:
    """An empty embedded graph with its tables: copying it is ten times as fast as making them."""

    async def make() -> None:
        graph = LadybugGraph(folder, "template", BUFFER_MB)
        await graph.open()
        await graph.close()

    asyncio.run(make())
    return folder


async def execute(graph: Graph, text: str, **params: Json) -> list[dict[str, Any]]:
    """Runs a statement of the test's own beside the port: to look at the graph, or to plant a breach."""
    if isinstance(graph, Neo4jGraph):
        return [dict(row) for row in await graph._neo4j._run("WRITE", text, params)]
    assert isinstance(graph, LadybugGraph)
    return await graph._ladybug.transaction(lambda session: session.run_text(text, params))


async def breaches(graph: Graph) -> dict[str, list[Json]]:
    """What breaks an invariant, by its name; empty when all is well."""
    return {name: rows for name, rows in (await graph.invariants()).items() if rows}


@dataclass
class Hand:
    """One registered engine, driven by hand. ``numbers`` holds the last event number of each task."""

    graph: Graph
    namespace: str
    engine: str = field(default_factory=fresh_id)
    numbers: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    planted: set[str] = field(default_factory=set)
    """Invariants that the test has broken on purpose."""
    now: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    async def store(self, body: Body, expected: float | None = None) -> NewTask:
        """Stores a plan and returns it as it was stored; ``expected`` are the seconds of each subtask."""
        task = new_task(body, self.now)
        task = msgspec.structs.replace(
            task, subtasks=[msgspec.structs.replace(one, expected=expected) for one in task.subtasks]
        )
        await self.graph.store(task)
        self.numbers[task.id] = 1
        self.keys |= {subtask.id: subtask.key for subtask in task.subtasks}
        return task

    async def turn(
        self,
        *settle: Settle,
        claim: Mapping[str, int] | None = None,
        moves: Iterable[Move] = (),
        type_free: dict[str, int] | None = None,
        reopen: Iterable[Reopen] = (),
    ) -> TurnResult:
        """Sends one turn and takes over its event numbers; ``claim`` says how many of which task."""
        turn = self.made(*settle, claim=claim, moves=moves, type_free=type_free, reopen=reopen)
        return self.took(await self.graph.turn(turn))

    def made(
        self,
        *settle: Settle,
        claim: Mapping[str, int] | None = None,
        moves: Iterable[Move] = (),
        type_free: dict[str, int] | None = None,
        reopen: Iterable[Reopen] = (),
    ) -> Turn:
        """The turn that ``turn`` would send."""
        self.now += 1
        return Turn(
            id=uuid.uuid4().hex,
            now=self.now,
            settle=sorted(settle, key=lambda row: row.id),
            moves=sorted(map(self._keyed, moves), key=lambda row: row.id),
            claims=[ClaimRequest(task_id, count) for task_id, count in (claim or {}).items()],
            sequences=dict(self.numbers),
            type_free=type_free or {},
            reopen=list(reopen),
        )

    def _keyed(self, move: Move) -> Move:
        return msgspec.structs.replace(move, key=move.key or self.keys.get(move.id, "nobody"))

    def took(self, result: TurnResult) -> TurnResult:
        """Checks that the answer numbers its events from where they ended, and remembers where they end now."""
        for changes in result.tasks:
            assert changes.first == self.numbers[changes.task_id] + 1
            self.numbers[changes.task_id] += len(changes.changes)
        return result

    async def claimed(self, task: NewTask, count: int = EVERYTHING) -> dict[str, Claim]:
        """Claims up to ``count`` of the task's ready subtasks; by key."""
        result = await self.turn(claim={task.id: count})
        return {claim.key: claim for claim in result.claims}

    async def run_through(self, task: NewTask) -> int:
        """Runs a task until nothing of it can be claimed; returns how many attempts that took."""
        result, attempts = await self.turn(claim={task.id: EVERYTHING}), 0
        while result.claims:
            attempts += len(result.claims)
            result = await self.turn(*map(self.done, result.claims), claim={task.id: EVERYTHING})
        return attempts

    def done(self, claim: Claim, output: Json = None) -> Settle:
        """The attempt completed with ``output``; a larger one's Result must have been put before."""
        packed = pack(output)
        return Settle(
            claim.id,
            claim.task_id,
            claim.key,
            claim.token,
            "succeed",
            SubtaskStatus.COMPLETED,
            "completed",
            self.now,
            self.now,
            packed.inline,
            packed.digest,
            packed.size,
        )

    def failed(self, claim: Claim, message: str = "it broke") -> Settle:
        """The attempt failed for good."""
        text = error_text(ToolError(message), claim.token)
        return self._ended(claim, "fail", SubtaskStatus.FAILED, "failed", text)

    def cancelled(self, claim: Claim) -> Settle:
        """The attempt was stopped because its task is cancelled."""
        return self._ended(claim, "cancel", SubtaskStatus.CANCELLED, "cancelled")

    def put_back(self, claim: Claim) -> Settle:
        """The attempt was interrupted; the subtask is ready again."""
        return self._ended(claim, "requeue", SubtaskStatus.READY, "interrupted")

    def retrying(self, claim: Claim, wake_at: int, spent: int = 1) -> Settle:
        """The attempt failed and is to be repeated."""
        text = error_text(ToolError("it broke"), claim.token)
        row = self._ended(claim, "retry_later", SubtaskStatus.RETRYING, "failed", text)
        return msgspec.structs.replace(row, wake_at=wake_at, spent=spent)

    def _ended(self, claim: Claim, event: str, to: SubtaskStatus, outcome: str, error: str | None = None) -> Settle:
        place = (claim.id, claim.task_id, claim.key, claim.token, event)
        return Settle(*place, to, outcome, self.now, self.now, error=error)

    async def statuses(self, task: NewTask) -> dict[str, str]:
        """Every subtask's status by key."""
        rows = await self.graph.subtasks(task.id, status=None, after="", limit=EVERYTHING)
        return {row.key: row.status.value for row in rows}

    async def story(self, task: NewTask) -> list[str]:
        """The events of the task, each as "number key status token"; the task itself is called "-"."""
        events = await self.graph.events(task.id, 0, EVERYTHING)
        return [
            f"{event.seq} {event.key or '-'} {event.event if event.seq == 1 else event.status} {event.token}"
            for event in events
        ]

    async def discard(self, task: NewTask) -> None:
        """Cancels a task of one subtask that has not begun, and removes it with all that belongs to it."""
        number = self.numbers[task.id] + 1
        await self.graph.cancel(task.id, self.now, number, "", 10)
        end = Finish(task.id, TaskStatus.CANCELLED, self.now, 1, {"cancelled": 1}, number + 1, None, None, None)
        await self.graph.finish([end])
        assert await self.graph.begin_removal(task.id)
        while await self.graph.remove_some(task.id, 10):
            pass
        await self.graph.end_removal(task.id)

    async def fence(self) -> None:
        """Takes this engine's tasks over, as another engine would: its epoch is not the newest any more."""
        await execute(self.graph, "MATCH (e:Engine) WHERE e.id = $id SET e.epoch = e.epoch + 1", id=self.engine)


@asynccontextmanager
async def in_hand(graph: Graph, namespace: str) -> AsyncIterator[Hand]:
    """Opens and registers; at the end checks every invariant and closes."""
    hand = Hand(graph, namespace)
    await graph.open()
    try:
        await graph.register(hand.engine, hand.now)
        yield hand
        assert set(await breaches(hand.graph)) == hand.planted
    finally:
        await hand.graph.close()


def renamed(claim: Claim, **fields: Json) -> Claim:
    """The claim with some fields changed."""
    return msgspec.structs.replace(claim, **fields)


def verdict(id_: str, task_id: str, to: SubtaskStatus, error: str | None = None) -> Move:
    """The verdict on a subtask whose dependencies are all settled."""
    return Move(id_, task_id, "", "dependencies_settled", SubtaskStatus.PENDING, to, settled=True, error=error)


def names(undecided: Iterable[Undecided]) -> list[tuple[str, str]]:
    """(task id, id) of subtasks without a verdict."""
    return [(subtask.task_id, subtask.id) for subtask in undecided]
