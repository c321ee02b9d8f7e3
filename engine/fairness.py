"""Who gets the free slots: start-time fair queueing over the open tasks. Pure.

Each task carries a virtual time that grows by 1/weight per slot it is given; the task with the lowest goes first, and a
task that had nothing to run comes back at the present virtual time, so it can neither starve nor save up.
(Goyal, Vin, Cheng: "Start-time fair queueing", SIGCOMM 1996.)

Tasks stand in one queue and leave it lazily, when their turn comes and they want nothing: sharing out costs by the
slots that are free, not by the tasks that are open.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, Protocol, TypeVar


class Sharer(Protocol):
    """What the share-out needs of a task; ``queued`` belongs to it."""

    id: str
    weight: float
    virtual_time: float
    queued: bool


S = TypeVar("S", bound=Sharer)


class FairShare(Generic[S]):
    """Shares slots out among tasks that were offered."""

    def __init__(self) -> None:
        self._now = 0.0
        self._queue: list[tuple[float, int, S]] = []
        self._order = count()

    def offer(self, task: S) -> None:
        """The task may want slots; offering it again does nothing."""
        if not task.queued:
            task.queued = True
            self._push(task)

    def share(
        self, demand: Callable[[S], int], slots: int, ahead: int = 0, patient: Callable[[S], bool] = lambda _: True
    ) -> dict[str, int]:
        """Gives out up to ``slots``, one at a time, to the tasks that ``demand`` a number above zero.

        The last ``ahead`` of them are not free yet, and go only to tasks that are ``patient``. Returns by task id how
        many it gets. Equal virtual times go to the one that came first.
        """
        shares: dict[str, int] = {}
        passed_over: list[tuple[float, int, S]] = []
        while slots > 0 and self._queue:
            place = heapq.heappop(self._queue)
            start, _, task = place
            left = demand(task) - shares.get(task.id, 0)
            if left <= 0:
                task.queued = False
                continue
            open_to_it = slots if patient(task) else slots - ahead
            if open_to_it <= 0:
                passed_over.append(place)
                continue
            given = min(left, open_to_it) if not self._queue else 1
            self._now = max(self._now, start)
            task.virtual_time = max(task.virtual_time, start) + given / task.weight
            shares[task.id] = shares.get(task.id, 0) + given
            slots -= given
            self._push(task)
        for place in passed_over:
            heapq.heappush(self._queue, place)
        return shares

    def wanted(self, demand: Callable[[S], int]) -> bool:
        """Whether any task wants a slot."""
        while self._queue:
            task = self._queue[0][2]
            if demand(task) > 0:
                return True
            heapq.heappop(self._queue)
            task.queued = False
        return False

    def refund(self, task: S, slots: int) -> None:
        """Takes back the charge for slots that a task was given and could not use.

        Its place in the queue stays until its next turn, so it goes at most one round later than it might.
        """
        task.virtual_time -= slots / task.weight

    def _push(self, task: S) -> None:
        heapq.heappush(self._queue, (max(task.virtual_time, self._now), next(self._order), task))
