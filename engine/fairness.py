"""Who gets the free slots: start-time fair queueing over the open tasks. Pure.

Each task carries a virtual time that grows by 1/weight per slot it is given; the task with the lowest goes first, and a
task that had nothing to run comes back at the present virtual time, so it can neither starve nor save up.
(Goyal, Vin, Cheng: "Start-time fair queueing", SIGCOMM 1996.)
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol


class Sharer(Protocol):
    """What the share-out needs of a task."""

    id: str
    weight: float
    virtual_time: float


class FairShare:
    """Shares slots out among tasks."""

    def __init__(self) -> None:
        self._now = 0.0

    def share(self, demands: Sequence[tuple[Sharer, int]], slots: int) -> dict[str, int]:
        """Gives up to ``slots`` to the tasks.

        Args:
            demands: (task, how many it could use) for every task that could use one; ties go to the earlier.
            slots: free slots.

        Returns:
            by task id how many it gets, only where it is not zero.
        """
        if len(demands) == 1:
            task, wanted = demands[0]
            given = min(wanted, slots)
            self._now = max(self._now, task.virtual_time)
            self._charge(task, given)
            return {task.id: given} if given else {}
        queue = [
            (max(task.virtual_time, self._now), place, task, wanted)
            for place, (task, wanted) in enumerate(demands)
            if wanted > 0
        ]
        heapq.heapify(queue)
        shares: dict[str, int] = {}
        while queue and slots > 0:
            start, place, task, wanted = queue[0]
            shares[task.id] = shares.get(task.id, 0) + 1
            self._charge(task, 1)
            slots -= 1
            if wanted > 1:
                heapq.heapreplace(queue, (task.virtual_time, place, task, wanted - 1))
            else:
                heapq.heappop(queue)
            self._now = max(self._now, start)
        return shares

    def refund(self, task: Sharer, slots: int) -> None:
        """Takes back the charge for slots that a task was given and could not use."""
        task.virtual_time -= slots / task.weight

    def _charge(self, task: Sharer, slots: int) -> None:
        task.virtual_time = max(task.virtual_time, self._now) + slots / task.weight
