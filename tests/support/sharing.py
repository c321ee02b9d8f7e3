"""One Neo4j for a whole test run, also where several workers share the tests.

The process that hands out the tests starts it beside them, so that nobody waits for it who does not want it, and tells
the workers in a file, so that it outlives them all. Without workers it is started by the first test that wants it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest

from tests.support.gate import remember
from tests.support.graphs import Hand, neo4j_graph
from tests.support.plans import chain, diamond
from tests.support.services import QUICK_JAVA, Neo4jService, Unavailable, neo4j_service

TOLD = "neo4j"
SERVICE = pytest.StashKey[Neo4jService]()
OPEN = pytest.StashKey[ExitStack]()
STARTING = pytest.StashKey[tuple[Path, Thread]]()


def neo4j(config: pytest.Config) -> Neo4jService:
    """The Neo4j of this run.

    Raises:
        Unavailable: none can be had.
    """
    if SERVICE not in config.stash:
        if path := getattr(config, "workerinput", {}).get(TOLD):
            config.stash[SERVICE] = _read(Path(path))
        else:
            with ThreadPoolExecutor(1) as beside:  # a loop may run here already: a fixture may be asked for inside one
                beside.submit(_start, config).result()
    return config.stash[SERVICE]


def _start(config: pytest.Config) -> None:
    stack = config.stash[OPEN] = ExitStack()
    folder = tempfile.TemporaryDirectory(prefix="agent03-neo4j-", ignore_cleanup_errors=True)
    service = stack.enter_context(neo4j_service(Path(stack.enter_context(folder)), os.environ | QUICK_JAVA))
    if service.source != "environment":
        asyncio.run(_fill(service))
    config.stash[SERVICE] = service


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
    """Tells a worker where it will stand which server is there, or why there is none."""
    if STARTING not in node.config.stash:
        node.config.stash[STARTING] = _starting(node.config)
    node.workerinput[TOLD] = str(node.config.stash[STARTING][0])


def _starting(config: pytest.Config) -> tuple[Path, Thread]:
    """The file in which it will stand, locked until then, and the thread that starts the server."""
    descriptor, name = tempfile.mkstemp(prefix="agent03-neo4j-", suffix=".json")
    file = os.fdopen(descriptor, "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    thread = Thread(target=_start_and_write, args=(config, file))
    thread.start()
    return Path(name), thread


def _start_and_write(config: pytest.Config, file: IO[str]) -> None:
    with file:
        try:
            _start(config)
            json.dump(asdict(config.stash[SERVICE]), file)
        except Unavailable as reason:
            remember(config, str(reason))
            json.dump(str(reason), file)


def _read(path: Path) -> Neo4jService:
    """What stands in the file, as soon as it does."""
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        text = file.read()
    assert text, "Neo4j did not start: the reason stands at the end of the run"
    told = json.loads(text)
    if isinstance(told, str):
        raise Unavailable(told)
    return Neo4jService(**told)


def settle(config: pytest.Config) -> None:
    """Waits until a server that is being started is there, or until it is known why not."""
    if STARTING in config.stash:
        config.stash[STARTING][1].join()


def end(config: pytest.Config) -> None:
    """Ends the server, where this process started it."""
    settle(config)
    if OPEN in config.stash:
        config.stash[OPEN].close()
    if STARTING in config.stash:
        config.stash[STARTING][0].unlink(missing_ok=True)
