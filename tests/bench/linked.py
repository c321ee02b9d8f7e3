"""What provenance costs: plans full of references, with the edges written and without, round by round."""

from __future__ import annotations

import asyncio
import time

from engine.recorder import Recorder
from engine.turn import Turn, TurnResult
from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.plans import size
from tests.bench.stage import TASK_SECONDS, Stage, completed
from tests.support.plans import Body, plan, step

SLOTS = 10
WARM_UPS = 3


async def linked(stage: Stage, effort: Effort) -> list[Figure]:
    """Chains in which each step uses the one before, and a fan whose end uses all of it; to the end of the task."""
    chains = chained(SLOTS, effort.size(400, 4))
    fan = fanned(effort.size(900, 20))
    for _ in range(effort.size(WARM_UPS, 0)):
        await _rate(stage, chains, written=True)
    figures = []
    for name, body in ((f"{SLOTS} chains of references", chains), (f"fan of {size(fan) - 2} references", fan)):
        pairs = [
            (await _rate(stage, body, written=True), await _rate(stage, body, written=False))
            for _ in range(effort.rounds)
        ]
        on = Figure("linked", stage.kind, f"{name}, edges written", "subtasks/s", [pair[0] for pair in pairs])
        off = Figure("linked", stage.kind, f"{name}, none written", "subtasks/s", [pair[1] for pair in pairs])
        figures += [on, off, ratios(on, off, f"{name}, written / not", ">= 0.9")]
    return figures


def chained(width: int, length: int) -> Body:
    """Chains side by side; every output is another one."""
    return plan(
        *(
            step(
                f"l{lane}s{index}",
                *([f"l{lane}s{index - 1}"] if index else ()),
                input={"lane": "{{previous_output.lane}}" if index else lane, "n": index},
            )
            for index in range(length)
            for lane in range(width)
        )
    )


def fanned(width: int) -> Body:
    """One, many that use it, and one that uses all of these."""
    middle = [step(f"m{index}", "top", input={"of": "{{previous_output}}", "n": index}) for index in range(width)]
    end = step("end", *(f"m{index}" for index in range(width)), input={"all": "{{previous_output}}"})
    return plan(step("top", input={"n": 0}), *middle, end)


async def _rate(stage: Stage, body: Body, *, written: bool) -> float:
    """Subtasks per second from the submission to the end of the task."""
    async with stage.engine(SLOTS) as (engine, _):
        if not written:
            engine._scheduler.recorder = Silent(engine)
        submitted = await engine.submit(body)
        begun = time.perf_counter()
        completed(await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS), size(body))
        return size(body) / (time.perf_counter() - begun)


class Silent(Recorder):
    """Writes nothing."""

    def __init__(self, engine: object) -> None:
        kept = engine._scheduler.recorder  # type: ignore[attr-defined]
        super().__init__(kept._graph, kept._clock, kept._help, kept._patiently)

    def note(self, turn: Turn, result: TurnResult) -> None:
        """Nothing."""
