"""``agent03 backup`` and ``agent03 restore``: all of a namespace as rows, and back, into either kind of graph.

A backup is an archive with everything in it: open tasks too, what was learned, keys, the cache. It is one moment only
while nobody writes, so it is refused while an engine works; ``--final-only`` leaves out what can change.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.archive import line_of, opened, place_at
from api.cli.commands import EnvFile, quietly
from api.cli.exits import FAILED, USAGE, Stop
from api.cli.output import say, show

if TYPE_CHECKING:
    from engine.archive.manifest import Manifest
    from engine.ports import Graph
    from engine.settings import Settings

IDS = 10_000
PAGE = 1_000

Target = Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix.")]


def backup(
    place: Target,
    final_only: Annotated[
        bool, typer.Option("--final-only", help="Only tasks that have ended; works beside engines on Neo4j.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Write everything of the namespace, blobs too, into an archive. Stop its engines first."""
    asyncio.run(_backup(quietly(env_file), place, final_only=final_only))


def restore(
    place: Target,
    id_: Annotated[str, typer.Option("--id", help="Which backup; the last one unless given.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of what is there; an embedded graph is kept aside.")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Bring a backup back, into an empty graph of either kind, and look whether it is sound."""
    asyncio.run(_restore(quietly(env_file), place, id_, replace=replace))


async def _backup(settings: Settings, place: str, *, final_only: bool) -> None:
    from api.wiring import build_blobs
    from engine.adapters.archives import form_of
    from engine.archive.exporting import Exporter

    where = place_at(settings, place)
    await where.check()
    async with opened(settings) as graph:
        if not final_only:
            await _refuse_engines(graph, settings, "a backup of what changes meanwhile would not be of one moment")
        ids: list[str] = []
        while page := await graph.dump_ids(final=final_only, after=ids[-1] if ids else "", limit=IDS):
            ids += page
        exporter = Exporter(graph, build_blobs(settings), form_of(settings.archive_format))
        show(line_of(await exporter.export(where, ids, kind="backup", namespace=settings.namespace)))


async def _restore(settings: Settings, place: str, id_: str, *, replace: bool) -> None:
    from api.wiring import build_blobs
    from engine.adapters.archives import form_of
    from engine.archive.bundle import Opened
    from engine.archive.importing import Importer

    where = place_at(settings, place)
    found = [one for one in await where.manifests() if one.kind == "backup" and id_ in ("", one.id)]
    if not found:
        raise Stop(f"{where.name} holds no backup{f' {id_}' if id_ else ''}: `agent03 archive list {place}`", FAILED)
    manifest = found[-1]
    if manifest.namespace != settings.namespace:
        raise Stop(
            f"{manifest.id} is a backup of namespace {manifest.namespace!r}, and this is {settings.namespace!r}: "
            f"set NAMESPACE={manifest.namespace}",
            USAGE,
        )
    folder = await where.fetched(manifest.id)
    try:
        archive = Opened(folder, [form_of("parquet"), form_of("json")])
        await asyncio.to_thread(archive.check)  # before anything gives way to it
        await _make_room(settings, replace=replace)
        async with opened(settings) as graph:
            blobs = build_blobs(settings)
            if await graph.enter_blobs(own := await blobs.identity()) != own:
                raise Stop(
                    f"{settings.blobs} is not the blob store that namespace {settings.namespace!r} had: set BLOB_PATH "
                    "to that one, or say --replace",
                    FAILED,
                )
            importer = Importer(graph, blobs, final_only=False)
            await importer.clear()
            await importer.take(archive)
            await importer.finish()
            await _verify(graph, settings, manifest)
    finally:
        await where.drop(folder)


async def _refuse_engines(graph: Graph, settings: Settings, why: str) -> None:
    alive = await graph.alive(round(1000 * settings.engine_timeout_seconds))
    if alive:
        raise Stop(
            f"{', '.join(alive)} works on namespace {settings.namespace!r}, and {why}: stop every engine of it; one "
            f"that was killed counts for {settings.engine_timeout_seconds:g} s",
            FAILED,
        )


async def _make_room(settings: Settings, *, replace: bool) -> None:
    """Refuses what is not empty, or puts it away."""
    from graph.neo4j.archive import Neo4jArchive

    async with opened(settings) as graph:
        await _refuse_engines(graph, settings, "what it writes would be lost")
        if not replace:
            if not await graph.dump_ids(final=False, after="", limit=1):
                return
            raise Stop(
                f"{graph.location} has tasks of namespace {settings.namespace!r}: restore into an empty graph, or say "
                "--replace",
                FAILED,
            )
        if isinstance(graph, Neo4jArchive):
            say(f"removed {await graph.wipe()} nodes of namespace {settings.namespace!r}")
            return
        file = Path(graph.location)
    await asyncio.to_thread(_set_aside, file)


def _set_aside(file: Path) -> None:
    """Keeps an embedded graph under another name."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for part in file.parent.glob(f"{file.name}*"):
        if ".before-restore-" not in part.name:
            part.rename(part.with_name(f"{part.name}.before-restore-{stamp}"))
    say(f"what was there is kept as {file}.before-restore-{stamp}")


async def _verify(graph: Graph, settings: Settings, manifest: Manifest) -> None:
    """Looks at the number of tasks, every invariant and every blob; raises ``Stop`` when something is wrong."""
    from api.wiring import build_blobs

    wrong = [f"invariant {name}: {len(rows)} break it" for name, rows in (await graph.invariants()).items() if rows]
    tasks, after = 0, ""
    while page := await graph.dump_ids(final=False, after=after, limit=IDS):
        tasks, after = tasks + len(page), page[-1]
    if tasks != len(manifest.tasks):
        wrong.append(f"there are {tasks} tasks, and the backup has {len(manifest.tasks)}")
    blobs = build_blobs(settings)
    after, missing = "", 0
    while hashes := await graph.blob_results(after, PAGE):
        after = hashes[-1]
        missing += [await blobs.has(digest) for digest in hashes].count(False)
    if missing > len(manifest.lost):
        wrong.append(f"{missing} blobs are missing")
    if wrong:
        raise Stop(f"what was restored is not sound: {'; '.join(wrong)}; `agent03 doctor` says more", FAILED)
    show(f"restored and sound: {tasks} tasks, every invariant holds, every blob is there")
