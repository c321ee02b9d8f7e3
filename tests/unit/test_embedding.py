"""Vectors without a model, passages, and how they are taken down beside the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.embedding.desk import EmbeddingDesk
from engine.embedding.indexer import BATCH, CROWDED, Indexer
from engine.embedding.lexical import LexicalEmbedder, vector_of
from engine.embedding.passages import LONG, MOST, pieces, text_of
from engine.errors import GraphUnavailable, InvalidInput
from engine.passagestore import DIMENSIONS, Near, NearWish, Passage
from engine.turn import Change, TaskChanges
from tests.support.clock import FakeClock
from tests.support.tools_context import until

INVOICE = "The invoice of March was paid twice by the customer"


def _cosine(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(vector_of(one), vector_of(other), strict=True))


def test_texts_with_the_same_words_are_near_also_in_other_forms() -> None:
    assert _cosine(INVOICE, "invoices paid twice") > 0.4
    assert _cosine("invoices", "invoice") > 0.4
    assert _cosine("the invoyce", "an invoice") > 0.15
    assert abs(_cosine(INVOICE, "quarterly weather in Norwegian harbours")) < 0.2
    assert vector_of("...") == [0.0] * DIMENSIONS


@given(st.text(max_size=200))
def test_a_vector_is_the_same_for_ever_and_of_length_one(text: str) -> None:
    found = vector_of(text)
    length = math.sqrt(sum(value * value for value in found))
    assert len(found) == DIMENSIONS
    assert length == 0 or length == pytest.approx(1, abs=1e-3)
    assert found == vector_of(text)


def test_the_words_of_an_output_stand_under_their_names() -> None:
    output = {"title": "A", "rows": [{"city": "Oslo", "n": 1}, {"city": "Bergen", "n": None}], "ok": True, "x": []}
    assert text_of(output).splitlines() == ["title: A", "rows.city: Oslo", "rows.n: 1", "rows.city: Bergen", "ok: True"]
    assert text_of([1, 2.5, None]) == ""
    deep: Any = "end"
    for _ in range(5_000):
        deep = [deep]
    assert text_of(deep) == "end"
    assert len(text_of(["x" * 900] * 1_000)) <= LONG * MOST


@given(st.text(max_size=5_000))
def test_passages_keep_all_words_up_to_their_number(text: str) -> None:
    found = pieces(text)
    assert all(0 < len(piece) <= LONG for piece in found)
    assert all(piece in text for piece in found)


def test_a_long_text_is_cut_between_words_and_ends_somewhere() -> None:
    found = pieces("words and more " * 5_000)
    assert len(found) == MOST
    assert not any(piece.startswith("ords") for piece in found)
    assert pieces("42") == pieces("1234567890 12345") == []


class Store:
    """Passages in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Passage] = {}
        self.away = False

    async def put_passages(self, sources: Sequence[str], passages: Sequence[Passage]) -> None:
        if self.away:
            raise GraphUnavailable
        self.kept = {id_: passage for id_, passage in self.kept.items() if passage.source not in sources}
        self.kept |= {f"{passage.source}#{passage.number}": passage for passage in passages}

    async def near_passages(self, wish: NearWish) -> list[Near]:
        return []

    async def passages_number(self) -> int:
        return len(self.kept)

    async def shorten_passages(self, limit: int) -> None:
        for id_ in list(self.kept)[:limit]:
            del self.kept[id_]


def _indexer(store: Store, clock: FakeClock, folder: Path | None = None, rows: int = 1_000) -> Indexer:
    async def outputs(ids: Sequence[str], most: int) -> dict[str, Any]:
        return {id_: {"text": f"the output called {id_}, hush-hush"} for id_ in ids}

    cover = lambda text: text.replace("hush-hush", "***")  # noqa: E731
    below = lambda task_id: None if folder is None else folder / task_id  # noqa: E731
    return Indexer(store, outputs, LexicalEmbedder(), clock, below, cover, rows)


async def _nobody(task_id: str) -> str:
    return ""


def _done(task_id: str, *keys: str, status: str = "completed") -> TaskChanges:
    return TaskChanges(task_id, 1, [Change(f"{task_id}.{key}", key, "e", "processing", status) for key in keys])


async def test_outputs_and_files_are_taken_down_without_secrets(tmp_path: Path) -> None:
    store, clock = Store(), FakeClock()
    folder = tmp_path / "T1"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "plan.md").write_text("A plan with hush-hush and ghp_" + "a" * 36)
    (folder / "picture").write_bytes(b"\x89PNG\0 some words in it")
    (folder / "link").symlink_to("/etc/passwd")
    indexer = _indexer(store, clock, tmp_path)
    indexer.heard(_done("T1", "a", "b"))
    indexer.heard(_done("T1", "c", status="failed"))
    assert indexer.waiting == 2
    clock.advance(1.0)
    await until(lambda: indexer.waiting == 0)
    assert sorted(store.kept) == ["T1/file/notes/plan.md#0", "T1/result/a#0", "T1/result/b#0"]
    assert store.kept["T1/file/notes/plan.md#0"].text == "A plan with *** and ***"
    (folder / "notes" / "plan.md").write_text("no")
    indexer.wrote("T1")
    await until(lambda: clock.waiting)
    clock.advance(1.0)
    await until(lambda: indexer.waiting == 0)
    assert sorted(store.kept) == ["T1/result/a#0", "T1/result/b#0"]
    await indexer.stop()


async def test_a_graph_that_is_away_is_asked_again_and_a_flood_is_bounded() -> None:
    store, clock = Store(), FakeClock()
    store.away = True
    indexer = _indexer(store, clock, rows=50)
    indexer.heard(_done("T1", *map(str, range(CROWDED + 5))))
    assert (indexer.waiting, indexer.dropped) == (CROWDED, 5)
    clock.advance(1.0)
    await until(lambda: clock.waiting)
    assert indexer.waiting == CROWDED
    store.away = False
    clock.advance(10.0)
    await until(lambda: clock.waiting)
    assert indexer.waiting == CROWDED - BATCH
    assert len(store.kept) == 50
    await indexer.stop()
    indexer.heard(_done("T1", "late"))
    assert indexer.waiting == CROWDED - BATCH


async def test_a_search_without_words_or_without_anything_kept_is_refused() -> None:
    store, clock = Store(), FakeClock()
    with pytest.raises(InvalidInput, match="should have a word"):
        await EmbeddingDesk(store, _indexer(store, clock), _nobody).search("?!")
    with pytest.raises(InvalidInput, match="EMBEDDING_KEEP_ROWS"):
        await EmbeddingDesk(store, _indexer(store, clock, rows=0), _nobody).search("words")
    assert (await EmbeddingDesk(store, _indexer(store, clock), _nobody).search("words"))["lexical"] is True
