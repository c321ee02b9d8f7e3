"""Archives in tests: everything that a graph holds of its tasks, to compare it with another one."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from engine.adapters.archives import FolderArchives, form_of
from engine.archive.bundle import Opened
from engine.archive.exporting import Exporter
from engine.archive.importing import Imported, Importer
from engine.archive.manifest import Manifest
from engine.archive.shape import Row, Rows
from engine.ports import Blobs, Graph

EVERYTHING = 100_000


async def everything(graph: Graph) -> Rows:
    """All rows of all tasks by table, in one order. When a Result came is left out: where tests share a database, one
    that is equal may have been there.
    """
    ids = await graph.dump_ids(final=False, after="", limit=EVERYTHING)
    found: defaultdict[str, list[Row]] = defaultdict(list)
    parts = [await graph.dump_tasks(ids)]
    parts += [await graph.dump_subtasks(await graph.dump_members(task_id)) for task_id in ids]
    hashes = {row["target"] for part in parts for row in part["edges"] if row["type"] == "KEEPS"}
    parts.append(await graph.dump_results(sorted(hashes)))
    for part in parts:
        for table, rows in part.items():
            found[table] += [row | {"created_at": 0} if table == "results" else row for row in rows]
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


async def exported(graph: Graph, blobs: Blobs, folder: Path, form: str = "parquet") -> Manifest:
    """Writes all final tasks of a graph into an archive below ``folder``."""
    ids = await graph.dump_ids(final=True, after="", limit=EVERYTHING)
    place = FolderArchives(folder)
    return await Exporter(graph, blobs, form_of(form)).export(place, ids, kind="archive", namespace="n", engine="e")


async def imported(graph: Graph, blobs: Blobs, folder: Path) -> Imported:
    """Takes every archive below ``folder`` in."""
    importer, place = Importer(graph, blobs), FolderArchives(folder)
    await importer.clear()
    total = Imported(0, 0, {})
    for manifest in await place.manifests():
        opened = Opened(await place.fetched(manifest.id), [form_of("parquet"), form_of("json")])
        one = await importer.take(opened)
        total = Imported(total.tasks + one.tasks, total.known + one.known, one.rows)
    await importer.finish()
    return total
