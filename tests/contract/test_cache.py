"""The cache on Redis and on its stand-in; then what happens while a real server is away, silent or holds rubbish."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import structlog

from engine.adapters.redis import RedisConnection
from engine.cache import AGAIN_SECONDS, ANSWER_SECONDS, CacheService
from engine.model import Json
from tests.support.services import RedisProcess, eventually

INPUT = {"path": "a.csv", "limit": 3}


@pytest.fixture(params=["in-process", "redis"])
async def connection(request: pytest.FixtureRequest) -> AsyncIterator[RedisConnection]:
    url = request.getfixturevalue("redis_server") if request.param == "redis" else ""
    connection = RedisConnection(url)
    await connection.open()
    yield connection
    await connection.close()


@pytest.fixture
def cache(connection: RedisConnection, namespace: str) -> CacheService:
    return CacheService(connection, 60, namespace)


@dataclass
class Time:
    """Monotonic seconds that only the test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("value", [{"rows": [1, 2.5, "x", None, True]}, [], "", 0, False, 10**500, "ä\u2028"])
async def test_a_value_comes_back_as_it_was(cache: CacheService, value: Json) -> None:
    assert await cache.set("key", value)

    found = await cache.get("key", "nothing")
    assert (found, type(found)) == (value, type(value))


async def test_what_was_kept_as_null_is_told_from_nothing(cache: CacheService) -> None:
    await cache.set("key", None)

    assert await cache.get("key", "nothing") is None
    assert await cache.get("another", "nothing") == "nothing"


async def test_a_result_is_found_by_what_made_it(cache: CacheService) -> None:
    assert await cache.get_task_result("count", INPUT) is None

    assert await cache.cache_task_result("count", INPUT, {"lines": 7})

    assert await cache.get_task_result("count", {"limit": 3.0, "path": "a.csv"}) == {"lines": 7}
    assert await cache.get_task_result("count", INPUT, version="2") is None
    assert await cache.get_task_result("sum", INPUT) is None


async def test_a_removed_value_is_gone(cache: CacheService) -> None:
    await cache.set("key", 1)
    assert await cache.exists("key")

    assert await cache.delete("key")

    assert not await cache.delete("key")
    assert not await cache.exists("key")
    assert await cache.get("key") is None


async def test_a_value_has_its_time(cache: CacheService, connection: RedisConnection, namespace: str) -> None:
    await cache.set("long", 1)
    await cache.set("short", 1, ttl_seconds=1)

    assert 50 < await connection.client.ttl(f"{namespace}:long") <= 60
    assert await cache.get("short") == 1

    async def gone() -> bool:
        return not await cache.exists("short")

    await eventually(gone)
    assert await cache.exists("long")


async def test_statistics_count_look_ups_and_what_is_kept(cache: CacheService) -> None:
    assert await cache.get_stats() == {
        "hits": 0,
        "misses": 0,
        "hit_rate": 0.0,
        "entries": 0,
        "bytes": 0,
        "available": True,
    }
    await cache.cache_task_result("count", 1, "twelve bytes"[:10])
    await cache.cache_task_result("count", 2, 12345)

    for value in (1, 2, 2, 3):
        await cache.get_task_result("count", value)

    stats = await cache.get_stats()
    assert (stats["hits"], stats["misses"], stats["hit_rate"]) == (3, 1, 0.75)
    assert (stats["entries"], stats["bytes"]) == (2, 12 + 5)


async def test_many_entries_are_counted_page_by_page(
    cache: CacheService, connection: RedisConnection, namespace: str
) -> None:
    async with connection.client.pipeline(transaction=False) as pipe:
        for number in range(2_500):
            pipe.set(f"{namespace}:task:count:{number}", b"1")
        await pipe.execute()

    stats = await cache.get_stats()

    assert (stats["entries"], stats["bytes"]) == (2_500, 2_500)


async def test_another_namespace_sees_nothing(cache: CacheService, connection: RedisConnection, namespace: str) -> None:
    await cache.cache_task_result("count", INPUT, 7)
    other = CacheService(connection, 60, namespace[:-1] + "*")

    assert await other.get_task_result("count", INPUT) is None
    assert (await other.get_stats())["entries"] == 0


@pytest.mark.parametrize("rubbish", [b"{", b"\xff\xfe", b"", b"1 2"])
async def test_what_cannot_be_read_is_a_miss_and_removed(
    cache: CacheService, connection: RedisConnection, namespace: str, rubbish: bytes
) -> None:
    await connection.client.set(f"{namespace}:key", rubbish)

    assert await cache.get("key", "nothing") == "nothing"

    assert not await cache.exists("key")
    assert (await cache.get_stats())["misses"] == 1


async def test_a_server_that_is_away_costs_nothing_but_misses(own_redis: RedisProcess) -> None:
    connection, clock = RedisConnection(own_redis.url), Time()
    await connection.open()
    cache = CacheService(connection, 60, "away", clock)
    await cache.set("key", 1)
    own_redis.stop()

    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            clock.now += AGAIN_SECONDS
            assert await cache.get("key", "nothing") == "nothing"
            assert not await cache.set("key", 2)
            assert not await cache.exists("key")
            assert not await cache.delete("key")
            assert not (await cache.get_stats())["available"]
        own_redis.start()
        assert not await cache.set("key", 3)
        clock.now += AGAIN_SECONDS
        assert await cache.set("key", 3)

    assert await cache.get("key") == 3
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    await connection.close()


async def test_a_silent_server_holds_nobody_up(own_redis: RedisProcess) -> None:
    connection, clock = RedisConnection(own_redis.url), Time()
    await connection.open()
    cache = CacheService(connection, 60, "silent", clock)
    await cache.set("key", 1)
    own_redis.pause()

    began = time.monotonic()
    for _ in range(50):
        assert await cache.get("key") is None
    assert time.monotonic() - began < ANSWER_SECONDS + 1

    own_redis.resume()
    clock.now += AGAIN_SECONDS
    assert await cache.get("key") == 1
    await connection.close()


async def test_a_connection_that_nobody_opened_is_a_miss() -> None:
    cache = CacheService(RedisConnection(""))

    assert await cache.get("key", "nothing") == "nothing"
    assert not await cache.set("key", 1)
