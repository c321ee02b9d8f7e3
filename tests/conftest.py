"""Fixtures for all tests: real servers, one of each kind per run, and a namespace per test.

Fixture setup has bounds of its own, so the time limit of a test counts from its first line.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import sharing
from tests.support.gate import complaint, skip_for_want_of_neo4j
from tests.support.s3 import s3_process
from tests.support.services import QUICK_JAVA, LocalNeo4j, Neo4jService, RedisProcess, Unavailable
from tests.support.serving import free_port

settings.register_profile("agent03", deadline=None)  # a busy machine is no fault of an example
settings.load_profile("agent03")

FIRST = ("test_demo.py", "test_examples.py")
"""Files of tests that want no Neo4j and have time: while they run it is started beside them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what can run while Neo4j is being started."""
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own: tests share a database and do not see each other."""
    return f"test-{uuid.uuid4().hex[:20]}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of a parallel run which Neo4j is there for all of them."""
    sharing.tell(node)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the Neo4j of this run, which outlives every worker."""
    sharing.end(config)


@pytest.fixture(scope="session")
def neo4j_server(pytestconfig: pytest.Config) -> Neo4jService:
    """The Neo4j of this run. Do not stop it; ``own_neo4j`` is for that."""
    try:
        return sharing.neo4j(pytestconfig)
    except Unavailable as reason:
        skip_for_want_of_neo4j(pytestconfig, str(reason))


@pytest.fixture(scope="session")
def _own_neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNeo4j]:
    engine_url = f"http://localhost:{free_port()}"
    server = LocalNeo4j(tmp_path_factory.mktemp("own-neo4j"), os.environ | QUICK_JAVA, engine_url=engine_url)
    yield server
    server.discard()


@pytest.fixture
def own_neo4j(_own_neo4j: LocalNeo4j, pytestconfig: pytest.Config) -> LocalNeo4j:
    """A second, local Neo4j that a test may stop, kill and pause. It runs when the test begins."""
    try:
        _own_neo4j.resume()
        _own_neo4j.start()
    except Unavailable as reason:
        skip_for_want_of_neo4j(pytestconfig, str(reason))
    return _own_neo4j


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real Redis of this run."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisProcess]:
    """A real Redis that a test may stop and pause."""
    server = RedisProcess(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the S3 server of this run."""
    with s3_process(tmp_path_factory.mktemp("s3") / "log") as url:
        yield url


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run in CI whose Neo4j tests were skipped without need."""
    sharing.settle(session.config)
    if complaint(session.config, os.environ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says why the run failed."""
    if told := complaint(config, os.environ):
        terminalreporter.write_line(told, red=True)
