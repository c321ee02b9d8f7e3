"""When the embedded graph is checkpointed, and what its errors are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import AlreadyStored, EngineError, GraphLocked, GraphUnavailable
from graph.ladybug import faults
from graph.ladybug.faults import MIB, IndexSpoilt, PoolFull
from graph.ladybug.upkeep import (
    GROWTH_SHARE,
    LOG_BYTES,
    LOOK_EVERY,
    MOST_LOG_BYTES,
    REST,
    TRANSACTION_BYTES,
    Upkeep,
)

POOL = 800 * MIB


def _after(transactions: int, base: int = 100 * MIB) -> Upkeep:
    upkeep = Upkeep(POOL)
    upkeep.begin(base)
    for _ in range(transactions):
        upkeep.wrote()
    return upkeep


def test_the_pool_is_looked_at_now_and_then() -> None:
    upkeep = Upkeep(POOL)

    assert [number for number in range(1, 40) if upkeep.wrote()] == [LOOK_EVERY, 2 * LOOK_EVERY]


def test_growth_makes_a_checkpoint_due() -> None:
    assert not _after(1).due(199 * MIB, 0)
    assert _after(1).due(200 * MIB, 0)


def test_a_long_log_makes_a_checkpoint_due() -> None:
    assert not _after(1).due(0, LOG_BYTES - 1)
    assert _after(1).due(0, LOG_BYTES)


def test_in_a_full_pool_growth_is_reckoned_because_it_cannot_be_seen() -> None:
    enough = POOL // GROWTH_SHARE // TRANSACTION_BYTES
    full = 650 * MIB

    assert not _after(enough - 1, full).due(full, 0)
    assert _after(enough, full).due(full, 0)
    assert not _after(enough, 500 * MIB).due(500 * MIB, 0), "it can be seen there, and there is none"


def test_what_a_transaction_takes_is_learned_while_it_can_be_seen() -> None:
    upkeep = _after(100, 500 * MIB)
    assert not upkeep.due(510 * MIB, 0)  # a tenth of a MiB each

    upkeep.begin(650 * MIB)
    for _ in range(1000):
        upkeep.wrote()
    assert not upkeep.due(650 * MIB, 0)
    upkeep.wrote()
    assert upkeep.due(650 * MIB, 0)


def test_a_checkpoint_that_took_long_is_followed_by_a_long_rest() -> None:
    upkeep = Upkeep(POOL)
    upkeep.begin(0, 100.0, 2.0)

    assert not upkeep.due(0, LOG_BYTES, 100.0 + 2 * REST - 0.1)
    assert upkeep.due(0, LOG_BYTES, 100.0 + 2 * REST)


@pytest.mark.parametrize(
    ("used", "log"), [(POOL // 2, 0), (0, MOST_LOG_BYTES)], ids=["half of the pool", "the longest log"]
)
def test_nothing_is_put_off_for_ever(used: int, log: int) -> None:
    upkeep = Upkeep(POOL)
    upkeep.begin(0, 100.0, 2.0)

    assert not upkeep.due(used - MIB, log - 1, 101.0)
    assert not upkeep.pressing(used - MIB, log - 1)
    assert upkeep.due(used, log, 101.0)
    assert upkeep.pressing(used, log)


def test_growth_that_has_filled_the_pool_does_not_wait() -> None:
    upkeep = Upkeep(POOL)
    upkeep.begin(500 * MIB, 100.0, 2.0)

    assert not upkeep.pressing(599 * MIB, 0)
    assert upkeep.pressing(600 * MIB, 0)


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("Buffer manager exception: Unable to allocate memory!", PoolFull, "raise EMBEDDED_BUFFER_MB"),
        ("Runtime exception: Index contains an invalid node offset. Drop it.", IndexSpoilt, "to be opened anew"),
        (
            "Runtime exception: Found duplicated primary key value n:k, which violates the uniqueness constraint",
            AlreadyStored,
            "n:k already exists",
        ),
        ("IO exception: Cannot write to file.", GraphUnavailable, "cannot be written: IO exception"),
        ("Binder exception: Variable ratio is not in scope.", RuntimeError, "Variable ratio"),
    ],
)
def test_what_the_database_says_is_translated(said: str, kind: type[Exception], told: str) -> None:
    found = faults.translated(RuntimeError(said))

    assert type(found) is kind
    assert told in str(found)


def test_a_pool_too_small_is_not_waited_for() -> None:
    assert not issubclass(PoolFull, GraphUnavailable)
    assert issubclass(PoolFull, EngineError)


@pytest.mark.parametrize(
    "said",
    [
        "Storage exception: Checksum verification failed, the WAL file is corrupted.",
        "Runtime exception: Corrupted wal file. Read out invalid WAL record type.",
        "Runtime exception: Reading past the end of the file /d/graph.lbug.wal with size 7 at offset 7",
        "std::bad_alloc",
    ],
)
def test_a_torn_log_is_known(said: str) -> None:
    assert faults.is_torn_log(RuntimeError(said))


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("IO exception: Could not set lock on file, held by pid 42", GraphLocked, "held by process 42"),
        ("Buffer manager exception: Unable to allocate memory!", GraphUnavailable, "Raise EMBEDDED_BUFFER_MB"),
        ("IO exception: Cannot read from file.", GraphUnavailable, "cannot be opened: IO exception"),
    ],
)
def test_anything_else_is_no_torn_log(said: str, kind: type[Exception], told: str) -> None:
    error = RuntimeError(said)

    assert not faults.is_torn_log(error)
    assert type(faults.opening(Path("g"), error)) is kind
    assert told in str(faults.opening(Path("g"), error))
