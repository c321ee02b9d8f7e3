"""Outputs on their way to the graph and back. The graph is the embedded one; blobs are real files."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.blobs import FolderBlobs
from engine.errors import BlobsAway, Category, EngineError, NoRoom, ToolError
from engine.model import BLOB_BYTES, INLINE_OUTPUT_BYTES, Json, NewResult
from engine.payloads import Payloads, blocked_text, error_text, pack
from engine.settings import Settings
from graph.ladybug.store import LadybugGraph
from tests.support.graphs import BUFFER_MB, Hand, in_hand
from tests.support.plans import independent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=12,
)


@pytest.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    async with in_hand(LadybugGraph(tmp_path, "n", BUFFER_MB), "n") as opened:
        yield opened


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(Path(Settings(data_path=tmp_path).blobs))


def _large(size: int) -> str:
    """A value whose JSON text has ``size`` bytes."""
    return "x" * (size - 2)


@given(JSON)
def test_a_value_is_addressed_by_its_canonical_text(value: Json) -> None:
    packed = pack(value)

    assert json.loads(packed.text) == value
    assert packed.digest == hashlib.sha256(packed.text.encode()).hexdigest()
    assert packed.size == len(packed.text.encode())


def test_fields_keep_their_order() -> None:
    assert pack({"b": {"d": 3, "c": 2}, "a": 1}).text == '{"b":{"d":3,"c":2},"a":1}'


def test_only_small_texts_stay_on_the_attempt() -> None:
    assert pack(_large(INLINE_OUTPUT_BYTES)).inline is not None
    assert pack(_large(INLINE_OUTPUT_BYTES + 1)).inline is None


@pytest.mark.parametrize("value", [object(), {1: {2j}}, {"a": [b"\xff", object()]}])
def test_what_is_no_json_is_an_error_of_the_tool(value: object) -> None:
    with pytest.raises(ToolError, match="not JSON") as refused:
        pack(value)

    assert refused.value.category is Category.LOGIC


def test_a_value_without_end_is_an_error_of_the_tool() -> None:
    endless: list[Json] = []
    endless.append(endless)

    with pytest.raises(ToolError, match="not JSON"):
        pack(endless)


async def test_results_wait_for_the_turn_that_settles_them(hand: Hand, blobs: FolderBlobs) -> None:
    payloads = Payloads(hand.graph, blobs)
    small, text, blob = (pack(_large(size)) for size in (INLINE_OUTPUT_BYTES, INLINE_OUTPUT_BYTES + 1, BLOB_BYTES + 1))
    for number, packed in enumerate((small, text, blob)):
        await payloads.keep(f"T.{number}", packed)

    pending = payloads.take_pending()

    assert pending == [
        NewResult(text.digest, text.size, text.text, "T.1"),
        NewResult(blob.digest, blob.size, None, "T.2"),
    ]
    assert [payloads.in_flight(packed.digest) for packed in (text, blob)] == [False, True]
    assert payloads.take_pending() == []
    assert await blobs.get(blob.digest) == blob.text.encode()
    payloads.give_back(pending)
    assert payloads.take_pending() == pending
    payloads.written(pending)
    assert not payloads.in_flight(blob.digest)


async def test_outputs_come_from_wherever_they_are(hand: Hand, blobs: FolderBlobs) -> None:
    values = [{"n": 2**70}, _large(5_000), _large(BLOB_BYTES * 2), None]
    ids = await _run(hand, Payloads(hand.graph, blobs), values)

    fresh = Payloads(hand.graph, blobs)

    assert await fresh.outputs(ids) == dict(zip(ids, values, strict=True))
    rows = await hand.graph.subtasks(ids[0].split(".")[0], status=None, after="", limit=9)
    assert [await fresh.load(row.output, row.output_hash) for row in rows] == values
    assert await fresh.load(None, None) is None


async def test_every_reader_gets_a_value_of_its_own(hand: Hand, blobs: FolderBlobs) -> None:
    payloads = Payloads(hand.graph, blobs)
    [id_] = await _run(hand, payloads, [{"list": [1]}])

    (await payloads.outputs([id_]))[id_]["list"].append(2)

    assert await payloads.outputs([id_]) == {id_: {"list": [1]}}


async def test_what_did_not_complete_has_no_output(hand: Hand, blobs: FolderBlobs) -> None:
    task = await hand.store(independent(1))
    claim = (await hand.claimed(task))["k0"]
    await hand.turn(hand.failed(claim))

    assert await Payloads(hand.graph, blobs).outputs([claim.id, "nobody"]) == {}


async def test_memory_is_bounded_and_what_was_dropped_is_read_again(
    hand: Hand, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.payloads.CACHE_BYTES", 10_000)
    payloads = Payloads(hand.graph, blobs)
    values: list[Json] = [f"{number}" * 4_000 for number in range(9)]
    ids = await _run(hand, payloads, values)

    assert len(payloads._texts) == 2
    assert await payloads.outputs(ids) == dict(zip(ids, values, strict=True))
    assert len(payloads._texts) == 2


async def test_a_lost_blob_is_a_clear_error(hand: Hand, blobs: FolderBlobs, tmp_path: Path) -> None:
    [id_] = await _run(hand, Payloads(hand.graph, blobs), [_large(BLOB_BYTES + 1)])

    with pytest.raises(EngineError, match="is not in the blob store: restore BLOB_PATH"):
        await Payloads(hand.graph, FolderBlobs(tmp_path / "elsewhere")).outputs([id_])


def test_errors_are_kept_with_category_and_advice() -> None:
    error = ToolError("m", category=Category.TIMEOUT, suggestion="s")

    assert json.loads(error_text(error, 3)) == {"category": "timeout", "message": "m", "suggestion": "s", "attempt": 3}
    assert json.loads(blocked_text(["a", "b"]))["message"] == "blocked: a, b did not complete"
    assert json.loads(blocked_text([]))["message"] == "blocked: a dependency did not complete"


async def _run(hand: Hand, payloads: Payloads, values: list[Json]) -> list[str]:
    """Runs one subtask for each value, which becomes its output; returns their ids."""
    task = await hand.store(independent(len(values)))
    claims = await hand.claimed(task)
    for key, claim in claims.items():
        await payloads.keep(claim.id, pack(values[int(key[1:])]))
    await hand.graph.put_results(payloads.take_pending())
    await hand.turn(*(hand.done(claim, values[int(key[1:])]) for key, claim in claims.items()))
    return sorted(claim.id for claim in claims.values())


async def test_an_output_waits_for_room_on_the_disk(
    hand: Hand, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        if tries.pop():
            raise OSError(errno.ENOSPC, "No space left on device")

    tries = [0, 1, 1]
    monkeypatch.setattr("engine.payloads.NO_ROOM_SECONDS", (0.0, 0.0))
    monkeypatch.setattr("engine.adapters.blobs._write", full)

    with structlog.testing.capture_logs() as logged:
        await Payloads(hand.graph, blobs).keep("id", pack(_large(BLOB_BYTES + 1)))

    assert tries == []
    assert ["make room" in line["reason"] for line in logged] == [True]


async def test_an_output_waits_for_a_store_that_does_not_answer(
    hand: Hand, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(digest: str, data: bytes) -> None:
        if tries.pop():
            raise BlobsAway()
        await FolderBlobs.put(blobs, digest, data)

    tries = [0, 1, 1]
    monkeypatch.setattr("engine.payloads.NO_ROOM_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(blobs, "put", away)
    packed = pack(_large(BLOB_BYTES + 1))

    await Payloads(hand.graph, blobs).keep("id", packed)

    assert tries == []
    assert await blobs.has(packed.digest)


async def test_a_blob_store_that_cannot_be_written_is_not_waited_for(
    hand: Hand, blobs: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("engine.adapters.blobs._write", refused)

    with pytest.raises(EngineError, match="correct BLOB_PATH") as error:
        await Payloads(hand.graph, blobs).keep("id", pack(_large(BLOB_BYTES + 1)))
    assert not isinstance(error.value, NoRoom)
