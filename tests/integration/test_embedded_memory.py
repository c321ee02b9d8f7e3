"""The embedded graph in a small buffer pool: turns take memory until a checkpoint, and never run out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import GraphExhausted, GraphUnavailable
from graph.ladybug import upkeep
from graph.ladybug.connection import LadybugDatabase, Session
from graph.ladybug.faults import MIB
from graph.ladybug.store import LadybugGraph
from tests.support.graphs import Hand, execute, in_hand
from tests.support.plans import independent

POOL_MB = 64
TURNS = 700
"""Each leaves 0.1 MiB of versions in the pool: more than it holds."""


@pytest.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    """A new graph with a pool as small as it works with at all."""
    async with in_hand(LadybugGraph(tmp_path, "memory", POOL_MB), "memory") as opened:
        yield opened


async def _one_by_one(hand: Hand, turns: int) -> None:
    """As many turns, each of which settles one subtask and claims the next."""
    task = await hand.store(independent(turns))
    running = (await hand.turn(claim={task.id: 1})).claims
    settled = 0
    while running:
        running = (await hand.turn(*map(hand.done, running), claim={task.id: 1})).claims
        settled += 1
    assert settled == turns
    assert set((await hand.statuses(task)).values()) == {"completed"}


async def test_turns_without_end_fit_into_a_small_pool(hand: Hand, checkpoints: list[int]) -> None:
    await _one_by_one(hand, TURNS)

    assert checkpoints
    assert max(checkpoints) < POOL_MB * MIB * 0.9


async def test_a_full_pool_is_relieved_and_the_turn_repeated(
    hand: Hand, checkpoints: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep.Upkeep, "wrote", lambda self: False)

    await _one_by_one(hand, TURNS)

    assert max(checkpoints) >= POOL_MB * MIB * 0.9


async def test_what_cannot_fit_says_so_and_harms_nothing(hand: Hand) -> None:
    with pytest.raises(GraphExhausted, match="raise EMBEDDED_BUFFER_MB"):
        await execute(
            hand.graph,
            "UNWIND range(1, 2000000) AS i CREATE (:Result {hash: $head + CAST(i AS STRING), namespace: 'n'})",
            head="x" * 100,
        )

    task = await hand.store(independent(3))
    assert await hand.run_through(task) == 3
    assert await execute(hand.graph, "MATCH (r:Result) RETURN count(*) AS n") == [{"n": 0}]


async def test_a_file_that_cannot_be_opened_anew_is_found_again_by_the_next_look(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(hand.graph, LadybugGraph)
    database = hand.graph._database
    task = await hand.store(independent(5))
    run_text = Session.run_text

    def fails(session: Session, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        if text == "CHECKPOINT":
            raise RuntimeError("the file does not take it")
        return run_text(session, text, params)

    with monkeypatch.context() as broken:
        broken.setattr(Session, "run_text", fails)
        broken.setattr(LadybugDatabase, "_open", lambda _: (_ for _ in ()).throw(GraphUnavailable("not now")))
        with pytest.raises(GraphUnavailable, match="not now"):
            await database._on_writer(lambda: database._checkpoint(-1))
        with pytest.raises(GraphUnavailable):
            await hand.statuses(task)
        with pytest.raises(GraphUnavailable, match="not now"):
            await database.ping()

    await database.ping()
    assert await hand.run_through(task) == 5


@pytest.fixture
def checkpoints(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that the pool held at each checkpoint."""
    assert isinstance(hand.graph, LadybugGraph)
    held: list[int] = []
    make = LadybugDatabase._checkpoint

    def noted(database: LadybugDatabase, patience: float, *, spoilt: bool = False) -> None:
        held.append(database._used())
        make(database, patience, spoilt=spoilt)

    monkeypatch.setattr(LadybugDatabase, "_checkpoint", noted)
    return held


async def test_a_pool_too_small_for_a_checkpoint_is_enlarged_and_nothing_is_lost(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint rewrites columns of text as a whole. That it failed was fatal for the one after the next."""
    monkeypatch.setattr(upkeep, "LOOK_EVERY", 1)
    monkeypatch.setattr(upkeep, "GROWTH_SHARE", 64)
    assert isinstance(hand.graph, LadybugGraph)
    database = hand.graph._database
    written = 0
    while database._file.buffer_bytes == POOL_MB * MIB:
        assert written < 100_000, "it never ran full"
        await execute(
            hand.graph,
            "UNWIND range(1, 500) AS i CREATE (:Result {hash: sha256(CAST($from + i AS STRING)), namespace: 'n', "
            "body: repeat(sha256(CAST($from + i AS STRING)), 30)})",
            **{"from": written},
        )
        written += 500

    assert database._file.buffer_bytes > POOL_MB * MIB
    assert await execute(hand.graph, "MATCH (r:Result) RETURN count(*) AS n") == [{"n": written}]
    assert await hand.run_through(await hand.store(independent(30))) == 30
