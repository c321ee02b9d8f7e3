"""One Neo4j for a whole test run, also where several workers share the tests.

The process that hands out the tests starts it and tells each worker, so that it outlives them all. Without workers it
is started by the first test that wants it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.gate import remember
from tests.support.graphs import Hand, neo4j_graph
from tests.support.plans import chain, diamond
from tests.support.services import Neo4jService, Unavailable, neo4j_service

TOLD = "neo4j"
SERVICE = pytest.StashKey[Neo4jService]()
OPEN = pytest.StashKey[ExitStack]()


def neo4j(config: pytest.Config) -> Neo4jService:
    """The Neo4j of this run.

    Raises:
        Unavailable: none can be had.
    """
    told = getattr(config, "workerinput", {}).get(TOLD)
    if isinstance(told, str):
        raise Unavailable(told)
    if told is not None:
        return Neo4jService(**told)
    if SERVICE not in config.stash:
        stack = config.stash[OPEN] = ExitStack()
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="agent03-neo4j-", ignore_cleanup_errors=True))
        )
        service = config.stash[SERVICE] = stack.enter_context(neo4j_service(folder, os.environ))
        if service.source != "environment":
            with ThreadPoolExecutor(1) as beside:  # a loop may run here already: a fixture may be asked for inside one
                beside.submit(asyncio.run, _fill(service)).result()
    return config.stash[SERVICE]


async def _fill(service: Neo4jService) -> None:
    """Gives the server something to count. It plans every statement anew when its counts have changed much, and in a
    database that is empty but for a test's own they do so all the time: half of the run's processor time went there.
    """
    graph = neo4j_graph(service, "fill")
    await graph.open()
    hand = Hand(graph, "fill")
    await graph.register(hand.engine, hand.now)
    for body in [chain(500), diamond(900)]:
        task = await hand.store(body)
        await hand.turn(*map(hand.done, (await hand.claimed(task)).values()))
        await hand.turn(*map(hand.done, (await hand.claimed(task, 400)).values()))
        await hand.turn(*map(hand.done, (await hand.claimed(task, 50)).values()))
    await graph.close()


def tell(node: Any) -> None:
    """Tells a worker which server is there, or why there is none."""
    try:
        node.workerinput[TOLD] = asdict(neo4j(node.config))
    except Unavailable as reason:
        remember(node.config, str(reason))
        node.workerinput[TOLD] = str(reason)


def end(config: pytest.Config) -> None:
    """Ends the server, where this process started it."""
    if OPEN in config.stash:
        config.stash[OPEN].close()
