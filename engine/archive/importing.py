"""Brings archived tasks back into a graph. A task is seen when all of it is there; one that is there already stays."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from engine.archive.bundle import Opened
from engine.archive.manifest import ArchiveDamaged
from engine.archive.shape import STATE, Row
from engine.archivestore import ArchiveStore
from engine.model import Request, Value
from engine.ports import Blobs
from engine.states import FINAL

ORDER = ("subtasks", "attempts", "results", "events", "approvals", "agent_steps", "log_lines", "requests")
FIRST = ("KEEPS", "DEPENDS_ON", "EXPANDED_FROM", "PRODUCED")
LATER = ("CONSUMED", "RERUN_OF")
"""Edges that may lead to another archive: they are written when all of those that were asked for are in."""
EDGES_AT_ONCE = 1_000
IDS_AT_ONCE = 1_000


class Imported(Value, frozen=True):
    """What came of an import: tasks that came in, tasks that were there, and rows by table."""

    tasks: int
    known: int
    rows: Mapping[str, int]


class Store(ArchiveStore, Protocol):
    """A graph that can also say which idempotency keys it knows."""

    async def request(self, key: str) -> Request | None:
        """The task that a key has made."""


class Importer:
    """Writes archives into a graph.

    Args:
        graph: where to.
        blobs: where large outputs go.
        final_only: refuses an archive with open tasks.
    """

    def __init__(self, graph: Store, blobs: Blobs, *, final_only: bool = True) -> None:
        self._graph = graph
        self._blobs = blobs
        self._final_only = final_only
        self._taken: list[tuple[Opened, frozenset[str]]] = []

    async def clear(self) -> int:
        """Removes what an import that was cut off has left; returns how many tasks."""
        left = await self._graph.load_leftovers()
        for task_id in left:
            await self._graph.load_undo(task_id)
        return len(left)

    async def take(self, archive: Opened) -> Imported:
        """Takes one archive in.

        Raises:
            ArchiveDamaged: a file of it is not what was written; nothing was taken in.
        """
        await asyncio.to_thread(archive.check)
        tasks = [row for rows in archive.rows("tasks") for row in rows]
        running = [row["id"] for row in tasks if row["status"] not in FINAL]
        if self._final_only and running:
            raise ArchiveDamaged(
                f"{archive.manifest.id} holds {len(running)} open tasks, such as {running[0]}: it is a backup; "
                "use `agent03 restore`"
            )
        known: set[str] = set()
        for at in range(0, len(tasks), IDS_AT_ONCE):
            known |= await self._graph.known_tasks([row["id"] for row in tasks[at : at + IDS_AT_ONCE]])
        fresh = frozenset(row["id"] for row in tasks) - known
        counts: defaultdict[str, int] = defaultdict(int)
        if fresh:
            await self._fill(archive, [row for row in tasks if row["id"] in fresh], fresh, counts)
        if archive.manifest.kind == "backup" and not self._final_only:
            for table in STATE:
                for rows in archive.rows(table):
                    await self._graph.load_rows(table, rows)
                    counts[table] += len(rows)
        self._taken.append((archive, fresh))
        return Imported(len(fresh), len(known), dict(counts))

    async def _fill(self, archive: Opened, tasks: list[Row], fresh: frozenset[str], counts: dict[str, int]) -> None:
        await self._graph.load_tasks(tasks)
        counts["tasks"] = len(tasks)
        kept = {row["target"] for row in _mine(archive, "edges", fresh) if row["type"] == "KEEPS"}
        for table in ORDER:
            for rows in archive.rows(table):
                wanted = (
                    [row for row in rows if row["hash"] in kept] if table == "results" else _own(table, rows, fresh)
                )
                if table == "results":
                    await self._put_blobs(archive, wanted)
                if table == "requests":
                    wanted = [row for row in wanted if await self._graph.request(row["key"]) is None]
                await self._graph.load_rows(table, wanted)
                counts[table] = counts.get(table, 0) + len(wanted)
        counts["edges"] = await self._link(archive, fresh, FIRST)
        await self._graph.load_open(sorted(fresh))

    async def finish(self) -> int:
        """Writes the edges that lead from one archive to another; returns how many."""
        return sum([await self._link(archive, fresh, LATER) for archive, fresh in self._taken if fresh])

    async def _put_blobs(self, archive: Opened, rows: list[Row]) -> None:
        there = set(archive.manifest.blobs)
        for row in rows:
            if row["body"] is None and row["hash"] in there:
                await self._blobs.put(row["hash"], await asyncio.to_thread(archive.blob, row["hash"]))

    async def _link(self, archive: Opened, fresh: frozenset[str], types: tuple[str, ...]) -> int:
        written = 0
        waiting: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in _mine(archive, "edges", fresh):
            if row["type"] in types:
                waiting[row["type"]].append((row["source"], row["target"]))
                if len(waiting[row["type"]]) >= EDGES_AT_ONCE:
                    written += await self._graph.load_edges(row["type"], waiting.pop(row["type"]))
        for type_, rows in waiting.items():
            written += await self._graph.load_edges(type_, rows)
        return written


def _mine(archive: Opened, table: str, fresh: frozenset[str]) -> Iterator[Row]:
    for rows in archive.rows(table):
        yield from _own(table, rows, fresh)


def _own(table: str, rows: list[Row], fresh: frozenset[str]) -> list[Row]:
    return [row for row in rows if _task_of(table, row) in fresh]


def _task_of(table: str, row: Mapping[str, Any]) -> str:
    if table == "attempts":
        return str(row["subtask_id"]).partition(".")[0]
    return str(row["source"]).partition(".")[0] if table == "edges" else str(row["task_id"])
