"""kill -9 of an engine that holds shared places in Redis: its lease frees them for others, and not before it ends."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.plans import plan, step
from tests.support.services import RedisProcess, eventually
from tests.support.serving import Serving

LEASE = 3.0
"""Seconds: ENGINE_TIMEOUT_SECONDS of both."""


@pytest.fixture
async def pair(own_redis: RedisProcess, tmp_path: Path) -> AsyncIterator[tuple[Serving, Serving]]:
    settings = {
        "NEO4J_URL": "",
        "REDIS_URL": own_redis.url,
        "NAMESPACE": tmp_path.name,
        "BLOB_PATH": str(tmp_path / "b"),
    }
    settings |= {"ENGINE_TIMEOUT_SECONDS": str(LEASE), "HEARTBEAT_SECONDS": "0.5"}
    first, second = (Serving(tmp_path / name, dict(settings)) for name in ("first", "second"))
    try:
        await first.start()
        await second.start()
        yield first, second
    finally:
        first.discard()
        second.discard()


def held(number: int, seconds: float) -> Any:
    limits = [{"key": "the only press", "concurrency": 2}]
    steps = (step(f"s{n}", type="sleep", input={"seconds": seconds}, limits=limits, cache=False) for n in range(number))
    return plan(*steps)


async def statuses(server: Serving, task_id: str) -> list[str]:
    found = (await server.call("GET", f"/tasks/{task_id}/subtasks")).json()["subtask_results"]
    return [one["status"] for one in found]


async def test_places_of_a_killed_engine_come_free_with_its_lease(pair: tuple[Serving, Serving]) -> None:
    first, second = pair
    holding = await first.submit(held(2, 600))

    async def holds() -> bool:
        return (await statuses(first, holding)).count("processing") == 2

    await eventually(holds, 30)
    waiting = await second.submit(held(3, 0.2))

    async def waits() -> bool:
        why = str((await second.call("GET", f"/tasks/{waiting}/why/s0")).json())
        return "the only press" in why and set(await statuses(second, waiting)) == {"retrying"}

    await eventually(waits, 30)
    killed = time.monotonic()
    first.kill()

    async def begun() -> float:
        return 0.0 if set(await statuses(second, waiting)) == {"retrying"} else time.monotonic() - killed

    after = await eventually(begun, LEASE + 30, poll=0.05)
    assert after > LEASE / 2, "as long as the killed one might live its places are its own"

    async def done() -> bool:
        return set(await statuses(second, waiting)) == {"completed"}

    await eventually(done, 30)
    assert after < LEASE + 20

    # and the killed one, started again, stands in line like everybody: it finds its places gone and asks anew
    await first.start()

    async def again() -> bool:
        return (await statuses(first, holding)).count("processing") == 2

    await eventually(again, 60)
