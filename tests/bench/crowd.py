"""A server without an engine and some engines, as processes on one Neo4j: for benchmarks of several of them."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.services import Neo4jService, neo4j_service
from tests.support.serving import Serving


@dataclass(frozen=True)
class Crowd:
    """The processes: ``server`` takes in, ``engines`` run."""

    server: Serving
    engines: list[Serving]


@contextmanager
def database() -> Iterator[Neo4jService]:
    """The Neo4j of ``NEO4J_URL``, else a local one that ends with the benchmark."""
    with tempfile.TemporaryDirectory() as folder, neo4j_service(Path(folder) / "neo4j", os.environ) as service:
        yield service


@asynccontextmanager
async def crowd(neo4j: Neo4jService, engines: int, slots: int) -> AsyncIterator[Crowd]:
    """A server and so many engines with so many slots each, in a namespace of their own; gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "NEO4J_URL": neo4j.url,
            "NEO4J_AUTH": neo4j.auth,
            "NAMESPACE": f"bench-{uuid.uuid4().hex[:12]}",
            "BLOB_PATH": f"{folder}/blobs",
            "MAX_PARALLEL_TASKS": str(slots),
            "LOG_LEVEL": "error",
        }
        made = [Serving(Path(folder) / f"engine-{n}", settings, command=("engine",)) for n in range(engines)]
        server = Serving(Path(folder) / "server", settings, command=("serve", "--no-engine"))
        try:
            for process in (*made, server):
                process.spawn()
            for process in (*made, server):
                await process.ready()
            yield Crowd(server, made)
        finally:
            for process in (server, *made):
                process.discard()
