"""What follows from estimates when a plan comes in: a better order where it has run before, and when it will be done.

Both need the simulator, so both are remembered for plans of one shape: a plan that comes in a hundred times a second is
looked at once in a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from engine.estimates.expectation import LEAST_WEIGHT
from engine.estimates.learning import Learner
from engine.estimates.prediction import Prediction, predict
from engine.estimates.promise import encode
from engine.estimates.urgency import MOST, urgency
from engine.estimates.view import Expect, Slots, View
from engine.model import NewTask
from engine.plan.validate import ValidPlan
from engine.ports import Clock

FRESH_SECONDS = 10.0
"""For so long a plan of the same shape gets the same order and the same estimate."""
MOST_PLANS = 256
SMALL = 100
"""Larger plans are looked at off the event loop."""
DRAWS = 4_000
"""Durations drawn for the estimate of a plan that comes in: a few milliseconds."""
COARSE = 1_000
"""Larger ones get the coarse estimate."""

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values that hold for a moment, the latest ``MOST_PLANS`` of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[Any, ...], tuple[float, T]] = {}

    def get(self, key: tuple[Any, ...]) -> T | None:
        """The value, if it is fresh."""
        until, value = self._kept.get(key, (float("-inf"), None))
        return value if self._clock.monotonic() < until else None

    def put(self, key: tuple[Any, ...], value: T) -> T:
        """Keeps a value."""
        self._kept.pop(key, None)
        self._kept[key] = self._clock.monotonic() + FRESH_SECONDS, value
        while len(self._kept) > MOST_PLANS:
            del self._kept[next(iter(self._kept))]
        return value


class Outlook:
    """Orders and foretells the plans that come in.

    Args:
        learner: what has been learned.
        clock: times.
        slots: of this engine.
        limits: the same by type.
    """

    def __init__(self, learner: Learner, clock: Clock, slots: int, limits: Mapping[str, int]) -> None:
        self._learner = learner
        self._slots = slots
        self._limits = limits
        self._orders: Remembered[list[float]] = Remembered(clock)
        self._estimates: Remembered[Prediction] = Remembered(clock)

    async def ordered(self, plan: ValidPlan) -> ValidPlan:
        """The plan in an order that the simulator has found better than its upward rank.

        Only where it has run before: without the durations of single subtasks the search would fit noise.
        """
        count = len(plan.subtasks)
        slots = self._of(plan.request.max_parallel)
        if not (slots < count <= MOST and self._learner.has_run(plan.plan_hash)):
            return plan
        key = (plan.plan_hash, slots, tuple(draft.priority for draft in plan.subtasks))
        found = self._orders.get(key)
        if found is None:
            found = self._orders.put(key, await self._beside(count, _searched, plan, slots))
        return msgspec.structs.replace(plan, order=msgspec.structs.replace(plan.order, urgency=found))

    async def estimated(self, task: NewTask) -> tuple[NewTask, Prediction | None]:
        """A task with what is expected of it as a whole; as it is where nothing is known of any of its subtasks."""
        slots = self._of(task.max_parallel)
        fresh = not task.settled
        key = (task.plan_hash, slots)
        found = self._estimates.get(key) if fresh else None
        if found is None:
            expect = await self._learner.experienced(task.plan_hash, still=len(task.subtasks) > SMALL)
            if not any(expect(one.key, one.type).count for one in task.subtasks[:SMALL]):
                return task, None
            now = Slots(slots, self._limits)
            found = await self._beside(len(task.subtasks), _predicted, task, expect, now)
            if fresh:
                self._estimates.put(key, found)
        return msgspec.structs.replace(task, estimate=encode(found)), found

    def _of(self, max_parallel: int) -> int:
        return min(self._slots, max_parallel or self._slots)

    async def _beside(self, count: int, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.to_thread(work, *args) if count > SMALL else work(*args)


def _searched(plan: ValidPlan, slots: int) -> list[float]:
    durations = [max(draft.expected or 0.0, LEAST_WEIGHT) for draft in plan.subtasks]
    needs = [draft.dependencies for draft in plan.subtasks]
    priority = [draft.priority for draft in plan.subtasks]
    return urgency(plan.order, needs, durations, slots, priority if len(set(priority)) > 1 else ())


def _predicted(task: NewTask, expect: Expect, slots: Slots) -> Prediction:
    return predict(View.of_new(task).left(expect, slots, 0).workload, draws=DRAWS, coarse=COARSE)
