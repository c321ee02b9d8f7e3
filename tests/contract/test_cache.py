"""The cache on Redis and in this process; then while a real server is away, silent, full or holds rubbish."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import structlog

from engine.adapters.redis import RedisConnection
from engine.caching.service import AGAIN_SECONDS, ANSWER_SECONDS, CacheService
from engine.caching.shelves import MemoryShelf, RedisShelf, Shelf
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
def shelf(connection: RedisConnection) -> Shelf:
    return RedisShelf(connection) if connection.kind == "redis" else MemoryShelf()


@pytest.fixture
def cache(connection: RedisConnection, shelf: Shelf, namespace: str) -> CacheService:
    return CacheService(connection, 60, namespace, shelf=shelf)


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


async def test_a_value_has_its_time(cache: CacheService) -> None:
    await cache.set("long", 1)
    await cache.set("short", 1, ttl_seconds=0.2)

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
        "saved_seconds": 0.0,
        "saved_cost": 0.0,
        "errors": 0,
        "entries": 0,
        "bytes": 0,
        "available": True,
    }
    await cache.cache_task_result("count", 1, "some text")
    await cache.cache_task_result("count", 2, 12345)

    for value in (1, 2, 2, 3):
        await cache.get_task_result("count", value)

    stats = await cache.get_stats()
    assert (stats["hits"], stats["misses"], stats["hit_rate"]) == (3, 1, 0.75)
    assert stats["entries"] == 2
    assert 500 < stats["bytes"] < 1_000


async def test_many_entries_are_counted_page_by_page(cache: CacheService, shelf: Shelf, namespace: str) -> None:
    await shelf.set([(f"{namespace}:task:count:{number}", b"1", 60.0) for number in range(2_500)])

    stats = await cache.get_stats()

    assert (stats["entries"], stats["bytes"]) == (2_500, 2_500)


async def test_another_namespace_sees_nothing(
    cache: CacheService, connection: RedisConnection, shelf: Shelf, namespace: str
) -> None:
    await cache.cache_task_result("count", INPUT, 7)
    other = CacheService(connection, 60, namespace[:-1] + "*", shelf=shelf)

    assert await other.get_task_result("count", INPUT) is None
    assert (await other.get_stats())["entries"] == 0


@pytest.mark.parametrize("rubbish", [b"{", b"\xff\xfe", b"", b"1 2"])
async def test_what_cannot_be_read_is_a_miss_and_removed(
    cache: CacheService, shelf: Shelf, namespace: str, rubbish: bytes
) -> None:
    await shelf.set([(f"{namespace}:key", rubbish, 60.0)])

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
    cache = CacheService(RedisConnection("redis://127.0.0.1:1/0"))

    assert await cache.get("key", "nothing") == "nothing"
    assert not await cache.set("key", 1)


DAMAGE = {
    "no JSON": lambda data: b"{" + data,
    "another output": lambda data: data.replace(b'lines\\":7', b'lines\\":8'),
    "no output at all": lambda data: data.replace(b'"output_hash"', b'"output_mash"'),
    "another key": lambda data: data.replace(b"task:count", b"task:mount"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
async def test_a_damaged_entry_is_a_miss_and_removed(
    cache: CacheService, shelf: Shelf, namespace: str, damage: Callable[[bytes], bytes]
) -> None:
    await cache.cache_task_result("count", INPUT, {"lines": 7})
    key = cache.generate_cache_key("count", INPUT)
    (data,) = await shelf.get([f"{namespace}:{key}"])
    assert data is not None and damage(data) != data
    await shelf.set([(f"{namespace}:{key}", damage(data), 60.0)])

    assert await cache.get_task_result("count", INPUT, default="nothing") == "nothing"

    assert not await cache.exists(key)
    assert cache.errors == 1


async def test_entries_are_removed_by_type(cache: CacheService) -> None:
    for number in range(3):
        await cache.cache_task_result("count", number, number)
        await cache.cache_task_result("count:more", number, number)

    found = await cache.keys_of("count")
    assert await cache.remove(found) == len(found) == 3

    assert [await cache.get_task_result("count:more", number) for number in range(3)] == [0, 1, 2]


async def test_a_full_server_is_no_outage(own_redis: RedisProcess) -> None:
    connection = RedisConnection(own_redis.url)
    await connection.open()
    cache = CacheService(connection, 60, "full")
    await cache.cache_task_result("count", 1, "kept")
    await connection.client.config_set("maxmemory", "1")
    await connection.client.config_set("maxmemory-policy", "noeviction")

    with structlog.testing.capture_logs() as lines:
        for number in range(2, 12):
            assert not await cache.cache_task_result("count", number, number)
        assert await cache.get_task_result("count", 1) == "kept"
        assert (await cache.get_stats())["available"]

    assert [line["log_level"] for line in lines] == ["warning"]
    await connection.client.config_set("maxmemory", "0")
    assert await cache.cache_task_result("count", 2, 2)
    await connection.close()


async def test_nobody_who_is_in_a_hurry_waits_for_a_server_that_is_away(own_redis: RedisProcess) -> None:
    connection, clock = RedisConnection(own_redis.url), Time()
    await connection.open()
    cache = CacheService(connection, 60, "hurry", clock)
    await cache.cache_task_result("count", 1, "kept")
    key = cache.generate_cache_key("count", 1)
    own_redis.pause()
    assert await cache.entries([key]) == [None]

    clock.now += AGAIN_SECONDS
    began = time.monotonic()
    for _ in range(50):
        assert await cache.entries([key]) == [None]
    assert time.monotonic() - began < ANSWER_SECONDS / 2

    own_redis.resume()

    async def back() -> bool:
        clock.now += AGAIN_SECONDS
        return await cache.entries([key]) != [None]

    await eventually(back)
    await cache.close()
    await connection.close()


async def test_the_shelf_in_this_process_holds_so_much_and_no_more() -> None:
    clock = Time()
    shelf = MemoryShelf(most=10_000, clock=clock)
    for number in range(100):
        assert shelf.put(f"k{number}", b"x" * 500, 10.0)
        await shelf.get(["k0"])

    assert shelf.bytes <= 10_000
    found = await shelf.get(["k0", "k1", "k99"])
    assert [value is not None for value in found] == [True, False, True]
    assert not shelf.put("large", b"x" * 10_000, 10.0)

    clock.now = 10.0
    assert await shelf.get(["k0"]) == [None]
    assert await shelf.measure("", 1_000) == (0, 0)
    assert shelf.bytes == 0
