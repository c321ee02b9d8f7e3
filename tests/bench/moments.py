"""Single moments: a cancellation, a heartbeat, and the start after a kill."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from api.wiring import build_engine
from engine.states import TaskStatus
from tests.bench.apart import begin
from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.stage import Stage, Watch
from tests.support.plans import Body, plan, step

SLOTS = 10
FOREVER: Body = {"seconds": 3_600}
SILENCE = 15_000
"""Milliseconds after which an engine without a sign of life is taken for gone."""
START_SECONDS = 300.0


def asleep(number: int) -> Body:
    """Subtasks that would sleep for an hour each."""
    return plan(*(step(f"k{index}", type="sleep", input=FOREVER) for index in range(number)))


async def moments(stage: Stage, effort: Effort) -> list[Figure]:
    """Milliseconds until a task is cancelled, of a heartbeat, and from a start to its first claim."""
    waiting = effort.size(1_000, 20)
    cancels = [await _cancel_ms(stage, waiting) for _ in range(effort.rounds)]
    beats = [await _heartbeat_ms(stage, effort.size(100, 5)) for _ in range(effort.rounds)]
    figures = [
        Figure("moments", stage.kind, f"cancel: {SLOTS} running, {waiting:,} waiting, until final", "ms", cancels),
        Figure("moments", stage.kind, "heartbeat, one every 2 s", "ms", beats),
    ]
    for size in effort.size((1_000, 100_000), (20, 200)):
        starts = [await _recovery_ms(stage, size) for _ in range(effort.rounds)]
        what = f"start after kill -9, {size:,} subtasks open, until the first claim"
        figures.append(Figure("moments", stage.kind, what, "ms", starts))
    return figures


async def _cancel_ms(stage: Stage, waiting: int) -> float:
    async with stage.engine(SLOTS) as (engine, watch):
        submitted = await engine.submit(asleep(SLOTS + waiting))
        await watch.claimed.wait()
        begun = time.perf_counter()
        task = await engine.cancel(submitted.task_id)
        took = time.perf_counter() - begun
        assert task.status is TaskStatus.CANCELLED, task.status
        assert task.counts == {"cancelled": SLOTS + waiting}, task.counts
    return 1000 * took


async def _heartbeat_ms(stage: Stage, number: int) -> float:
    times = []
    async with stage.hand() as hand:
        for _ in range(number):
            begun = time.perf_counter()
            await hand.graph.heartbeat(SILENCE)
            times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


async def _recovery_ms(stage: Stage, subtasks: int) -> float:
    folder, namespace = stage.place()
    await _killed_while_running(stage, folder, namespace, subtasks)
    watch = Watch()
    engine = build_engine(stage.settings(folder, namespace, SLOTS), watch)
    begun = time.perf_counter()
    await engine.start()
    try:
        await asyncio.wait_for(watch.claimed.wait(), START_SECONDS)
        return 1000 * (time.perf_counter() - begun)
    finally:
        await engine.stop()
        await stage.erase(folder, namespace)


async def _killed_while_running(stage: Stage, folder: Path, namespace: str, subtasks: int) -> None:
    """Another process runs a task there, and is killed in the middle of it."""
    process = await begin("tests.bench.victim", stage, (folder, namespace), str(subtasks))
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert line == b"running\n", line
    finally:
        process.kill()
        await process.wait()
