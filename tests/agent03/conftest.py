"""What the acceptance tests start from: each test that takes ``execution_engine`` runs on both graphs, each that takes
``cache_service`` on a real Redis and on the stand-in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine import CacheService, Engine, ExecutionEngine, TaskDecomposer
from engine.adapters.redis import RedisConnection
from tests.support import core_tools
from tests.support.engines import Lab
from tests.support.graphs import KINDS, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty embedded graph to copy."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=KINDS)
async def engine(
    request: pytest.FixtureRequest, tmp_path: Path, namespace: str, template: Path
) -> AsyncIterator[Engine]:
    """A started engine; at the end it is stopped and its graph is checked."""
    server = request.getfixturevalue("neo4j_server") if request.param == "neo4j" else None
    lab = Lab(request.param, tmp_path, namespace, template, server)
    yield await lab.start(agent03_tools=[core_tools.__name__])
    await lab.close()


@pytest.fixture
def task_decomposer() -> TaskDecomposer:
    """With the built-in strategies."""
    return TaskDecomposer()


@pytest.fixture
def execution_engine(engine: Engine) -> ExecutionEngine:
    """On the started engine."""
    return ExecutionEngine(engine)


@pytest.fixture(params=["in-process", "redis"])
async def cache_service(request: pytest.FixtureRequest, namespace: str) -> AsyncIterator[CacheService]:
    """On an open connection."""
    url = request.getfixturevalue("redis_server") if request.param == "redis" else ""
    connection = RedisConnection(url)
    await connection.open()
    yield CacheService(connection, 60, namespace)
    await connection.close()
