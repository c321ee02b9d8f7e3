"""Things that are due at a moment: back-offs, limits in time, deadlines, the ends of pauses.

The moments are absolute database time, because they are stored; inside the process one alarm on a monotonic clock
waits for the next of them. Setting, dropping and finding cost by what is due, not by what waits.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from engine.ports import Alarm, Clock


class Kind(StrEnum):
    """What a timer is for."""

    BACKOFF = "backoff"
    QUEUE = "queue"
    TOTAL = "total"
    DEADLINE = "deadline"
    PAUSE = "pause"
    LATE = "late"
    APPROVAL = "approval"


class Timer(NamedTuple):
    """One moment of one subtask, or of a task (then ``id`` is the task's). There is one of a kind at a time."""

    task_id: str
    id: str
    key: str
    kind: Kind


class Timers:
    """Tells what is due. ``ring`` is called on the event loop when something may be."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._heap: list[tuple[int, Timer]] = []
        self._due_at: defaultdict[str, dict[Timer, int]] = defaultdict(dict)
        self._alarm: Alarm | None = None
        self._alarm_at = 0

    def __len__(self) -> int:
        return sum(map(len, self._due_at.values()))

    def set(self, timer: Timer, at: int) -> None:
        """Makes it due at ``at``, in milliseconds since 1970 UTC; one that was set before is moved."""
        self._due_at[timer.task_id][timer] = at
        heapq.heappush(self._heap, (at, timer))
        self._arm()

    def drop(self, timer: Timer) -> None:
        """It will not be due."""
        self._take(timer)

    def drop_task(self, task_id: str) -> None:
        """Nothing of a task will be due any more."""
        self._due_at.pop(task_id, None)

    def due(self) -> list[Timer]:
        """What is due by now, earliest first; each is told once."""
        now, found = self._clock.now(), []
        while self._heap and self._heap[0][0] <= now:
            at, timer = heapq.heappop(self._heap)
            if self._counts(timer, at):
                self._take(timer)
                found.append(timer)
        self._arm()
        return found

    def close(self) -> None:
        """Rings no more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _counts(self, timer: Timer, at: int) -> bool:
        """Whether an entry of the heap still stands for what was set last."""
        of_task = self._due_at.get(timer.task_id)
        return of_task is not None and of_task.get(timer) == at

    def _take(self, timer: Timer) -> None:
        of_task = self._due_at.get(timer.task_id)
        if of_task is not None and of_task.pop(timer, None) is not None and not of_task:
            del self._due_at[timer.task_id]

    def _arm(self) -> None:
        """Sets the alarm to the next moment that still counts."""
        while self._heap and not self._counts(self._heap[0][1], self._heap[0][0]):
            heapq.heappop(self._heap)
        if not self._heap:
            self.close()
            return
        at = self._heap[0][0]
        if self._alarm is not None:
            if self._alarm_at == at:
                return
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self._clock.call_later(max(0.0, (at - self._clock.now()) / 1000), self._went_off)

    def _went_off(self) -> None:
        self._alarm = None
        self._ring()
