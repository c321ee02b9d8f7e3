"""The schema of a Neo4j database: constraints and indexes, applied once, and a version that newer code raises.

``IF NOT EXISTS`` makes each statement safe to repeat and safe against other engines that start at the same time; the
single ``(:Schema)`` node serialises the version.
"""

from __future__ import annotations

import time

from engine.errors import GraphRefused
from graph import catalog
from graph.neo4j.connection import Neo4jDatabase

VERSION = 10

STATEMENTS = frozenset({"schema/await", "schema/enter", "schema/read"})


async def apply(database: Neo4jDatabase) -> None:
    """Brings the database to ``VERSION``. Raises ``GraphRefused`` when it holds a newer one."""
    found = await database.read("schema/read")
    version = found[0]["version"] if found else 0
    refuse_newer(version)
    if version == VERSION:
        return
    for statement in catalog.folder("neo4j", "schema"):
        if statement.name.removeprefix("schema/")[0].isdigit():
            await database.apply(statement.text)
    await database.read("schema/await")
    rows = await database.write("schema/enter", version=VERSION, at=time.time_ns() // 1_000_000)
    refuse_newer(rows[0]["version"])


def refuse_newer(version: int) -> None:
    """Raises ``GraphRefused`` when the graph's schema is newer than this code."""
    if version > VERSION:
        raise GraphRefused(
            f"the graph has schema version {version}, this engine knows {VERSION}: install the newer release"
        )
