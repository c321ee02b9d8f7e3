"""The reads of ``engine.lookups.AnswerReader``, as far as both dialects share them: one method, one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.lookups import Below, Sign, Timing
from engine.model import Event, Subtask
from graph import codec, history
from graph.database import Row
from graph.reader import Reader

STATEMENTS = frozenset(
    {
        "attempt/outcomes",
        "engine/sign",
        "event/at",
        "event/own",
        "event/reports",
        "subtask/ahead",
        "subtask/awaited_last",
        "subtask/below",
        "subtask/followed_last",
        "subtask/needed",
        "subtask/timings",
        "subtask/urgent",
    }
)

LAST = 2**53
"""Above the number of every event."""


class AnsweringReader(Reader):
    """Reads for answers, on either graph. The walks along edges are here as Neo4j makes them, many at a time."""

    async def find(self, task_id: str, key: str) -> Subtask | None:
        """One subtask."""
        rows = await self._database.read("subtask/get", task=task_id, key=key)
        nodes = [row["s"] for row in rows]
        latest = await self._latest(nodes)
        return codec.subtask(nodes[0], latest.get(nodes[0]["id"])) if nodes else None

    async def needed(self, ids: Sequence[str], limit: int) -> dict[str, list[Subtask]]:
        """By subtask id up to ``limit`` of its dependencies that did not complete."""
        return await self._needed(ids, await self._database.read("subtask/needed", ids=list(ids), limit=limit))

    async def _needed(self, ids: Sequence[str], rows: Sequence[Row]) -> dict[str, list[Subtask]]:
        nodes: Mapping[str, Row] = {row["d"]["id"]: row["d"] for row in rows}
        latest = await self._latest(list(nodes.values()))
        known = {id_: codec.subtask(node, latest.get(id_)) for id_, node in nodes.items()}
        found: dict[str, list[Subtask]] = {id_: [] for id_ in ids}
        for row in rows:
            found[row["id"]].append(known[row["d"]["id"]])
        return found

    async def below(self, ids: Sequence[str], limit: int) -> list[Below]:
        """Up to ``limit`` subtasks that depend directly on some and did not complete."""
        rows = await self._database.read("subtask/below", ids=list(ids), limit=limit)
        return [Below(row["id"], row["key"], row["status"]) for row in rows]

    async def urgent(self, task_id: str, status: str, limit: int) -> list[Subtask]:
        """Up to ``limit`` subtasks of a task in a status, the most urgent first."""
        rows = await self._database.read("subtask/urgent", task=task_id, status=status, limit=limit)
        nodes = [row["s"] for row in rows]
        latest = await self._latest(nodes)
        return [codec.subtask(node, latest.get(node["id"])) for node in nodes]

    async def ahead(self, subtask: Subtask) -> int:
        """How many ready subtasks of the same task go before a ready one."""
        order = f"{subtask.task_id}|{subtask.order_key}"
        rows = await self._database.read("subtask/ahead", task=subtask.task_id, before=order)
        return int(rows[0]["number"])

    async def events_at(self, task_id: str, at: int) -> list[Event]:
        """The events of a task that bear exactly that time."""
        rows = await self._database.read("event/at", task=task_id, at=at)
        return [event for row in rows for event in history.events(task_id, row, 0)]

    async def sign(self, engine_id: str) -> Sign | None:
        """The last sign of life of an engine."""
        rows = await self._database.read("engine/sign", id=engine_id)
        return Sign(rows[0]["at"], rows[0]["gone"]) if rows else None

    async def timings(self, task_id: str, after: str, limit: int) -> list[Timing]:
        """Subtasks with an id above ``after``, in plan order."""
        return await self._timed(await self._database.read("subtask/timings", task=task_id, after=after, limit=limit))

    async def awaited_last(self, subtask_id: str) -> Timing | None:
        """The dependency of a subtask that settled last."""
        found = await self._timed(await self._database.read("subtask/awaited_last", id=subtask_id))
        return found[0] if found else None

    async def followed_last(self, subtask_id: str) -> Timing | None:
        """Of what depends on a subtask and ran, the one that settled last."""
        found = await self._timed(await self._database.read("subtask/followed_last", id=subtask_id))
        return found[0] if found else None

    async def _timed(self, rows: Sequence[Row]) -> list[Timing]:
        wanted = [
            {"id": row["id"], "token": row["token"], "attempt": codec.attempt_id(row["id"], row["token"])}
            for row in rows
            if row["token"]
        ]
        found = await self._database.read("attempt/outcomes", rows=wanted) if wanted else []
        last = {row["id"]: row for row in found}
        return [codec.timing(row, last.get(row["id"])) for row in rows]

    async def own_events(self, task_id: str, limit: int) -> list[Event]:
        """The first events of the task itself."""
        rows = await self._database.read("event/own", task=task_id, limit=limit)
        return [event for row in rows for event in history.events(task_id, row, 0) if not event.key]

    async def reports(self, task_id: str, before: int | None, limit: int) -> list[Event]:
        """The reports of a task as events, newest first."""
        params = {"task": task_id, "before": LAST if before is None else before, "limit": limit}
        rows = await self._database.read("event/reports", **params)
        return [event for row in rows for event in history.events(task_id, row, 0)]
