"""``agent03 archive ...``: old tasks out of the graph into files, and back. See docs/howto/archive.md.

It works on the graph itself: on Neo4j beside the engines, on the embedded graph while none runs. A running engine does
the same by itself with RETENTION_DAYS and ARCHIVE_PATH.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands import AsJson, EnvFile, quietly
from api.cli.exits import FAILED, USAGE, Stop
from api.cli.output import say, show

if TYPE_CHECKING:
    from engine.archive.importing import Importer
    from engine.archive.manifest import Manifest
    from engine.archive.port import ArchivePlace
    from engine.ports import Graph
    from engine.settings import Settings

DAY_MS = 86_400_000
TASKS = 500
"""Tasks in one archive."""

archive = typer.Typer(
    no_args_is_help=True,
    name="archive",
    help="Move old tasks out of the graph into files that anything reads, and back.",
)
Place = Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix; ARCHIVE_PATH unless given.")]
Older = Annotated[float | None, typer.Option("--older-than", min=0, help="Days since they ended, fractions allowed.")]


@archive.command("export")
def export_(place: Place = "", older_than: Older = None, env_file: EnvFile = None) -> None:
    """Write final tasks into archives. They stay in the graph."""
    asyncio.run(_export(quietly(env_file), place, older_than or 0.0))


@archive.command()
def run(place: Place = "", older_than: Older = None, env_file: EnvFile = None) -> None:
    """Write final tasks into archives and remove them, once: those older than RETENTION_DAYS unless it is said."""
    settings = quietly(env_file)
    days = settings.retention_days if older_than is None else older_than
    if days is None:
        raise Stop("say how old tasks have to be: --older-than DAYS, or RETENTION_DAYS", USAGE)
    asyncio.run(_run(settings, place, days))


@archive.command("import")
def import_(place: Place = "", env_file: EnvFile = None) -> None:
    """Take archives in: all of a place, or one folder. Tasks that are there stay as they are."""
    asyncio.run(_import(quietly(env_file), place))


@archive.command("list")
def list_(place: Place = "", as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """List the archives of a place, the oldest first."""
    manifests = asyncio.run(place_at(quietly(env_file), place).manifests())
    if as_json:
        import msgspec

        show(msgspec.json.format(msgspec.json.encode(manifests), indent=2).decode())
        return
    for manifest in manifests:
        show(line_of(manifest))


def place_at(settings: Settings, place: str) -> ArchivePlace:
    """The place that is named, else that of the settings; raises ``Stop`` when neither is."""
    from engine.adapters.archives import place_of

    named = place or settings.archive_path
    if not named:
        raise Stop("name a folder or s3://bucket/prefix, or set ARCHIVE_PATH", USAGE)
    return place_of(named)


def line_of(manifest: Manifest) -> str:
    """What one archive holds."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(manifest.made_at / 1000))
    rows = {name: file.rows for name, file in manifest.tables.items()}
    size = sum(file.bytes for file in manifest.tables.values())
    return (
        f"{manifest.id}  {at}Z  {manifest.kind}  {len(manifest.tasks)} tasks  {rows['subtasks']} subtasks  "
        f"{len(manifest.blobs)} blobs  {size} bytes of tables  namespace {manifest.namespace}"
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Graph]:
    """The graph of the settings, without an engine."""
    from api.wiring import build_graph

    graph = build_graph(settings)
    await graph.open()
    try:
        yield graph
    finally:
        await graph.close()


async def _export(settings: Settings, place: str, days: float) -> None:
    from api.wiring import build_blobs
    from engine.adapters.archives import form_of
    from engine.archive.exporting import Exporter

    where = place_at(settings, place)
    await where.check()
    before = time.time_ns() // 1_000_000 - round(days * DAY_MS)
    async with opened(settings) as graph:
        exporter = Exporter(graph, build_blobs(settings), form_of(settings.archive_format))
        after, none = "", True
        while ids := await graph.dump_ids(final=True, after=after, limit=TASKS):
            after = ids[-1]
            old = [row["id"] for row in (await graph.dump_tasks(ids))["tasks"] if (row["completed_at"] or 0) <= before]
            if old:
                none = False
                show(line_of(await exporter.export(where, old, kind="archive", namespace=settings.namespace)))
    if none:
        say(f"no task of namespace {settings.namespace!r} ended {days:g} days ago or earlier")


async def _run(settings: Settings, place: str, days: float) -> None:
    from api.wiring import build_blobs
    from engine.adapters.archives import form_of
    from engine.archive.exporting import Exporter, no_rest
    from engine.clock import SystemClock
    from engine.payloads import Payloads
    from engine.removal import Removal
    from engine.retention import Retention
    from engine.service import BLOB_GRACE_SECONDS

    where = place_at(settings, place)
    await where.check()
    async with opened(settings) as graph:
        blobs, clock = build_blobs(settings), SystemClock()
        removal = Removal(
            graph,
            blobs,
            Payloads(graph, blobs),
            clock,
            folder=settings.undo,
            grace=0.0 if graph.kind == "embedded" else BLOB_GRACE_SECONDS,
            retention_days=None,
            kept=lambda _: asyncio.sleep(0),
            rest=no_rest,
        )
        exporter = Exporter(graph, blobs, form_of(settings.archive_format))
        timeout = settings.engine_timeout_seconds
        retention = Retention(
            graph, exporter, where, removal, clock, namespace=settings.namespace, days=days, engine_timeout=timeout
        )
        none = True
        while manifest := await retention.once():
            none = False
            show(line_of(manifest))
        if left := await graph.removals():
            raise Stop(f"{len(left)} tasks are archived and not removed yet; the next engine goes on with them", FAILED)
    if none:
        say(f"no task of namespace {settings.namespace!r} ended {days:g} days ago or earlier")


async def _import(settings: Settings, place: str) -> None:
    from api.wiring import build_blobs
    from engine.archive.importing import Importer

    where = place_at(settings, place)
    manifests = await where.manifests()
    if not manifests:
        raise Stop(f"{where.name} holds no archive", FAILED)
    async with opened(settings) as graph:
        await bring_in(Importer(graph, build_blobs(settings)), where, manifests)


async def bring_in(importer: Importer, where: ArchivePlace, manifests: list[Manifest]) -> None:
    """Takes archives in, the oldest first, and says what came of each."""
    from engine.adapters.archives import form_of
    from engine.archive.bundle import Opened

    if left := await importer.clear():
        say(f"removed what an import that was cut off had left: {left} tasks")
    folders = []
    try:
        for manifest in manifests:
            folders.append(await where.fetched(manifest.id))
            came = await importer.take(Opened(folders[-1], [form_of("parquet"), form_of("json")]))
            subtasks = came.rows.get("subtasks", 0)
            show(f"{manifest.id}  {came.tasks} tasks came in, {came.known} were there, {subtasks} subtasks")
            for digest in manifest.lost:
                say(f"blob {digest} was lost before the archive was made")
        await importer.finish()  # reads the edges again that lead from one archive to another
    finally:
        for folder in folders:
            await where.drop(folder)
