"""A real server for the benchmarks of the API: its process, and what it has done, asked over REST."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.serving import Serving


@asynccontextmanager
async def served(slots: int, *, apart: bool = False) -> AsyncIterator[Serving]:
    """A server with so many slots, on the Neo4j of ``NEO4J_URL``, else embedded; gone at the end. ``apart``: its engine
    is another process, which needs Neo4j.
    """
    settings = {"MAX_PARALLEL_TASKS": str(slots), "EMBEDDED_BUFFER_MB": "512", "LOG_LEVEL": "error"}
    neo4j = {name: os.environ[name] for name in ("NEO4J_URL", "NEO4J_AUTH") if os.environ.get(name)}
    with tempfile.TemporaryDirectory() as folder:
        settings |= neo4j | {"NAMESPACE": f"bench-{os.getpid()}", "BLOB_PATH": f"{folder}/blobs"}
        serving = Serving(Path(folder) / "api", settings)
        engine = Serving(Path(folder) / "engine", settings, command=("engine",))
        if apart:
            serving.command = ("serve", "--no-engine")
        try:
            if apart:
                await engine.start()
            await serving.start()
            yield serving
        finally:
            serving.discard()
            if apart:
                engine.discard()


async def completed(serving: Serving, tasks: Sequence[str]) -> int:
    """How many subtasks of these tasks are completed."""
    answers = [await serving.task(task) for task in tasks]
    return sum(answer["subtasks"].get("completed", 0) for answer in answers)
