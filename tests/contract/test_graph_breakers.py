"""Open breakers are kept in the graph of a namespace, on both graphs."""

from __future__ import annotations

import pytest

from engine.breakerstore import StoredBreaker
from engine.errors import Fenced
from tests.support.graphs import Hand


async def test_what_is_open_is_kept_until_it_is_closed(hand: Hand) -> None:
    graph = hand.graph
    assert await graph.breakers() == []
    await graph.put_breaker(StoredBreaker("http_request@a:1", '{"state":"open"}', 1))
    await graph.put_breaker(StoredBreaker("far", '{"state":"open"}', 2))
    await graph.put_breaker(StoredBreaker("far", '{"state":"open","until":3}', 3))
    await graph.drop_breaker("http_request@a:1")
    await graph.drop_breaker("never")

    assert await graph.breakers() == [StoredBreaker("far", '{"state":"open","until":3}', 3)]


async def test_an_engine_that_was_replaced_keeps_nothing(hand: Hand) -> None:
    graph = hand.graph
    epoch = graph._epoch  # type: ignore[attr-defined]
    graph._epoch = epoch - 1  # type: ignore[attr-defined]
    try:
        with pytest.raises(Fenced):
            await graph.put_breaker(StoredBreaker("far", "{}", 1))
    finally:
        graph._epoch = epoch  # type: ignore[attr-defined]
    assert await graph.breakers() == []
