"""What it costs to remember: noops with provenance, profiles and the cache at work, and with all of them off."""

from __future__ import annotations

import asyncio
import time

from engine.service import Engine
from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.linked import Silent
from tests.bench.plans import lanes, size
from tests.bench.stage import TASK_SECONDS, Stage, completed
from tests.support.plans import Body

IN_FLIGHT = {10: 4_000, 50: 10_000}
"""Subtasks of a run, by how many are in flight."""
WARM_UPS = 4


async def remembering(stage: Stage, effort: Effort) -> list[Figure]:
    """Noops per second from the submission to the end of the task, in pairs that follow each other."""
    figures = []
    for width, subtasks in effort.size(IN_FLIGHT, {10: 20}).items():
        body = lanes(width, subtasks // width)
        for _ in range(effort.size(WARM_UPS, 0)):
            await _rate(stage, body, width, on=True)
        pairs = [
            (await _rate(stage, body, width, on=True), await _rate(stage, body, width, on=False))
            for _ in range(effort.rounds)
        ]
        on = Figure(
            "remembering", stage.kind, f"remembers, {width} in flight", "subtasks/s", [pair[0] for pair in pairs]
        )
        off = Figure(
            "remembering", stage.kind, f"forgets, {width} in flight", "subtasks/s", [pair[1] for pair in pairs]
        )
        figures += [on, off, ratios(on, off, f"remembers / forgets, {width} in flight", ">= 0.9")]
    return figures


async def _rate(stage: Stage, body: Body, slots: int, *, on: bool) -> float:
    async with stage.engine(slots) as (engine, _):
        if not on:
            _forget(engine)
        begun = time.perf_counter()
        submitted = await engine.submit(body if on else {**body, "cache": False})
        completed(await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS), size(body))
        return size(body) / (time.perf_counter() - begun)


def _forget(engine: Engine) -> None:
    engine._scheduler.recorder = Silent(engine)
    engine._learner.note = lambda *observed: None  # type: ignore[method-assign]
