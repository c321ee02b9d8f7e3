"""The graph port: outputs to be reused. They are kept, found, listed and forgotten the same way on both graphs."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from engine.cachestore import CacheEntry
from engine.errors import Fenced
from engine.model import Json
from engine.ports import Graph
from tests.support.graphs import Hand

TEXT = '{"it\'s":"ä\u2028"}'
ENTRY = CacheEntry(
    key="task:count:00ff",
    type="count",
    version="1",
    output=TEXT,
    output_hash=hashlib.sha256(TEXT.encode()).hexdigest(),
    output_bytes=len(TEXT.encode()),
    seconds=1.5,
    task_id="T",
    subtask_id="T.0000001",
    created_at=1_000,
    expires_at=5_000,
    cost=None,
    tags=("a", "b c"),
    parts='{"version":"1"}',
)


def entry(key: str = ENTRY.key, **fields: Json) -> CacheEntry:
    return msgspec.structs.replace(ENTRY, key=key, **fields)


async def keys(graph: Graph, *wanted: str, now: int = 1_000) -> list[str]:
    return sorted(found.key for found in await graph.cached(wanted, now))


async def test_an_entry_is_kept_as_it_was(graph: Graph) -> None:
    assert await graph.cached([ENTRY.key], 1_000) == []

    await graph.put_cached([ENTRY])

    assert await graph.cached([ENTRY.key, "task:count:none"], 1_000) == [ENTRY]
    assert (await graph.sizes())["CacheEntry"] == 1


async def test_entries_of_all_kinds_go_in_one_batch_and_take_the_place_of_older_ones(graph: Graph) -> None:
    large = entry("task:count:large", output=None, output_bytes=99_999, cost=0.25, tags=())
    plain = entry("task:count:plain", output="1", output_bytes=1)
    await graph.put_cached([large, ENTRY, plain])

    newer = entry(output="2", created_at=2_000)
    await graph.put_cached([newer])

    found = {one.key: one for one in await graph.cached([ENTRY.key, large.key, plain.key], 1_000)}
    assert found == {ENTRY.key: newer, large.key: large, plain.key: plain}


async def test_only_small_outputs_lie_in_an_entry(graph: Graph) -> None:
    await graph.put_cached([entry(output="x" * 2_000, output_bytes=2_000)])

    (found,) = await graph.cached([ENTRY.key], 1_000)
    assert (found.output, found.output_hash, found.output_bytes) == (None, ENTRY.output_hash, 2_000)


async def test_what_is_too_old_is_not_found_and_can_be_tidied(graph: Graph) -> None:
    await graph.put_cached([ENTRY, entry("task:count:young", expires_at=9_000)])

    assert await keys(graph, ENTRY.key, "task:count:young", now=5_000) == ["task:count:young"]
    assert await graph.expired_keys(5_000, 10) == [ENTRY.key]
    assert await graph.drop_cached([ENTRY.key, "task:count:none"]) == 1
    assert await graph.expired_keys(5_000, 10) == []


async def test_entries_are_found_by_type_tag_and_version(graph: Graph) -> None:
    await graph.put_cached([ENTRY, entry("k2", type="sum", tags=("a b",)), entry("k3", version="2", tags=())])

    async def matching(**asked: str) -> list[str]:
        return sorted(await graph.cached_keys(10, **asked))

    assert await matching(type="count") == ["k3", ENTRY.key]
    assert await matching(type="count", version="2") == ["k3"]
    assert await matching(tag="a") == [ENTRY.key]
    assert await matching(tag="a b") == ["k2"]
    assert await matching(tag="a", type="sum") == []
    assert len(await graph.cached_keys(2)) == 2


async def test_the_newest_of_a_type_come_first(graph: Graph) -> None:
    await graph.put_cached([entry(f"k{at}", created_at=at) for at in (3, 1, 2)] + [entry("other", type="sum")])

    assert [found.key for found in await graph.cache_entries("count", 2)] == ["k3", "k2"]


async def test_a_fenced_engine_keeps_nothing(hand: Hand) -> None:
    await hand.fence()

    with pytest.raises(Fenced):
        await hand.graph.put_cached([ENTRY])

    assert await keys(hand.graph, ENTRY.key) == []
