"""A process that writes the embedded graph is killed: what it had been told is there, and the file opens."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine.errors import GraphUnavailable
from graph.ladybug.connection import Session
from graph.ladybug.store import FILE, LadybugGraph
from tests.support.graphs import BUFFER_MB, Hand, execute, in_hand
from tests.support.plans import independent

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))
LOG = f"{FILE}.wal"

WRITER = """
import asyncio, json, sys, structlog
from pathlib import Path
from graph.ladybug.store import LadybugGraph
from tests.support.graphs import BUFFER_MB, Hand
from tests.support.plans import independent

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main() -> None:
    graph = LadybugGraph(Path(sys.argv[1]), "kill", BUFFER_MB)
    await graph.open()
    hand = Hand(graph, "kill")
    await graph.register(hand.engine, hand.now)
    while True:
        task = await hand.store(independent(60))
        running = (await hand.turn(claim={task.id: 20})).claims
        while running:
            done = running
            running = (await hand.turn(*map(hand.done, done), claim={task.id: 20})).claims
            print(json.dumps([claim.id for claim in done]), flush=True)

asyncio.run(main())
"""
"""Stores and settles without end, and tells the ids that were settled after each commit."""


def _killed_writer(folder: Path, after: int) -> list[str]:
    """A writer is killed after it has told ``after`` turns and has begun the next; the ids that it told."""
    told: list[str] = []
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        for _ in range(after):
            told += json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        told += [id_ for line in process.stdout if line.endswith("\n") for id_ in json.loads(line)]
    return told


@pytest.mark.timeout(60 + 12 * KILLS)
async def test_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    told: list[str] = []
    for _ in range(KILLS):
        told += await asyncio.to_thread(_killed_writer, tmp_path, chance.randrange(1, 12))
        # A kill inside a write leaves what the page cache has: any part of the last transaction.
        _tear(tmp_path, chance.randrange(0, 400))

    async with in_hand(LadybugGraph(tmp_path, "kill", BUFFER_MB), "kill") as hand:
        assert told
        rows = await execute(hand.graph, "MATCH (s:Subtask) WHERE s.status = 'completed' RETURN s.id AS id")
        assert set(told) <= {row["id"] for row in rows}
        assert await hand.run_through(await hand.store(independent(3))) == 3


def _tear(folder: Path, length: int) -> None:
    """Appends the beginning of a transaction as a kill inside a write leaves it: the log's own bytes, cut off."""
    log = folder / LOG
    whole = log.read_bytes() if log.exists() else b""
    if len(whole) > 500:
        log.write_bytes(whole + whole[60 : 60 + length])


@pytest.mark.parametrize("cut", [1, 2000])
async def test_a_transaction_cut_off_is_dropped_alone(tmp_path: Path, cut: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    graph = LadybugGraph(source, "torn", BUFFER_MB)
    await graph.open()
    hand = Hand(graph, "torn")
    await graph.register(hand.engine, hand.now)
    first, second = await hand.store(independent(3)), await hand.store(independent(50))
    copied = {name: (source / name).read_bytes() for name in (FILE, LOG)}
    await graph.close()
    target.mkdir()
    (target / FILE).write_bytes(copied[FILE])
    (target / LOG).write_bytes(copied[LOG][:-cut])

    with structlog.testing.capture_logs() as logged:
        async with in_hand(LadybugGraph(target, "torn", BUFFER_MB), "torn") as again:
            found = await execute(again.graph, "MATCH (t:Task) RETURN t.id AS id")
            assert [row["id"] for row in found] == [first.id] != [second.id]
            await again.store(independent(2))

    assert [line["kept"] for line in logged if "inside a transaction" in line["event"]] == [f"{target / FILE}.wal.torn"]
    assert (target / f"{FILE}.wal.torn").read_bytes() == copied[LOG][:-cut]


async def test_after_a_failed_commit_nothing_is_appended_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Session.run_text

    def failing(session: Session, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        if text == "COMMIT" and failures:
            raise failures.pop()
        done.append(text.split()[0])
        return real(session, text, params)

    failures: list[Exception] = []
    done: list[str] = []
    async with in_hand(LadybugGraph(tmp_path, "torn", BUFFER_MB), "torn") as hand:
        monkeypatch.setattr(Session, "run_text", failing)
        failures.append(GraphUnavailable("IO exception: Cannot write to file."))
        with pytest.raises(GraphUnavailable, match="Cannot write"):
            await hand.store(independent(3))
        done.clear()

        task = await hand.store(independent(3))

        assert done[0] == "CHECKPOINT"
        assert await hand.run_through(task) == 3
        assert len(await execute(hand.graph, "MATCH (t:Task) RETURN t.id AS id")) == 1
