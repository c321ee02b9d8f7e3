"""Writes tasks out of the graph, a little at a time, so that whatever runs beside it hardly notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from engine.archive.bundle import Bundle
from engine.archive.manifest import Kind, Manifest
from engine.archive.port import ArchivePlace, TableFiles
from engine.archive.shape import STATE, Rows
from engine.archive.stride import Stride
from engine.archivestore import ArchiveStore
from engine.errors import BlobDamaged
from engine.plan.ids import Ulids
from engine.ports import Blobs

TASKS = 50
"""Tasks read together: their events have no index on the embedded graph."""
LEAST, MOST = 50, 200
"""Subtasks read together."""
SECONDS = 0.05
"""How long that should take: a read holds up no turn, but it wants the processor."""
STATE_ROWS = 1_000
Rest = Callable[[float], Awaitable[None]]
"""Is told how many seconds a piece of work took; returns when the next may come."""


async def no_rest(seconds: float) -> None:
    """For whoever has the graph for himself."""


class Exporter:
    """Puts tasks into an archive.

    Args:
        graph: where they are.
        blobs: where their large outputs are.
        files: in which form.
        rest: between two pieces of work.
    """

    def __init__(self, graph: ArchiveStore, blobs: Blobs, files: TableFiles, rest: Rest = no_rest) -> None:
        self._graph = graph
        self._blobs = blobs
        self._files = files
        self._rest = rest
        self._ids = Ulids()

    async def check(self, place: ArchivePlace) -> None:
        """Raises ``EngineError`` with what to do when archives cannot be written, or not kept there."""
        await asyncio.to_thread(self._files.check)
        await place.check()

    async def export(
        self, place: ArchivePlace, ids: Sequence[str], *, kind: Kind, namespace: str, engine: str = ""
    ) -> Manifest:
        """Writes an archive of these tasks, and looks that it is kept.

        Raises:
            NoRoom, BlobsUnavailable, EngineError: it could not be written; nothing of it is left.
        """
        id_ = self._ids.new(time.time_ns() // 1_000_000)
        folder = await place.staging(id_)
        bundle = Bundle(folder, self._files, kind)
        try:
            await asyncio.to_thread(bundle.begin)
            lost = await self._write(bundle, ids)
            if kind == "backup":
                await self._write_state(bundle)
            manifest = await asyncio.to_thread(
                lambda: bundle.finish(
                    id_=id_, namespace=namespace, engine=engine, at=time.time_ns() // 1_000_000, lost=lost
                )
            )
            await place.publish(id_, folder)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(bundle.abandon))
            await asyncio.shield(place.drop(folder))
            raise
        return manifest

    async def _write(self, bundle: Bundle, ids: Sequence[str]) -> list[str]:
        seen: set[str] = set()
        lost: list[str] = []
        stride = Stride(LEAST, MOST, SECONDS)
        for at in range(0, len(ids), TASKS):
            some = ids[at : at + TASKS]
            await self._piece(bundle, await self._graph.dump_tasks(some), seen, lost, time.monotonic())
            members: list[str] = []
            for task_id in some:
                members += await self._graph.dump_members(task_id)
            begun = 0
            while begun < len(members):
                started = time.monotonic()
                batch = members[begun : begun + stride.size]
                begun += len(batch)
                await self._piece(bundle, await self._graph.dump_subtasks(batch), seen, lost, started)
                stride.took(time.monotonic() - started)
        return lost

    async def _write_state(self, bundle: Bundle) -> None:
        """What belongs to the namespace and to no task."""
        for table in STATE:
            after = ""
            while rows := await self._graph.dump_state(table, after, STATE_ROWS):
                after = rows[-1]["id"]
                await asyncio.to_thread(bundle.add, {table: rows})

    async def _piece(self, bundle: Bundle, rows: Rows, seen: set[str], lost: list[str], started: float) -> None:
        kept = {row["target"] for row in rows["edges"] if row["type"] == "KEEPS"} - seen
        seen |= kept
        found = await self._graph.dump_results(sorted(kept))
        await asyncio.to_thread(bundle.add, rows | found)
        for row in found["results"]:
            if row["body"] is None:
                try:
                    data = await self._blobs.get(row["hash"])
                except (KeyError, BlobDamaged):
                    lost.append(row["hash"])
                else:
                    await asyncio.to_thread(bundle.add_blob, row["hash"], data)
        await self._rest(time.monotonic() - started)
