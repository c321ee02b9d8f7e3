"""The graph port on Neo4j. What it shares with the embedded graph is in ``graph.reader`` and ``graph.writer``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import Fenced, GraphUnavailable
from engine.model import Dependant, Growth, Json, Judged, NewTask, OpenTask
from engine.queries.asking import Bounds, SavedQuery, Table
from engine.turn import Claim, TaskChanges, Turn, TurnResult
from graph import answers, archive, codec, history, provenance, reader, removal, turns, writer
from graph.answers import AnsweringReader
from graph.neo4j import archive as neo4j_archive
from graph.neo4j import fence, owners, schema
from graph.neo4j.archive import Neo4jArchive
from graph.neo4j.connection import Neo4jDatabase
from graph.neo4j.owners import OwningWriter
from graph.provenance import Lineage
from graph.saved import saved_queries

WHOLE = 1_000
"""A task up to this many subtasks and four times as many edges is written by one statement."""
NODE_BATCH = 2_000
EDGE_BATCH = 10_000
ITEM_BATCH = 1_000

STATEMENTS = (
    reader.STATEMENTS
    | answers.STATEMENTS
    | writer.STATEMENTS
    | removal.STATEMENTS
    | archive.STATEMENTS
    | neo4j_archive.STATEMENTS
    | provenance.STATEMENTS
    | schema.STATEMENTS
    | fence.STATEMENTS
    | owners.STATEMENTS
    | {
        "subtask/blockers",
        "subtask/cancel",
        "attempt/reuse",
        "event/put",
        "removal/condemn",
        "subtask/create",
        "subtask/dependants",
        "subtask/derive",
        "subtask/expand",
        "subtask/joins",
        "subtask/judged",
        "subtask/link",
        "subtask/unexpand",
        "task/create",
        "task/open",
        "task/store",
        "turn/read_back",
        "turn/turn",
    }
)


class Neo4jGraph(AnsweringReader, OwningWriter, Lineage, Neo4jArchive):
    """One namespace of a Neo4j database, as one engine sees it.

    Args:
        url: Bolt address.
        login: user and password.
        namespace: filters lists; on every node.
        start_timeout_seconds: how long ``open`` waits for an answer.
    """

    kind = "neo4j"
    unsafe_functions: frozenset[str] = frozenset()

    def __init__(self, url: str, login: tuple[str, str], namespace: str, start_timeout_seconds: float = 10.0) -> None:
        self.location = url
        self._neo4j = Neo4jDatabase(url, login, STATEMENTS)
        self._start_timeout = start_timeout_seconds
        self._planning: asyncio.Task[None] | None = None
        AnsweringReader.__init__(self, self._neo4j, "neo4j", namespace)
        OwningWriter.__init__(self, self._neo4j, namespace)

    async def open(self) -> None:
        """Connects and applies the schema once."""
        await self._neo4j.open(self._start_timeout)
        await schema.apply(self._neo4j)
        self._planning = asyncio.create_task(self._plan_ahead())

    async def _plan_ahead(self) -> None:
        """Lets a server that has just started plan the two large statements, some seconds of work, before the first
        task needs them. No engine has this name, so they change nothing.
        """
        turn = self.turn_params(Turn("", 0, [], [], [], {}, {}, [])) | {"engine": ""}
        store: dict[str, Any] = {"engine": "", "epoch": 0, "task": {}, "event": {}, "rows": {}}
        with contextlib.suppress(GraphUnavailable):
            await self._neo4j.write("turn/turn", **turn)
            await self._neo4j.write("task/store", **store)

    async def close(self) -> None:
        """Lets go of every connection."""
        if self._planning is not None:
            self._planning.cancel()
            await asyncio.wait({self._planning})
        await self._neo4j.close()

    def saved_queries(self) -> list[SavedQuery]:
        """Our own queries, by name."""
        return saved_queries("neo4j")

    async def ask(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query of a person's beside everything else; see ``Asker.ask``."""
        return await self._neo4j.ask(text, parameters, bounds)

    async def ping(self) -> None:
        """Raises ``GraphUnavailable`` when the database does not answer."""
        await self._neo4j.ping()

    async def store(self, task: NewTask) -> None:
        """Writes a whole task: all of it becomes visible at once, or nothing."""
        subtasks = [codec.subtask_row(subtask, task.id, self._namespace, task.created_at) for subtask in task.subtasks]
        edges = [list(edge) for edge in task.edges]
        row = codec.task_row(task, self._engine, self._namespace)
        event = history.created_event(task, self._namespace)
        keys = [codec.request_row(task, self._namespace)] if task.request_key else []
        if len(subtasks) <= WHOLE and len(edges) <= 4 * WHOLE and task.rerun_of is None:
            rows = {"subtasks": subtasks, "edges": edges, "keys": keys}
            if not await self._fenced_write("task/store", task=row, event=event, rows=rows):
                raise Fenced()
            return
        await self._neo4j.write("task/create", task=row, loader=self._engine, keys=keys)
        try:
            await self._load(task.id, subtasks, edges)
            await self._take_over(task)
            if not await self._fenced_write("task/open", id=task.id, event=event):
                raise Fenced()
        except GraphUnavailable:
            raise
        except BaseException:
            await self._remove(task.id)
            raise

    async def _load(self, task_id: str, subtasks: list[dict[str, object]], edges: list[list[str]]) -> None:
        for start in range(0, len(subtasks), NODE_BATCH):
            batch = subtasks[start : start + NODE_BATCH]
            await self._neo4j.write("subtask/create", task=task_id, subtasks=batch)
        for start in range(0, len(edges), EDGE_BATCH):
            await self._neo4j.write("subtask/link", edges=edges[start : start + EDGE_BATCH])

    async def _take_over(self, task: NewTask) -> None:
        """What a rerun has from its earlier task: outputs, and items that had grown."""
        grown = [[subtask.id, subtask.expanded_from] for subtask in task.subtasks if subtask.expanded_from]
        for start in range(0, len(grown), EDGE_BATCH):
            await self._neo4j.write("subtask/derive", rows=grown[start : start + EDGE_BATCH])
        reused = [
            {"id": subtask.id, "attempt": codec.reused_row(subtask, self._engine, self._namespace, task.created_at)}
            for subtask in task.subtasks
            if subtask.reused is not None
        ]
        for start in range(0, len(reused), NODE_BATCH):
            rows = await self._neo4j.write("attempt/reuse", rows=reused[start : start + NODE_BATCH])
            codec.refuse_lost(task, rows[0]["lost"])
        for event in history.reuse_events(task, self._namespace):
            await self._neo4j.write("event/put", event=event)

    async def turn(self, turn: Turn) -> TurnResult:
        """Settles, decides, unlocks, claims and records: one statement, one round trip."""
        rows = await self._fenced_write("turn/turn", **self.turn_params(turn))
        if not rows:
            raise Fenced()
        row = rows[0]
        return TurnResult(
            tasks=[
                history.task_changes(task_id, turn.sequences[task_id] + 1, texts) for task_id, texts in row["tasks"]
            ],
            claims=[turns.claim(claimed) for claimed in row["claims"]],
            undecided=turns.each_once(row["undecided"]),
            held=[(task_id, type_) for task_id, type_ in row["held"]],
        )

    def turn_params(self, turn: Turn) -> dict[str, Any]:
        """The parameters of the turn's statement (public for the benchmark of the raw statement)."""
        return {
            "engine": self._engine,
            "epoch": self._epoch,
            "turn": turn.id,
            "namespace": self._namespace,
            "now": turn.now,
            "reopen_most": max((row.count for row in turn.reopen), default=0),
            "claim_most": max((claim.count for claim in turn.claims), default=0),
            "rows": {
                "settle": turns.settle_rows(turn),
                "moves": turns.move_rows(turn),
                "reopen": [
                    {"prefix": f"{self._engine}|{row.type}|{row.task_id}|", "n": row.count} for row in turn.reopen
                ],
                "claims": [{"task": f"{claim.task_id}|", "n": claim.count} for claim in turn.claims],
                "type_free": turn.type_free,
                "events": turns.event_rows(turn),
            },
        }

    async def read_back(self, turn: Turn) -> TurnResult | None:
        """After an unclear outcome: what ``turn`` did, or None when it was not committed."""
        rows = await self._fenced_write("engine/last_turn")
        if not rows:
            raise Fenced()
        if rows[0]["turn"] != turn.id:
            return None
        keys = [history.event_key(task_id, last + 1) for task_id, last in turn.sequences.items()]
        found = await self._neo4j.read("turn/read_back", turn=turn.id, keys=keys)
        return TurnResult(
            tasks=[history.task_changes(row["task"], turn.sequences[row["task"]] + 1, row["changes"]) for row in found],
            claims=[turns.claim(claimed) for row in found for claimed in row["claims"]],
            undecided=[],
            held=[],
        )

    async def expand(self, parent: Claim, growth: Growth) -> int:
        """Adds what a subtask grows, in batches; its settlement lets it run."""
        joins = [row["id"] for row in await self._neo4j.read("subtask/joins", parent=parent.id)]
        place: dict[str, Any] = {"parent": parent.id, "token": parent.token}
        dropped = 0
        while parent.token > 1:
            gone = await self._fenced_write("subtask/unexpand", joins=joins, limit=ITEM_BATCH, **place)
            if not gone or not gone[0]["removed"]:
                break
            dropped += gone[0]["removed"]
        for children, edges in codec.growth_batches(growth, ITEM_BATCH):
            rows = [
                [
                    codec.subtask_row(child, parent.task_id, self._namespace, 0),
                    growth.roots is None or child.id in growth.roots,
                    growth.ends is None or child.id in growth.ends,
                ]
                for child in children
            ]
            created = await self._fenced_write(
                "subtask/expand", task=parent.task_id, children=rows, edges=edges, joins=joins, **place
            )
            if not created:
                raise Fenced()
        return dropped

    async def cancel(self, task_id: str, at: int, event: int, after: str, limit: int) -> tuple[TaskChanges, str | None]:
        """Cancels what waits among the next ``limit`` subtasks after an id."""
        rows = await self._fenced_write(
            "subtask/cancel",
            task=task_id,
            after=after or f"{task_id}.",
            limit=limit,
            at=at,
            namespace=self._namespace,
            event={"first": event, "key": history.event_key(task_id, event)},
        )
        if not rows:
            raise Fenced()
        return history.task_changes(task_id, event, rows[0]["changes"]), rows[0]["last"]

    async def recount(self, task_id: str) -> OpenTask:
        """Exact counts and the last event of one task, once everything sent so far has taken effect or never will."""
        if not await self._fenced_write("engine/last_turn"):
            raise Fenced()
        return await super().recount(task_id)

    async def judged(self, ids: Sequence[str]) -> list[Judged]:
        """What the verdict on subtasks with a ``run_if`` of their own needs."""
        rows = await self._neo4j.read("subtask/judged", ids=list(ids))
        return [Judged(row["id"], row["spec"], [tuple(found) for found in row["dependencies"]]) for row in rows]

    async def dependants(self, ids: Sequence[str]) -> list[Dependant]:
        """What depends directly on some subtasks."""
        return [codec.dependant(row) for row in await self._neo4j.read("subtask/dependants", ids=list(ids))]

    async def blockers(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """By subtask id: keys of some dependencies that ended without success."""
        rows = await self._neo4j.read("subtask/blockers", ids=list(ids))
        return {id_: [] for id_ in ids} | {row["id"]: row["keys"] for row in rows}

    async def forget(self, task_id: str) -> None:
        """Nothing to drop: on Neo4j the frontier is the database's."""
