"""What happened in a task, gathered subtask by subtask: a hundred thousand of them take a few megabytes. Pure."""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from engine.lineage import CACHED
from engine.lookups import Timing
from engine.states import SubtaskStatus

T = TypeVar("T")
MOST = 10
"""Rows of each list of a report."""
RATIO_LEAST_SECONDS = 0.05
"""Estimates and durations that both lie below this say nothing about each other."""


class Slow(msgspec.Struct, frozen=True):
    """A subtask and how long it took, in seconds; ``waited`` from ready to started."""

    key: str
    type: str
    seconds: float
    waited: float | None
    attempts: int
    expected: float | None


class OfType(msgspec.Struct, frozen=True):
    """What ran of one type, in seconds."""

    type: str
    count: int
    seconds: float
    longest: float


class Missed(msgspec.Struct, frozen=True):
    """A subtask that took longer or shorter than expected, in seconds."""

    key: str
    expected: float
    actual: float


class Estimates(msgspec.Struct, frozen=True):
    """Estimate against actual, over the ``count`` subtasks for which both are known."""

    count: int = 0
    expected: float = 0.0
    actual: float = 0.0
    longer: list[Missed] = []
    shorter: list[Missed] = []


class Saved(msgspec.Struct, frozen=True):
    """What was not run because its result was there: found in the cache, or taken over by a rerun.

    ``seconds`` and ``cost`` (US dollars) are what making those of the cache took, and what those of a rerun were
    expected to take, as far as that is known: of ``known`` of them.
    """

    cached: int = 0
    reused: int = 0
    seconds: float = 0.0
    known: int = 0
    cost: float = 0.0


class Busy(msgspec.Struct, frozen=True):
    """How many ran at once: at most (``peak``, first reached at ``peak_at``), and on average between first and last."""

    peak: int = 0
    peak_at: int | None = None
    average: float = 0.0
    seconds: float = 0.0


class Repeats(msgspec.Struct, frozen=True):
    """Subtasks that took more than one attempt: how many, attempts beyond the first, and (key, attempts) of some."""

    subtasks: int = 0
    attempts: int = 0
    most: list[tuple[str, int]] = []


class Gathered(msgspec.Struct, frozen=True):
    """What the subtasks of a task say together. Times are milliseconds, durations seconds."""

    subtasks: int
    first_start: int | None
    last_end: int | None
    last: Timing | None
    slowest: list[Slow]
    types: list[OfType]
    estimates: Estimates
    saved: Saved
    busy: Busy
    repeats: Repeats


class Tally:
    """Takes subtasks one after the other; ``now`` ends what still runs."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._subtasks = 0
        self._starts, self._ends = array("q"), array("q")
        self._slowest: Top[Slow] = Top()
        self._longer: Top[Missed] = Top()
        self._shorter: Top[Missed] = Top()
        self._repeated: Top[tuple[str, int]] = Top()
        self._types: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._sums = [0.0, 0.0, 0.0]
        self._saved = [0.0] * 5
        self._repeats = [0, 0]
        self._last: Timing | None = None

    def add(self, row: Timing) -> None:
        """One more subtask."""
        self._subtasks += 1
        if row.reused:
            self._reuse(row)
            return
        self._run(row)
        if row.attempts > 1:
            self._repeats[0] += 1
            self._repeats[1] += row.attempts - 1
            self._repeated.offer(row.attempts, (row.key, row.attempts))

    def _reuse(self, row: Timing) -> None:
        cached = row.outcome == CACHED
        self._saved[0 if cached else 1] += 1
        seconds = row.saved_seconds if cached else row.expected
        if seconds is not None:
            self._saved[2] += seconds
            self._saved[3] += 1
        self._saved[4] += row.saved_cost or 0.0

    def _run(self, row: Timing) -> None:
        if row.started_at is None:
            return
        running = row.status == SubtaskStatus.PROCESSING
        end = self._now if running else row.completed_at
        if end is None:
            return
        self._starts.append(row.started_at)
        self._ends.append(max(end, row.started_at))
        if row.seconds is None:
            return
        if self._last is None or (row.completed_at or 0) > (self._last.completed_at or 0):
            self._last = row
        waited = None if row.queued_at is None else max(0.0, (row.started_at - row.queued_at) / 1000)
        slow = Slow(row.key, row.type, row.seconds, waited, row.attempts, row.expected)
        self._slowest.offer(row.seconds, slow)
        of_type = self._types[row.type]
        of_type[0] += 1
        of_type[1] += row.seconds
        of_type[2] = max(of_type[2], row.seconds)
        if row.expected is not None and row.status == SubtaskStatus.COMPLETED:
            self._compare(row.key, row.expected, row.seconds)

    def _compare(self, key: str, expected: float, actual: float) -> None:
        self._sums = [self._sums[0] + 1, self._sums[1] + expected, self._sums[2] + actual]
        if max(expected, actual) < RATIO_LEAST_SECONDS:
            return
        missed = Missed(key, expected, actual)
        (self._longer if actual > expected else self._shorter).offer(abs(actual - expected), missed)

    def _all_saved(self) -> Saved:
        cached, reused, seconds, known, cost = self._saved
        return Saved(int(cached), int(reused), seconds, int(known), cost)

    def gathered(self) -> Gathered:
        """What all of them say together."""
        types = [OfType(name, int(row[0]), row[1], row[2]) for name, row in self._types.items()]
        count, expected, actual = self._sums
        return Gathered(
            subtasks=self._subtasks,
            first_start=min(self._starts, default=None),
            last_end=max(self._ends, default=None),
            last=self._last,
            slowest=self._slowest.found(),
            types=sorted(types, key=lambda row: -row.seconds)[:MOST],
            estimates=Estimates(int(count), expected, actual, self._longer.found(), self._shorter.found()),
            saved=self._all_saved(),
            busy=busy(self._starts, self._ends),
            repeats=Repeats(self._repeats[0], self._repeats[1], self._repeated.found()),
        )


class Top(Generic[T]):
    """Keeps the ``MOST`` largest of what it is offered, the first ones among equals."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0

    def offer(self, weight: float, value: T) -> None:
        """One more."""
        self._count += 1
        entry = (weight, -self._count, value)
        if len(self._heap) < MOST:
            heapq.heappush(self._heap, entry)
        elif entry[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, entry)

    def found(self) -> list[T]:
        """The largest, largest first."""
        return [value for _, _, value in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


def busy(starts: Sequence[int], ends: Sequence[int]) -> Busy:
    """How many of some spans of time lay over each other; one that ends as another begins does not."""
    if not starts:
        return Busy()
    total = sum(ends) - sum(starts)
    begins, finishes = sorted(starts), sorted(ends)
    peak, peak_at, ended = 0, begins[0], 0
    for index, start in enumerate(begins):
        while finishes[ended] <= start and ended < index:
            ended += 1
        if index + 1 - ended > peak:
            peak, peak_at = index + 1 - ended, start
    whole = finishes[-1] - begins[0]
    return Busy(peak, peak_at, total / whole if whole else float(peak), total / 1000)
