"""Engines of an integration test: every test that takes ``lab`` runs on both graphs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.claude import FakeClaude, fake_claude
from tests.support.engines import Lab
from tests.support.graphs import KINDS, make_template
from tests.support.services import Neo4jService


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty embedded graph to copy."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=KINDS)
async def lab(request: pytest.FixtureRequest, tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Lab]:
    """Where engines are started; at the end they are stopped and the graph is checked."""
    server = request.getfixturevalue("neo4j_server") if request.param == "neo4j" else None
    made = Lab(request.param, tmp_path, namespace, template, server)
    yield made
    await made.close()


@pytest.fixture
async def neo4j_lab(neo4j_server: Neo4jService, tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Lab]:
    """The same on Neo4j only."""
    made = Lab("neo4j", tmp_path, namespace, template, neo4j_server)
    yield made
    await made.close()


@pytest.fixture
async def embedded_lab(tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Lab]:
    """The same on the embedded graph only."""
    made = Lab("embedded", tmp_path, namespace, template)
    yield made
    await made.close()


@pytest.fixture
async def fake() -> AsyncIterator[FakeClaude]:
    """A fake Claude that says what the test has written."""
    async with fake_claude() as found:
        yield found
