"""A real server for the benchmarks of the API: its process, and what it has done, asked over REST."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.serving import Serving


@asynccontextmanager
async def served(slots: int) -> AsyncIterator[Serving]:
    """A server with so many slots, on the Neo4j of ``NEO4J_URL``, else embedded; gone at the end."""
    settings = {"MAX_PARALLEL_TASKS": str(slots), "EMBEDDED_BUFFER_MB": "512", "LOG_LEVEL": "error"}
    neo4j = {name: os.environ[name] for name in ("NEO4J_URL", "NEO4J_AUTH") if os.environ.get(name)}
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder), settings | neo4j | {"NAMESPACE": f"bench-{os.getpid()}"})
        try:
            await serving.start()
            yield serving
        finally:
            serving.discard()


async def completed(serving: Serving, tasks: Sequence[str]) -> int:
    """How many subtasks of these tasks are completed."""
    answers = [await serving.task(task) for task in tasks]
    return sum(answer["subtasks"].get("completed", 0) for answer in answers)
