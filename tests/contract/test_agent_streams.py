"""The streams of agents on a real Redis: what is told once, taken over, handed back, withdrawn, and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.adapters.agent_streams import EVENTS, AgentStreams, Entry, Hold, stream_of
from tests.support.services import eventually
from tests.support.workers import Streams, fresh_streams

LONG = 60_000
"""A lease in milliseconds, which does not run out within a test."""


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[Streams]:
    async with fresh_streams(redis_server.rpartition("/")[0] + "/7") as found:
        yield found


@pytest.fixture
def streams(redis: Streams) -> AgentStreams:
    return AgentStreams(redis.connection, 600)


async def _next(streams: AgentStreams, consumer: str = "one", lease: int = LONG) -> Entry:
    found = await streams.next([EVENTS], consumer, lease)
    assert isinstance(found, Entry), found
    return found


async def _nothing(streams: AgentStreams, consumer: str = "one", lease: int = LONG) -> None:
    assert not isinstance(await streams.next([EVENTS], consumer, lease), Entry)


async def _age(redis: Streams, entry: Entry, consumer: str) -> None:
    """As if the consumer had given no sign of life of that entry for longer than a lease."""
    client = redis.connection.client
    await client.xclaim(EVENTS, "agent-workers", consumer, 0, [entry.id], idle=2 * LONG, justid=True)


def _hold(entry: Entry, owner: str = "me", event: str = "e1", subtask: str = "s1") -> Hold:
    return Hold(entry, event, subtask, owner)


async def test_an_event_is_taken_once_and_its_result_told_once(redis: Streams, streams: AgentStreams) -> None:
    await redis.add('"first"')
    await redis.add('"again"')
    first, again = _hold(await _next(streams)), _hold(await _next(streams), "another")
    assert await streams.take(first, 1) == ("taken", 1)
    assert await streams.take(again, 1) == ("duplicate", 0)
    assert await streams.finish(first, '{"told": 1}') == "told"
    assert await streams.finish(first, '{"told": 2}') == "taken over"
    await redis.add('"late"')
    assert await streams.take(_hold(await _next(streams)), 1) == ("done", 0)
    assert await redis.results() == [{"told": 1}]
    assert await redis.left() == 0


async def test_what_a_dead_worker_had_goes_to_another_and_its_own_writes_are_refused(
    redis: Streams, streams: AgentStreams
) -> None:
    await redis.add('"x"')
    dead = _hold(await _next(streams), "dead")
    await streams.take(dead, 1)
    await streams.put_step(dead, "a", "step", "told")
    await _nothing(streams, "two")
    await _age(redis, dead.entry, "one")
    entry = await _next(streams, "two")
    assert entry == dead.entry
    assert await streams.take(_hold(entry, "alive"), 1) == ("taken", 2)
    assert not await streams.put_step(dead, "b", "step", "told")
    assert not await streams.renew(dead, "one")
    assert await streams.finish(dead, "{}") == "taken over"
    assert await streams.steps("s1") == [b"step"]
    assert await streams.finish(_hold(entry, "alive"), '{"told": 1}') == "told"


async def test_a_sign_of_life_keeps_an_event(redis: Streams, streams: AgentStreams) -> None:
    await redis.add('"x"')
    hold = _hold(await _next(streams))
    await streams.take(hold, 1)
    await _age(redis, hold.entry, "one")
    assert await streams.renew(hold, "one")
    await _nothing(streams, "two")
    await _age(redis, hold.entry, "one")
    assert await _next(streams, "two") == hold.entry


async def test_what_is_handed_back_is_there_at_once(redis: Streams, streams: AgentStreams) -> None:
    await redis.add('"x"')
    hold = _hold(await _next(streams))
    await streams.take(hold, 1)
    assert await streams.hand_back(hold)
    assert not await streams.hand_back(hold)
    entry = await _next(streams, "two")
    assert entry.text == '"x"'
    assert await streams.take(_hold(entry, "next"), 1) == ("taken", 1), "handing back is no death"


async def test_a_newer_attempt_replaces_an_older_one_and_never_the_other_way(
    redis: Streams, streams: AgentStreams
) -> None:
    for text in ('"old"', '"new"', '"older"'):
        await redis.add(text)
    old = _hold(await _next(streams), "a", "old")
    await streams.take(old, 2)
    new = _hold(await _next(streams), "b", "new")
    assert await streams.take(new, 3) == ("taken", 1)
    assert await streams.finish(old, '{"late": 1}') == "superseded"
    assert await streams.take(_hold(await _next(streams), "c", "older"), 1) == ("stale", 0)
    assert await streams.finish(new, '{"told": 1}') == "told"
    assert await redis.results() == [{"told": 1}]
    assert await redis.left() == 0


async def test_a_passed_on_event_is_the_same_one(redis: Streams, streams: AgentStreams) -> None:
    await redis.add('"x"')
    await streams.forward(await _next(streams), "e1", stream_of("writer"))
    await _nothing(streams)
    entry = await streams.next([stream_of("writer"), EVENTS], "two", LONG)
    assert isinstance(entry, Entry)
    assert (entry.stream, entry.text) == ("agent:events:writer", '"x"')
    await redis.add('"x"')
    duplicate = _hold(await _next(streams), "b")
    assert await streams.take(_hold(entry, "a"), 1) == ("taken", 1)
    assert await streams.take(duplicate, 1) == ("duplicate", 0)


async def test_an_engine_s_event_is_sent_once_again_after_a_loss_and_gives_its_result(
    redis: Streams, streams: AgentStreams
) -> None:
    assert await streams.send("e1", '"x"')
    assert not await streams.send("e1", '"x"')
    assert await streams.look("e1") == ("there", "")
    await redis.connection.client.flushdb()
    assert await streams.look("e1") == ("gone", "")
    assert await streams.send("e1", '"x"')
    hold = _hold(await _next(streams))
    assert await streams.take(hold, 1) == ("taken", 1)
    assert await streams.look("e1") == ("there", ""), "also while it runs"
    await streams.finish(hold, '{"told": 1}')
    assert not await streams.send("e1", '"x"')
    assert await streams.look("e1") == ("result", '{"told": 1}')
    await redis.connection.client.delete("agent:result:e1")
    assert await streams.look("e1") == ("result", ""), "long ago"
    assert await redis.left() == 0


async def test_what_is_withdrawn_is_run_by_nobody(redis: Streams, streams: AgentStreams) -> None:
    await streams.send("e1", '"x"')
    hold = _hold(await _next(streams))
    await streams.take(hold, 1)
    await streams.withdraw("e1", "s1")
    assert not await streams.renew(hold, "one")
    assert await streams.finish(hold, "{}") == "superseded"
    assert not await streams.send("e1", '"x"')
    assert await redis.left() == 0
    assert await redis.results() == []


async def test_steps_of_an_engine_do_not_replace_those_of_a_worker(redis: Streams, streams: AgentStreams) -> None:
    await redis.add('"x"')
    hold = _hold(await _next(streams))
    await streams.take(hold, 1)
    await streams.put_step(hold, "a", "new", "told")
    await streams.keep_steps("s1", {"a": "old", "b": "more"})
    assert sorted(await streams.steps("s1")) == [b"more", b"new"]


async def test_workers_that_are_gone_are_forgotten_unless_they_have_something_in_hand(
    redis: Streams, streams: AgentStreams
) -> None:
    async def known() -> set[bytes]:
        found = await redis.connection.client.xinfo_consumers(EVENTS, "agent-workers")
        return {consumer["name"] for consumer in found}

    for consumer in ("busy", "leaves", "stays"):
        await redis.add('"x"')
        entry = await _next(streams, consumer)
        if consumer != "busy":
            await streams.refuse(entry, "{}")
    assert await known() == {b"busy", b"leaves", b"stays"}
    assert await streams.tidy([EVENTS, "agent:events:nobody"], "busy") == 0, "what it has would be lost"
    await streams.tidy([EVENTS], "leaves")
    assert await known() == {b"busy", b"stays"}

    async def only_the_busy_one() -> bool:
        await streams.tidy([EVENTS], idle_seconds=0)
        return await known() == {b"busy"}

    await eventually(only_the_busy_one)


async def test_pools_that_say_nothing_any_more_are_forgotten(redis: Streams, streams: AgentStreams) -> None:
    await streams.announce("one", '"1"', 60)
    await streams.announce("two", '"2"', 60)
    assert await streams.pools() == [b'"1"', b'"2"']
    await redis.connection.client.delete("agent:pools:one")
    assert await streams.pools() == [b'"2"']
    await streams.leave("two")
    assert await streams.pools() == []
    assert await redis.connection.client.smembers("agent:pools") == set()
