"""When tasks will have ended, for whoever looks: computed on demand, in a thread, and remembered for a moment.

A task that nobody looks at costs nothing. One that is looked at is read once; from then on its events say how it
stands, until nobody has looked for a while. Its end is foretold at most once a second, and of a large task so seldom
that it takes a tenth of a processor at most; the same holds for the moments of its subtasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

import msgspec

from engine.bus import Bus, Subscription
from engine.errors import Conflict, Fault, InvalidInput
from engine.estimates.estimate import Estimate
from engine.estimates.moments import Moment, moments
from engine.estimates.prediction import Change, Prediction, changed, predict
from engine.estimates.promise import late
from engine.estimates.view import Expect, Left, Slots, View
from engine.ledger import Ledger
from engine.model import Subtask, Task
from engine.plan.nearest import Nearest
from engine.ports import Clock, GraphReader
from engine.states import FINAL, SETTLED, TaskStatus

LEAST_SECONDS = 1.0
"""A forecast is as old as this at least before it is made anew."""
SHARE = 10
"""And so many times as old as it took to make."""
ELSEWHERE_SECONDS = 5.0
"""The same for a task of another engine, which has to be read each time."""
FORGET_SECONDS = 60.0
"""A task that nobody has looked at for so long is read again when somebody does."""
MOST_SUBTASKS = 100_000
"""Larger tasks are not forecast: their edges would not fit beside the engine's work."""

T = TypeVar("T")
Experienced = Callable[[str], Awaitable[Expect]]
"""What is expected of the subtasks of a plan, by its hash; for a thread."""


class WhatIf(msgspec.Struct, frozen=True):
    """How a task goes on as it is, and with a change; ``difference`` is in seconds, negative when it ends sooner."""

    now: Prediction
    then: Prediction
    difference: float


class Alternative(msgspec.Struct, frozen=True):
    """What could be different: slots of the engine, the task's own limit, durations by type as factors, subtasks that
    are not there.
    """

    slots: int | None = None
    max_parallel: int | None = None
    factors: Mapping[str, float] = {}
    without: Sequence[str] = ()


class Made(Generic[T]):
    """What was computed last, when in milliseconds, and when at the earliest it is to be computed anew."""

    def __init__(self) -> None:
        self.value: T | None = None
        self.at = 0
        self.due_at = float("-inf")


class Watched:
    """A task that is looked at: what is known of it, and its last forecasts."""

    def __init__(self) -> None:
        self.busy = asyncio.Lock()
        self.following = ExitStack()
        self.subscription: Subscription | None = None
        self.view: View | None = None
        self.end: Made[Prediction] = Made()
        self.moments: Made[dict[str, Moment]] = Made()
        self.looked_at = 0.0

    def close(self) -> None:
        """Follows it no more."""
        self.following.close()
        self.subscription, self.view = None, None


class Forecast(msgspec.Struct, frozen=True):
    """A prediction and when it was made, in milliseconds; ``late`` says that the task takes longer than was foretold
    when it came in.
    """

    prediction: Prediction
    made_at: int
    late: bool

    def at(self, seconds: float) -> int:
        """A moment of the prediction, in milliseconds."""
        return self.made_at + round(1000 * seconds)


class Foresight(msgspec.Struct, frozen=True):
    """When the open subtasks of a task start and end, by key, in seconds after ``made_at``."""

    moments: Mapping[str, Moment]
    made_at: int

    def of(self, key: str) -> tuple[int | None, int | None, float | None]:
        """Of one subtask the start and the end in milliseconds, and how long it takes in seconds; None: not known."""
        found = self.moments.get(key)
        if found is None:
            return None, None, None
        start, end = (None if at is None else self.made_at + round(1000 * at) for at in (found.start, found.end))
        return start, end, found.seconds


class Forecasts:
    """Forecasts the tasks of one graph.

    Args:
        graph: read for a task that is looked at for the first time.
        ledger: the open tasks of this engine.
        bus: their events.
        clock: times.
        experienced: what is expected of subtasks.
        slots: of this engine.
        limits: the same by type.
    """

    def __init__(
        self,
        graph: GraphReader,
        ledger: Ledger,
        bus: Bus,
        clock: Clock,
        experienced: Experienced,
        slots: int,
        limits: Mapping[str, int],
    ) -> None:
        self._graph = graph
        self._ledger = ledger
        self._bus = bus
        self._clock = clock
        self._experienced = experienced
        self._slots = slots
        self._limits = limits
        self._watched: dict[str, Watched] = {}

    async def of(self, task: Task) -> Forecast | None:
        """When a task will have ended; None of one that is final, does not run, or of which nothing is known."""
        made = await self._made(task, lambda watched: watched.end, _predicted)
        if made is None or made.value is None:
            return None
        gone = 0.0 if task.started_at is None else (self._clock.now() - task.started_at) / 1000
        return Forecast(made.value, made.at, late(task.estimate, gone))

    async def foresee(self, task: Task) -> Foresight | None:
        """When the open subtasks of a task will start and end; None where ``of`` says nothing."""
        made = await self._made(task, lambda watched: watched.moments, _foreseen)
        return None if made is None or made.value is None else Foresight(made.value, made.at)

    async def expected(self, task: Task, subtask: Subtask) -> Estimate | None:
        """What is expected of an open subtask by all that is known now; None of one that is settled, that has no work
        of its own, or when nothing is known.
        """
        if subtask.status in SETTLED or subtask.expected is None:
            return None
        found = (await self._experienced(task.plan_hash))(subtask.key, subtask.type)
        return found if found.count else None

    async def what_if(self, task: Task, wanted: Alternative) -> WhatIf:
        """How a task would go on if something were different.

        Raises:
            Conflict: when it is final, or too large to be simulated.
            InvalidInput: when it has no open subtask of a key that is to be left out.
        """
        if task.status in FINAL:
            raise Conflict(
                f"task {task.id} is {task.status.value}: nothing of it is left to run", state=task.status.value
            )
        if not 0 < _size(task) < MOST_SUBTASKS:
            raise Conflict(f"task {task.id} is too large to be simulated: {MOST_SUBTASKS:,} subtasks at most")
        watched = self._looked(task.id)
        async with watched.busy:
            await self._catch_up(watched, task)
            assert watched.view is not None
            expect = await self._experienced(task.plan_hash)
            left = await asyncio.to_thread(watched.view.left, expect, self._share(task), self._clock.now())
        change = _change(task, left, wanted, self._slots)
        return await asyncio.to_thread(_compared, left, change)

    def close(self) -> None:
        """Follows nothing any more."""
        for watched in self._watched.values():
            watched.close()
        self._watched.clear()

    # --- one task -------------------------------------------------------------------------------------------------

    def _looked(self, task_id: str) -> Watched:
        watched = self._watched.setdefault(task_id, Watched())
        watched.looked_at = self._clock.monotonic()
        return watched

    async def _made(
        self,
        task: Task,
        place: Callable[[Watched], Made[T]],
        compute: Callable[[View, Expect, Slots, int], T | None],
    ) -> Made[T] | None:
        """What is computed of a task, as fresh as its cost allows; None of one that is not forecast."""
        self._forget()
        if task.status in FINAL or task.status is TaskStatus.PAUSED or task.gate or not 0 < _size(task) < MOST_SUBTASKS:
            return None
        watched = self._looked(task.id)
        async with watched.busy:
            made, begun = place(watched), self._clock.monotonic()
            if begun < made.due_at:
                return made
            await self._catch_up(watched, task)
            assert watched.view is not None
            expect = await self._experienced(task.plan_hash)
            made.at = self._clock.now()
            made.value = await asyncio.to_thread(compute, watched.view, expect, self._share(task), made.at)
            ended = self._clock.monotonic()
            least = LEAST_SECONDS if watched.subscription is not None else ELSEWHERE_SECONDS
            made.due_at = ended + max(least, SHARE * (ended - begun))
            return made

    async def _catch_up(self, watched: Watched, task: Task) -> None:
        """Brings what is known of a task to the present: by its events, or, where these do not suffice, by reading."""
        heard = watched.subscription
        if heard is not None and watched.view is not None and not heard.closed and not heard.lost:
            known = [watched.view.apply(event) for event in heard.take()]
            if all(known) and len(watched.view) == _size(task):
                return
        watched.close()
        if task.id in self._ledger.tasks:  # before it is read: what happens meanwhile must be heard
            watched.subscription = watched.following.enter_context(self._bus.subscribe(task.id))
        rows = await self._graph.standings(task.id)
        edges = await self._graph.edges(task.id)
        watched.view = await asyncio.to_thread(View, rows, edges)
        if watched.subscription is not None:
            for event in watched.subscription.take():
                watched.view.apply(event)

    def _share(self, task: Task) -> Slots:
        """The slots that a task may count on: its share beside the other tasks that are open here."""
        weights = [other.weight for other in self._ledger.tasks.values() if other.id != task.id and other.ready]
        own = task.priority + 1.0
        share = max(1, round(self._slots * own / (own + sum(weights))))
        return Slots(min(share, task.max_parallel or share), self._limits)

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for task_id, watched in list(self._watched.items()):
            if not watched.busy.locked() and now - watched.looked_at > FORGET_SECONDS:
                watched.close()
                del self._watched[task_id]


def _size(task: Task) -> int:
    return max(task.subtasks_count, sum(task.counts.values()))


def _predicted(view: View, expect: Expect, slots: Slots, now: int) -> Prediction | None:
    left = view.left(expect, slots, now)
    known = any(estimate.count for estimate in left.workload.estimates)
    return predict(left.workload, left.drift) if known else None


def _foreseen(view: View, expect: Expect, slots: Slots, now: int) -> dict[str, Moment]:
    left = view.left(expect, slots, now)
    return dict(zip(left.keys, moments(left), strict=True))


def _compared(left: Left, change: Change) -> WhatIf:
    now = predict(left.workload, left.drift)
    then = predict(changed(left.workload, left.dependencies, change), left.drift)
    return WhatIf(now, then, then.seconds - now.seconds)


def _change(task: Task, left: Left, wanted: Alternative, slots: int) -> Change:
    """The change in the terms of the simulator."""
    place = {key: number for number, key in enumerate(left.keys)}
    nearest = Nearest(place)
    unknown = [
        Fault(f"/without/{number}", f'task {task.id} has no open subtask "{key}"{nearest.hint(key)}')
        for number, key in enumerate(wanted.without)
        if key not in place
    ]
    if unknown:
        raise InvalidInput(unknown)
    own = task.max_parallel if wanted.max_parallel is None else wanted.max_parallel
    whole = None if wanted.slots is None and wanted.max_parallel is None else wanted.slots or slots
    total = None if whole is None else min(whole, own or whole)
    return Change(total, wanted.factors, [place[key] for key in wanted.without])
