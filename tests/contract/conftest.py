"""The graph of a contract test: every test that takes it runs on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.ports import Graph
from tests.support.graphs import KINDS, Hand, embedded_graph, in_hand, make_template, neo4j_graph
from tests.support.services import Neo4jService


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty embedded graph to copy."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=KINDS)
def closed_graph(request: pytest.FixtureRequest, namespace: str) -> Graph:
    """A graph that nobody has opened yet."""
    if request.param == "neo4j":
        return neo4j_graph(request.getfixturevalue("neo4j_server"), namespace)
    return embedded_graph(request.getfixturevalue("tmp_path"), namespace, request.getfixturevalue("template"))


@pytest.fixture
async def hand(closed_graph: Graph, namespace: str) -> AsyncIterator[Hand]:
    """An open graph with one registered engine; the invariants are checked at the end."""
    async with in_hand(closed_graph, namespace) as opened:
        yield opened


@pytest.fixture
def graph(hand: Hand) -> Graph:
    """The graph of ``hand``."""
    return hand.graph


@pytest.fixture
async def neo4j_hand(neo4j_server: Neo4jService, namespace: str) -> AsyncIterator[Hand]:
    """The same on Neo4j only: a graph across a network can lose an answer, one inside the process cannot."""
    async with in_hand(neo4j_graph(neo4j_server, namespace), namespace) as opened:
        yield opened


@pytest.fixture
async def first(neo4j_server: Neo4jService, namespace: str) -> AsyncIterator[Hand]:
    """One of two engines on one Neo4j."""
    async with in_hand(neo4j_graph(neo4j_server, namespace), namespace) as made:
        yield made


@pytest.fixture
async def second(neo4j_server: Neo4jService, namespace: str, first: Hand) -> AsyncIterator[Hand]:
    """The other one."""
    async with in_hand(neo4j_graph(neo4j_server, namespace), namespace) as made:
        yield made


@pytest.fixture
async def embedded(tmp_path: Path, namespace: str, template: Path) -> AsyncIterator[Hand]:
    """An engine on the embedded graph."""
    async with in_hand(embedded_graph(tmp_path, namespace, template), namespace) as made:
        yield made
