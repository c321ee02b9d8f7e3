"""Final tasks that are old enough leave the graph: first into an archive, and only from there to their removal.

Some hundred tasks make one archive. It is written, read again and kept (``ArchivePlace.publish``) before the first of
them is marked as being removed, so wherever this is cut off, what is gone is in an archive. After a start the last
archive is looked at once: what it holds and the graph still has is removed, not written again; a final task does not
change.

Of several engines the one with the lowest id does it. Should two do it at once, tasks are in two archives, and an
import takes them once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from engine.archive.exporting import Exporter, Rest
from engine.archive.manifest import Manifest
from engine.archive.port import ArchivePlace, TableFiles
from engine.errors import EngineError
from engine.ports import Blobs, Clock, Graph
from engine.removal import DAY_MS, LOOK_SECONDS, Removal
from engine.settings import Settings

_log = structlog.get_logger("retention")

TASKS = 500
"""Most tasks in one archive."""
SUBTASKS = 20_000
"""Subtasks from which on an archive takes no further task."""


class Retention:
    """Moves old tasks of one engine's namespace into archives.

    Args:
        graph: where they are.
        exporter: writes archives.
        place: where archives are kept.
        removal: removes what is kept.
        clock: says what is old.
        namespace: of the tasks.
        days: how long final tasks stay in the graph.
        engine_timeout: seconds without a sign of life after which another engine is gone.
    """

    def __init__(
        self,
        graph: Graph,
        exporter: Exporter,
        place: ArchivePlace,
        removal: Removal,
        clock: Clock,
        *,
        namespace: str,
        days: float,
        engine_timeout: float,
    ) -> None:
        self._graph = graph
        self._exporter = exporter
        self._place = place
        self._removal = removal
        self._clock = clock
        self._namespace = namespace
        self._age = round(days * DAY_MS)
        self._timeout = round(1000 * engine_timeout)
        self._engine = ""

    async def begin(self, engine: str) -> None:
        """Looks that archives can be kept; raises ``EngineError`` with what to do when not."""
        self._engine = engine
        await self._exporter.check(self._place)

    async def run(self) -> None:
        """Looks round, now and then."""
        await self._patiently(self._resume)
        pause = min(LOOK_SECONDS, max(1.0, self._age / 4_000))
        while True:
            await self._patiently(self._look)
            await asyncio.sleep(pause)

    async def _patiently(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except (EngineError, OSError) as error:
            _log.warning("nothing is archived, and so nothing removed; it is tried again", reason=str(error))

    async def _resume(self) -> None:
        """Removes what the last archive of this engine holds and the graph still has."""
        await self._place.sweep()
        own = [manifest for manifest in await self._place.manifests() if manifest.engine == self._engine]
        if own:
            await self._remove(own[-1])

    async def _look(self) -> None:
        others = await self._graph.alive(self._timeout)
        if others and min(others) < self._engine:
            return
        while await self.once():
            pass

    async def once(self) -> Manifest | None:
        """Archives and removes the oldest tasks that are old enough; None when there are none."""
        ids = await self._due()
        if not ids:
            return None
        manifest = await self._exporter.export(
            self._place, ids, kind="archive", namespace=self._namespace, engine=self._engine
        )
        _log.info("tasks archived", archive=manifest.id, tasks=len(manifest.tasks), place=self._place.name)
        if manifest.lost:
            _log.warning(
                "the blob store had lost some outputs of these tasks", archive=manifest.id, blobs=manifest.lost
            )
        await self._remove(manifest)
        return manifest

    async def _due(self) -> list[str]:
        ids, subtasks = [], 0
        for task_id in await self._graph.final_before(self._clock.now() - self._age, TASKS):
            task = await self._graph.task(task_id)
            if task is None:
                continue
            ids.append(task_id)
            subtasks += task.subtasks_count
            if subtasks >= SUBTASKS:
                break
        return ids

    async def _remove(self, manifest: Manifest) -> None:
        for task_id in manifest.tasks:
            work = await self._removal.begin(task_id)
            if work is not None:
                await work


def retention_of(
    settings: Settings,
    graph: Graph,
    blobs: Blobs,
    removal: Removal,
    clock: Clock,
    archive: tuple[ArchivePlace, TableFiles] | None,
    rest: Rest,
) -> Retention | None:
    """What the settings ask for; None where tasks stay, or go without an archive."""
    if archive is None or settings.retention_days is None:
        return None
    place, files = archive
    return Retention(
        graph,
        Exporter(graph, blobs, files, rest),
        place,
        removal,
        clock,
        namespace=settings.namespace,
        days=settings.retention_days,
        engine_timeout=settings.engine_timeout_seconds,
    )
