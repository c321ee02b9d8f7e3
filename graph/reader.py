"""The reads of ``engine.ports.GraphReader``, once for both dialects: one method, one statement."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import Attempt, Event, Glance, Json, Produced, Request, Standing, Subtask, Task, Troubled
from graph import catalog, codec, history
from graph.database import Database, Row
from graph.repair import Repairer

NO_BOUND = "~"
"""Sorts after every id."""

STATEMENTS = frozenset(
    {
        "attempt/latest",
        "attempt/list",
        "event/last",
        "event/lasts",
        "event/list",
        "request/get",
        "result/blobs",
        "result/get",
        "schema/size",
        "subtask/dependencies",
        "subtask/edges",
        "subtask/get",
        "subtask/item_outputs",
        "subtask/leaves",
        "subtask/list",
        "subtask/nodes",
        "subtask/standings",
        "subtask/outputs",
        "subtask/troubled",
        "task/changed",
        "task/get",
        "task/horizon",
        "task/list",
    }
)


class Reader(Repairer):
    """Reads of one namespace. Statements that take a task's id trust the caller to have looked the task up."""

    def __init__(self, database: Database, dialect: str, namespace: str) -> None:
        self._database = database
        self._dialect = dialect
        self._namespace = namespace

    async def task(self, task_id: str) -> Task | None:
        """One task."""
        rows = await self._database.read("task/get", id=task_id, namespace=self._namespace)
        return codec.task(rows[0]["t"]) if rows else None

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
        """Tasks with an id from ``first`` on and below ``before``, newest first."""
        rows = await self._database.read(
            "task/list",
            namespace=self._namespace,
            first=first,
            before=before or NO_BOUND,
            status=status or "",
            type=type or "",
            tag=tag or "",
            user_id=user_id or "",
            search=search,
            limit=limit,
        )
        return [codec.task(row["t"]) for row in rows]

    async def horizon(self, *, first: str, before: str, most: int) -> str | None:
        """The id of the oldest of the newest ``most`` tasks in that range; None where there are fewer."""
        rows = await self._database.read(
            "task/horizon", namespace=self._namespace, first=first, before=before or NO_BOUND, skip=most - 1
        )
        return rows[0]["id"] if rows else None

    async def changed(self, since: int, after: str, limit: int) -> list[Glance]:
        """Tasks that have changed since a moment, the earliest first; those of the moment itself above an id."""
        rows = await self._database.read(
            "task/changed", namespace=self._namespace, since=since, after=after, limit=limit
        )
        return [codec.glance(row) for row in rows]

    async def subtasks(self, task_id: str, *, status: str | None, after: str, limit: int) -> list[Subtask]:
        """Subtasks with an id above ``after``, in plan order."""
        rows = await self._database.read("subtask/list", task=task_id, after=after, status=status or "", limit=limit)
        nodes = [row["s"] for row in rows]
        latest = await self._latest(nodes)
        return [codec.subtask(node, latest.get(node["id"])) for node in nodes]

    async def subtask(self, task_id: str, key: str) -> tuple[Subtask, list[Attempt], list[str]] | None:
        """One subtask, its attempts, and the keys it depends on."""
        rows = await self._database.read("subtask/get", task=task_id, key=key)
        if not rows:
            return None
        node = rows[0]["s"]
        attempts = [row["a"] for row in await self._database.read("attempt/list", id=node["id"])]
        dependencies = await self._database.read("subtask/dependencies", id=node["id"])
        return (
            codec.subtask(node, attempts[-1] if attempts else None),
            [codec.attempt(attempt) for attempt in attempts],
            [row["key"] for row in dependencies],
        )

    async def request(self, key: str) -> Request | None:
        """The task that a caller's idempotency key has made."""
        rows = await self._database.read("request/get", key=codec.request_key(self._namespace, key))
        return Request(**rows[0]) if rows else None

    async def edges(self, task_id: str) -> list[tuple[str, str]]:
        """(dependant key, dependency key) of a task."""
        rows = await self._database.read("subtask/edges", task=task_id)
        return [(row["dependant"], row["dependency"]) for row in rows]

    async def nodes(self, task_id: str) -> list[Json]:
        """What drawing a task needs of each subtask, in plan order."""
        return [dict(row) for row in await self._database.read("subtask/nodes", task=task_id)]

    async def standings(self, task_id: str) -> list[Standing]:
        """Where each subtask stands, in plan order."""
        rows = await self._database.read("subtask/standings", task=task_id)
        return [codec.standing(row) for row in rows]

    async def leaves(self, task_id: str, limit: int) -> list[tuple[str, str]]:
        """(id, key) of subtasks on which nothing depends, in plan order."""
        rows = await self._database.read("subtask/leaves", task=task_id, limit=limit)
        return [(row["id"], row["key"]) for row in rows]

    async def troubled(self, task_id: str, limit: int) -> list[Troubled]:
        """Subtasks without success: critical first, then failed first, in plan order."""
        rows = await self._database.read("subtask/troubled", task=task_id, limit=limit)
        latest = await self._latest(rows)
        return [codec.troubled(row, latest.get(row["id"])) for row in rows]

    async def last_event(self, task_id: str) -> int:
        """The number of a task's last event, 0 when there is none."""
        rows = await self._database.read("event/last", task=task_id)
        return (rows[0]["last"] or 0) if rows else 0

    async def last_events(self, ids: Sequence[str]) -> dict[str, int]:
        """The same of several tasks, by id."""
        rows = await self._database.read("event/lasts", tasks=list(ids)) if ids else []
        return {row["task"]: row["last"] for row in rows}

    async def events(self, task_id: str, after: int, limit: int) -> list[Event]:
        """Events numbered above ``after``, in order."""
        rows = await self._database.read("event/list", task=task_id, after=after, limit=limit)
        return [event for row in rows for event in history.events(task_id, row, after)][:limit]

    async def outputs(self, ids: Sequence[str]) -> list[Produced]:
        """What these subtasks produced."""
        return await self._produced(await self._database.read("subtask/outputs", ids=list(ids)))

    async def item_outputs(self, parent_id: str) -> list[Produced]:
        """What the items of a mapped subtask produced, in item order."""
        return await self._produced(await self._database.read("subtask/item_outputs", parent=parent_id))

    async def result_bodies(self, digests: Sequence[str]) -> dict[str, str | None]:
        """The JSON texts of Results by hash; None where the blob store has it."""
        if not digests:
            return {}
        rows = await self._database.read("result/get", hashes=list(digests))
        return {row["hash"]: row["body"] for row in rows}

    async def _produced(self, rows: list[Row]) -> list[Produced]:
        latest = await self._latest(rows)
        return [codec.produced(row, latest.get(row["id"])) for row in rows]

    async def _latest(self, nodes: Sequence[Row]) -> dict[str, Row]:
        """The attempt with the current token of each subtask that has one, by the subtask's id."""
        rows = [
            {"id": node["id"], "token": node["token"], "attempt": codec.attempt_id(node["id"], node["token"])}
            for node in nodes
            if node["token"]
        ]
        if not rows:
            return {}
        return {row["id"]: row["a"] for row in await self._database.read("attempt/latest", rows=rows)}

    async def invariants(self) -> dict[str, list[Json]]:
        """Runs every invariant; by its name, what breaks the rule."""
        found: dict[str, list[Json]] = {}
        for statement in catalog.folder(self._dialect, "invariant"):
            rows = await self._database.read(statement.name, namespace=self._namespace)
            found[statement.name.removeprefix("invariant/")] = [dict(row) for row in rows]
        return found

    async def blob_results(self, after: str, limit: int) -> list[str]:
        """Hashes above ``after`` of Results whose text is in the blob store, in order."""
        rows = await self._database.read("result/blobs", namespace=self._namespace, after=after, limit=limit)
        return [row["hash"] for row in rows]

    async def sizes(self) -> dict[str, int]:
        """Nodes by label and edges by type in this namespace."""
        rows = await self._database.read("schema/size", namespace=self._namespace)
        return {row["name"]: row["number"] for row in rows if row["number"]}
