"""Limits on a real Redis: what several engines take together, what a killed one leaves, what happens without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from engine.adapters.board import RedisBoard
from engine.adapters.redis import RedisConnection
from engine.clock import SystemClock
from engine.limits.shared import SharedLimiter
from engine.rates import Denied, Rate, Want
from tests.support.services import RedisProcess, eventually

RATE = Want("calls|20/second", "calls", Rate(20, 1.0))
ROOM = Want("account|3", "account", None, 3)


class Pair:
    """Two engines' limiters on one Redis, each with a connection of its own."""

    def __init__(self, url: str, namespace: str) -> None:
        self._connections = [RedisConnection(url), RedisConnection(url)]
        self._faults: list[BaseException] = []
        self.one, self.other = (
            SharedLimiter(RedisBoard(connection, namespace), SystemClock(), 0.6, self._faults.append)
            for connection in self._connections
        )
        self.one.me, self.other.me = "one", "other"

    async def open(self) -> None:
        for connection, limiter in zip(self._connections, (self.one, self.other), strict=True):
            await connection.open()
            await limiter.rejoin()

    async def close(self) -> None:
        for connection, limiter in zip(self._connections, (self.one, self.other), strict=True):
            await limiter.close()
            await connection.close()
        assert self._faults == []


@pytest.fixture
async def pair(own_redis: RedisProcess, namespace: str) -> AsyncIterator[Pair]:
    pair = Pair(own_redis.url, namespace)
    await pair.open()
    yield pair
    await pair.close()


async def _taken(limiter: SharedLimiter, wants: list[Want], number: int, name: str) -> list[Denied | None]:
    return await asyncio.gather(*(limiter.take(wants, f"{name}{n}") for n in range(number)))


async def test_a_rate_holds_for_both_together_and_says_when_there_is_room(pair: Pair) -> None:
    begun = time.monotonic()
    answers = await asyncio.gather(_taken(pair.one, [RATE], 15, "a"), _taken(pair.other, [RATE], 15, "b"))
    denied = [answer for answer in answers[0] + answers[1] if answer is not None]

    assert len(denied) == 10
    assert all(answer.want is RATE and answer.wait is not None and 0 < answer.wait <= 1.0 for answer in denied)
    assert (await pair.one.free(RATE, 5))[0] == 0
    await eventually(lambda: _has_room(pair.other))
    assert time.monotonic() - begun >= 1.0


async def _has_room(limiter: SharedLimiter) -> bool:
    return (await limiter.free(RATE, 1))[0] == 1


async def test_calls_of_one_turn_go_in_one_round_trip(pair: Pair) -> None:
    before = pair.one.batches
    await _taken(pair.one, [RATE, ROOM], 200, "a")

    assert pair.one.batches - before == 1


async def test_all_limits_are_taken_or_none(pair: Pair) -> None:
    assert [await pair.one.take([ROOM], f"a{n}") for n in range(3)] == [None] * 3
    denied = await pair.other.take([RATE, ROOM], "b")

    assert denied is not None and denied.want is ROOM
    assert (await pair.one.free(RATE, 100))[0] == 20


async def test_a_place_that_is_left_is_free_for_the_other_and_one_that_is_set_aside_is_not(pair: Pair) -> None:
    assert [await pair.one.take([ROOM], f"a{n}") for n in range(3)] == [None] * 3
    room, wait = await pair.other.free(ROOM, 2)
    assert room == 0 and wait is not None and 0 < wait <= 0.7
    await pair.one.release([ROOM], "a0")
    await pair.one.release([ROOM], "a1")

    assert (await pair.other.free(ROOM, 1))[0] == 1
    assert await pair.one.take([ROOM], "a3") is None
    assert isinstance(await pair.one.take([ROOM], "a4"), Denied)
    assert await pair.other.take([ROOM], "b0") is None


async def test_places_are_shared_out_between_engines_that_wait(pair: Pair) -> None:
    await _taken(pair.one, [RATE], 20, "a")
    assert (await pair.one.free(RATE, 20))[0] == (await pair.other.free(RATE, 20))[0] == 0
    room, wait = await eventually(lambda: _some(pair.one))  # all twenty are over at the same moment

    assert room == 10
    assert wait is not None and wait < 0.1
    assert (await pair.other.free(RATE, 20))[0] >= 5


async def _some(limiter: SharedLimiter) -> tuple[int, float | None] | None:
    found = await limiter.free(RATE, 20)
    return found if found[0] else None


async def test_an_engine_that_is_killed_holds_its_places_no_longer_than_its_lease(pair: Pair) -> None:
    await _taken(pair.one, [ROOM], 2, "a")
    await _taken(pair.other, [ROOM], 1, "b")
    await pair.one.close()  # it renews nothing more, and gives nothing back
    assert (await pair.other.free(ROOM, 2))[0] == 0

    await eventually(lambda: _both(pair.other))
    assert await pair.other.take([ROOM], "c") is None


async def _both(limiter: SharedLimiter) -> bool:
    return (await limiter.free(ROOM, 2))[0] == 2


async def test_a_lease_is_renewed_for_as_long_as_a_call_runs(pair: Pair) -> None:
    await _taken(pair.one, [ROOM], 3, "a")
    before = pair.one.batches
    await eventually(lambda: pair.one.batches >= before + 4)  # a third of the lease each

    assert (await pair.other.free(ROOM, 1))[0] == 0


async def test_who_is_cancelled_while_asking_leaves_no_place_behind(pair: Pair) -> None:
    asking = [asyncio.create_task(pair.one.take([ROOM], f"a{n}")) for n in range(3)]
    await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    freed: list[str] = []
    pair.one.freed = freed.append
    await asyncio.gather(*asking, return_exceptions=True)
    await eventually(lambda: len(freed) == 3)

    assert await pair.one.take([ROOM], "b") is None
    assert (await pair.other.free(ROOM, 3))[0] == 2


async def test_without_redis_each_keeps_its_own_and_what_it_took_counts_when_redis_is_back(
    pair: Pair, own_redis: RedisProcess
) -> None:
    lost: list[str] = []
    pair.one.lost = lost.append
    own_redis.stop()
    answers = await _taken(pair.one, [RATE], 25, "a")
    await _taken(pair.one, [RATE, ROOM], 2, "c")

    assert [answer is None for answer in answers].count(True) == 20
    assert len(lost) == 1 and not pair.one.up
    assert await pair.one.take([ROOM], "b") is None

    own_redis.start()
    await asyncio.gather(pair.one.rejoin(), pair.other.rejoin())
    assert pair.one.up
    assert (await pair.other.free(ROOM, 3))[0] == 2


async def test_a_redis_that_is_silent_holds_nobody_up_for_longer_than_a_second(
    pair: Pair, own_redis: RedisProcess
) -> None:
    own_redis.pause()
    begun = time.monotonic()
    assert await pair.one.take([ROOM], "a") is None
    first = time.monotonic() - begun
    assert await pair.one.take([ROOM], "b") is None
    second = time.monotonic() - begun - first
    own_redis.resume()

    assert first < 3 and second < 0.1


async def test_one_engine_tries_what_a_breaker_guards_and_the_right_passes_on(pair: Pair) -> None:
    assert await pair.one.probe("web", 30.0) == 0.0
    assert 29.0 < await pair.other.probe("web", 30.0) <= 30.0
    assert await pair.one.probe("web", 30.0) == 0.0
    assert await pair.other.probe("mail", 0.05) == 0.0
    await eventually(lambda: _may_try(pair.one))


async def _may_try(limiter: SharedLimiter) -> bool:
    return await limiter.probe("mail", 0.05) == 0.0
