"""The schema of a Neo4j database: constraints and indexes, applied once, and a version that newer code raises.

``IF NOT EXISTS`` makes each statement safe to repeat and safe against other engines that start at the same time; the
single ``(:Schema)`` node serialises the version.
"""

from __future__ import annotations

import time

import structlog

from engine.errors import GraphRefused
from graph import catalog
from graph.neo4j.connection import Neo4jDatabase

VERSION = 10

OLDEST = 10
"""The oldest schema whose engines may work beside those of ``VERSION``. It stays while a release only adds indexes,
constraints and properties that may be missing; raise it to ``VERSION`` with one that changes what is there.
"""

STATEMENTS = frozenset({"schema/await", "schema/enter", "schema/read", "schema/working"})
_log = structlog.get_logger("graph")


async def apply(database: Neo4jDatabase) -> None:
    """Brings the database to ``VERSION``, or leaves it at a newer one that this code may work with. Raises
    ``GraphRefused`` when it may not, or when engines of an older release still work that could not go on.
    """
    found = await database.read("schema/read")
    version, oldest = (found[0]["version"], found[0]["oldest"]) if found else (0, 0)
    refuse_newer(version, oldest)
    if version > VERSION:
        _log.warning("the graph has a newer schema that this release may work with", version=version, own=VERSION)
    if version >= VERSION:
        return
    if 0 < version < OLDEST:
        await _refuse_beside_older(database, version)
    for statement in catalog.folder("neo4j", "schema"):
        if statement.name.removeprefix("schema/")[0].isdigit():
            await database.apply(statement.text)
    await database.read("schema/await")
    rows = await database.write("schema/enter", version=VERSION, at=time.time_ns() // 1_000_000, oldest=OLDEST)
    refuse_newer(rows[0]["version"], rows[0]["oldest"])


def refuse_newer(version: int, oldest: int) -> None:
    """Raises ``GraphRefused`` when the graph's schema is newer than this code, and says that this is too old for it."""
    if version > VERSION and oldest > VERSION:
        raise GraphRefused(
            f"the graph has schema version {version}, this engine knows {VERSION}: install the newer release"
        )


async def _refuse_beside_older(database: Neo4jDatabase, version: int) -> None:
    rows = await database.read("schema/working")
    if names := [row["id"] for row in rows]:
        raise GraphRefused(
            f"engines of an older release (schema {version}) work on this graph and could not go on beside schema "
            f"{VERSION}: stop them first; they are {', '.join(names)}"
        )
