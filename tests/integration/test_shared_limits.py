"""Two engines that share a Redis keep rates, concurrency, breakers and rests together; an HTTP server counts calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from engine.model import Json
from engine.service import Engine
from tests.integration.test_breakers import QUICK, asks, attempts
from tests.support.engines import GATES, STARTED, Lab, finished, kill, subtasks
from tests.support.limit_tools import FAR, FarEnd
from tests.support.moody import moody_service
from tests.support.plans import Body, plan, step
from tests.support.services import RedisProcess, eventually


@asynccontextmanager
async def _pair(lab: Lab, redis: RedisProcess, **fields: Json) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines with data folders of their own, one blob store and one Redis."""
    shared: dict[str, Json] = {
        **QUICK,
        "redis_url": redis.url,
        "blob_path": lab.folder / "blobs",
        "heartbeat_seconds": 0.2,
        "engine_timeout_seconds": 1.5,
        **fields,
    }
    first = await lab.start(data_path=lab.folder / "first", **shared)
    second = await lab.start(data_path=lab.folder / "second", **shared)
    await eventually(lambda: _shares(first) and _shares(second))
    yield first, second


def _shares(engine: Engine) -> bool:
    return engine.turnstile.sharing is not None and engine.turnstile.sharing.up


async def _both(first: Engine, second: Engine, one: Body, other: Body) -> tuple[str, str]:
    return (await first.submit(one)).task_id, (await second.submit(other)).task_id


async def test_a_rate_holds_for_the_calls_of_both_together(neo4j_lab: Lab, own_redis: RedisProcess) -> None:
    async with moody_service() as service:
        limits = {"max_parallel_tasks": 12, "rate_limits": f"host={service.place}:12/second"}
        async with _pair(neo4j_lab, own_redis, **limits) as (first, second):
            for engine in (first, second):  # loads the client
                await finished(engine, (await engine.submit(asks(service, 1))).task_id)
            service.calls.clear()
            begun = time.monotonic()
            ids = await _both(first, second, asks(service, 15), asks(service, 15))
            tasks = await asyncio.gather(finished(first, ids[0]), finished(second, ids[1]))

            assert [task.counts for task in tasks] == [{"completed": 15}] * 2
            assert service.kept(12, begun)
            assert time.monotonic() - begun < 6
            rows = [*(await subtasks(first, ids[0])).values(), *(await subtasks(second, ids[1])).values()]
            assert all(row.spent == 0 for row in rows)
            made = await attempts(first, ids[0]) + await attempts(second, ids[1])
            assert made["completed"] == 30 == len(service.calls)


async def test_a_key_is_shared_and_a_place_that_one_leaves_is_taken_by_the_other(
    neo4j_lab: Lab, own_redis: RedisProcess
) -> None:
    far = FAR[neo4j_lab.namespace] = FarEnd(slow=0.05)
    limits = [{"key": "account", "concurrency": 2}]
    steps = [step(f"k{n}", type="far", input={"name": neo4j_lab.namespace}, limits=limits) for n in range(10)]
    async with _pair(neo4j_lab, own_redis) as (first, second):
        ids = await _both(first, second, plan(*steps), plan(*steps))
        await asyncio.gather(finished(first, ids[0]), finished(second, ids[1]))

    assert (far.calls, far.most_inside) == (20, 2)


async def test_a_breaker_that_one_opens_holds_the_subtasks_of_the_other_and_one_call_tries_it(
    neo4j_lab: Lab, own_redis: RedisProcess
) -> None:
    async with (
        moody_service() as service,
        _pair(neo4j_lab, own_redis, breaker_open_seconds=1.5) as (first, second),
    ):
        await finished(second, (await second.submit(asks(service, 1))).task_id)
        service.mood = "fails"
        one = (await first.submit(asks(service, 10))).task_id
        await eventually(lambda: second.turnstile.breakers.shown("http_request"))
        before = len(service.calls)
        other = (await second.submit(asks(service, 10))).task_id
        await eventually(lambda: _waits(second, other, 10))
        why = await second.answers.why(other, "k9")
        calls = len(service.calls)
        service.mood = "dawdles"
        await eventually(lambda: len(service.calls) > calls)
        tried = len(service.calls)
        service.mood = "works"
        service.hurry.set()
        tasks = await asyncio.gather(finished(first, one), finished(second, other))

        assert calls - before <= 3  # what was under way
        assert tried == calls + 1
        assert [cause.code for cause in why.causes] == ["breaker"]
        assert [task.counts for task in tasks] == [{"completed": 10}] * 2
        assert second.turnstile.breakers.openings == 0
        assert all(row.spent == 0 for row in (await subtasks(second, other)).values())
        assert first.turnstile.breakers.shown() == second.turnstile.breakers.shown() == []


async def _waits(engine: Engine, task_id: str, number: int) -> bool:
    return (await engine.task(task_id)).counts.get("retrying", 0) == number


async def test_a_reset_closes_the_breakers_of_both_and_a_rest_is_kept_by_both(
    neo4j_lab: Lab, own_redis: RedisProcess
) -> None:
    async with (
        moody_service() as service,
        _pair(neo4j_lab, own_redis, breaker_open_seconds=60, max_retries=8) as (first, second),
    ):
        service.mood = "fails"
        one = (await first.submit(asks(service, 6))).task_id
        await eventually(lambda: second.turnstile.breakers.shown("http_request"))
        service.mood = "limits"
        service.per_second = 1
        await second.reset_tool("http_request")
        await eventually(lambda: not first.turnstile.breakers.shown())
        await eventually(lambda: service.answered(429))
        await eventually(lambda: second.turnstile._resting)
        service.mood = "works"

        assert (await finished(first, one)).counts == {"completed": 6}


async def test_without_redis_nothing_fails_and_limits_are_shared_again_once_it_is_back(
    neo4j_lab: Lab, own_redis: RedisProcess
) -> None:
    async with moody_service() as service:
        limits = {"max_parallel_tasks": 12, "rate_limits": f"host={service.place}:20/second"}
        with structlog.testing.capture_logs() as logs:
            async with _pair(neo4j_lab, own_redis, **limits) as (first, second):
                own_redis.stop()
                ids = await _both(first, second, asks(service, 20), asks(service, 20))
                tasks = await asyncio.gather(finished(first, ids[0]), finished(second, ids[1]))
                assert [task.counts for task in tasks] == [{"completed": 20}] * 2
                assert not _shares(first)

                own_redis.start()
                await eventually(lambda: _shares(first) and _shares(second), 20)
                service.calls.clear()
                begun = time.monotonic()
                ids = await _both(first, second, asks(service, 15), asks(service, 15))
                await asyncio.gather(finished(first, ids[0]), finished(second, ids[1]))
                assert service.kept(20, begun)
    told = [line["event"] for line in logs if "this engine keeps rates" in line["event"]]
    assert len(told) == 2  # one line of each engine
    assert [line["event"] for line in logs].count("limits are shared again") == 2


async def test_an_engine_that_is_gone_gives_its_places_back_with_its_lease(
    neo4j_lab: Lab, own_redis: RedisProcess
) -> None:
    name = neo4j_lab.namespace
    limits = [{"key": "account", "concurrency": 1}]
    held = plan(step("a", type="gate", input={"name": name}, limits=limits, on_interrupt="fail"))
    waits = plan(step("b", type="near", input={"name": name}, limits=limits))
    async with _pair(neo4j_lab, own_redis) as (first, second):
        await first.submit(held)
        await eventually(lambda: STARTED[name] == 1)
        other = (await second.submit(waits)).task_id
        await eventually(lambda: _waits(second, other, 1))
        why = await second.answers.why(other, "b")
        begun = time.monotonic()
        sharing = first.turnstile.sharing
        assert sharing is not None
        await sharing.stop()  # nothing that ends now reaches Redis
        neo4j_lab.engines.remove(first)
        await kill(first)

        assert [cause.code for cause in why.causes] == ["concurrency"]
        assert (await finished(second, other)).counts == {"completed": 1}
        assert time.monotonic() - begun < 5
    GATES.pop(name, None)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0"])
async def test_an_engine_starts_and_runs_where_redis_never_was(embedded_lab: Lab, url: str) -> None:
    async with moody_service() as service:
        engine = await embedded_lab.start(**QUICK, redis_url=url, rate_limits=f"host={service.place}:50/second")
        task = await finished(engine, (await engine.submit(asks(service, 5))).task_id)

        assert task.counts == {"completed": 5}
        assert not _shares(engine)
