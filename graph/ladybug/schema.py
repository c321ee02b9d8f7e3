"""The tables of the embedded graph, created once, and a version that newer code raises."""

from __future__ import annotations

import time

from engine.errors import GraphRefused
from graph import catalog
from graph.ladybug.connection import LadybugDatabase

VERSION = 12

STATEMENTS = frozenset({"schema/enter", "schema/read"})


async def apply(database: LadybugDatabase) -> None:
    """Brings the file to ``VERSION``. Raises ``GraphRefused`` when it holds a newer one."""
    tables = [item for item in catalog.folder("ladybug", "schema") if item.name.removeprefix("schema/")[0].isdigit()]
    await database.apply(tables[0].text)
    found = await database.read("schema/read")
    version = found[0]["version"] if found else 0
    if version > VERSION:
        raise GraphRefused(
            f"the graph {database.path} has schema version {version}, this engine knows {VERSION}: "
            "install the newer release"
        )
    if version == VERSION:
        return
    for table in tables[1:]:
        await database.apply(table.text)
    await database.write("schema/enter", version=VERSION, at=time.time_ns() // 1_000_000)
