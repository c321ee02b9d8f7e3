"""One suite for Redis and its stand-in; then what only a real server can show: wrong passwords, silence, absence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.adapters.redis import PING_SECONDS, RedisConnection, RedisUnavailable
from engine.errors import SettingsError
from tests.support.services import RedisProcess, eventually

SECRET = "s3cret-word"


@pytest.fixture(params=["in-process", "redis"])
async def connection(request: pytest.FixtureRequest) -> AsyncIterator[RedisConnection]:
    url = request.getfixturevalue("redis_server") if request.param == "redis" else ""
    connection = RedisConnection(url)
    await connection.open()
    yield connection
    await connection.close()


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisProcess]:
    server = RedisProcess(tmp_path, password=SECRET)
    server.start()
    yield server
    server.stop()


async def test_health_is_well_and_says_what_it_is(connection: RedisConnection, request: pytest.FixtureRequest) -> None:
    health = await connection.health()

    assert health["ok"]
    assert health["kind"] == request.node.callspec.params["connection"]
    assert health["error"] == ""
    assert health["latency_ms"] is not None
    assert health["latency_ms"] > 0 or connection.kind == "in-process", "a server is really asked"
    assert 0 <= health["latency_ms"] < PING_SECONDS * 1000


async def test_a_value_comes_back_as_bytes_and_ends_in_time(connection: RedisConnection, namespace: str) -> None:
    await connection.client.set(f"{namespace}:key", b"\x00value", px=30)
    assert await connection.client.get(f"{namespace}:key") == b"\x00value"

    async def gone() -> bool:
        return await connection.client.get(f"{namespace}:key") is None

    await eventually(gone)


async def test_a_stream_is_read_in_order(connection: RedisConnection, namespace: str) -> None:
    for number in range(3):
        await connection.client.xadd(f"{namespace}:events", {"event": str(number)})

    entries = await connection.client.xrange(f"{namespace}:events") or []

    assert [fields for _, fields in entries] == [{b"event": b"0"}, {b"event": b"1"}, {b"event": b"2"}]


async def test_more_commands_than_connections_wait_their_turn(connection: RedisConnection, namespace: str) -> None:
    counts = await asyncio.gather(*(connection.client.incr(f"{namespace}:count") for _ in range(300)))

    assert sorted(counts) == list(range(1, 301))


async def test_opening_twice_keeps_the_client_and_closing_twice_is_no_fault(connection: RedisConnection) -> None:
    client = connection.client
    await connection.open()
    assert connection.client is client

    await connection.close()
    await connection.close()

    with pytest.raises(RedisUnavailable, match=r"not open; await open\(\) first"):
        _ = connection.client
    assert (await connection.health())["ok"] is False


async def test_two_stand_ins_share_nothing() -> None:
    first, second = RedisConnection(""), RedisConnection("")
    await first.open()
    await second.open()

    await first.client.set("key", "value")

    assert await second.client.get("key") is None
    await first.close()
    await second.close()


async def test_a_stopped_server_is_told_and_found_again(own_redis: RedisProcess) -> None:
    connection = RedisConnection(own_redis.url)
    await connection.open()
    assert (await connection.health())["ok"]

    own_redis.stop()
    health = await connection.health()
    assert (health["ok"], health["latency_ms"]) == (False, None)
    assert connection.location in health["error"]
    with pytest.raises(RedisUnavailable, match="does not answer"):
        await connection.ping()

    own_redis.start()
    assert (await connection.health())["ok"]
    await connection.close()


async def test_a_silent_server_costs_no_more_than_the_bound(own_redis: RedisProcess) -> None:
    connection = RedisConnection(own_redis.url)
    await connection.open()
    assert (await connection.health())["ok"]

    own_redis.pause()
    began = time.monotonic()
    health = await connection.health()

    assert not health["ok"]
    assert "did not answer within 2 s" in health["error"]
    assert time.monotonic() - began < PING_SECONDS + 1
    own_redis.resume()
    assert (await connection.health())["ok"]
    await connection.close()


async def test_the_password_is_used_and_never_shown(
    guarded_redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connection = RedisConnection(guarded_redis.url)
    await connection.open()
    assert (await connection.health())["ok"]

    guarded_redis.stop()
    shown = [repr(await connection.health()), connection.location, repr(connection), caplog.text]

    assert not [text for text in shown if SECRET in text]
    await connection.close()


async def test_a_wrong_password_is_told_without_it(guarded_redis: RedisProcess) -> None:
    connection = RedisConnection(guarded_redis.url.replace(SECRET, "another-word"))
    await connection.open()

    health = await connection.health()

    assert not health["ok"]
    assert "WRONGPASS" in health["error"] or "invalid" in health["error"]
    assert "another-word" not in health["error"]
    await connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        f"http://user:{SECRET}@localhost",
        f"redis://:{SECRET}/x@localhost",
        f"redis://:{SECRET}@localhost:99999",
        f"redis://:{SECRET}@localhost/0?nonsense=1",
    ],
)
async def test_a_wrong_address_is_refused_without_quoting_it(url: str) -> None:
    connection = RedisConnection(url)

    with pytest.raises(SettingsError, match="REDIS_URL has to look like redis://host:port/db") as refused:
        await connection.open()

    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__


async def test_making_one_touches_nothing() -> None:
    connection = RedisConnection("redis://localhost:1/0")

    assert connection.kind == "redis"
    with pytest.raises(RedisUnavailable):
        _ = connection.client
