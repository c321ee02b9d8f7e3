"""A task as forecasts see it: read once, then kept up to date by its events, so that nobody has to look at it again.

What is left of it becomes a workload for the simulator; what has ended tells how this run compares with what was
expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from engine.estimates.drift import Drift
from engine.estimates.estimate import Estimate
from engine.estimates.prediction import Workload
from engine.estimates.simulator import arranged
from engine.model import Event, NewTask, Standing
from engine.states import SETTLED, SubtaskStatus

Expect = Callable[[str, str], Estimate]
"""What is expected of a subtask, by key and type."""

INSTANT = Estimate(0.0, 0.0, 0.0)
"""What has no work of its own: a mapped subtask, which ends when its items are there."""
MOST_ENDED = 2_000
"""Ended subtasks that are compared with what was expected of them, the last ones."""
_SETTLED = frozenset(status.value for status in SETTLED)
_HELD = frozenset({SubtaskStatus.AWAITING_APPROVAL.value, SubtaskStatus.RETRYING.value})


class Slots(msgspec.Struct, frozen=True):
    """How many subtasks of a task may run at once, all together and by type."""

    total: int
    by_type: Mapping[str, int] = {}


class Left(msgspec.Struct, frozen=True):
    """What is left of a task: the workload, its subtasks by key, what each waits for, and how the run went so far.

    ``held`` are those that wait for something that no run tells: a person, or the end of a back-off.
    """

    workload: Workload
    keys: list[str]
    dependencies: list[list[int]]
    drift: Drift
    held: frozenset[int] = frozenset()


class View:
    """The subtasks of one task and what they wait for.

    Args:
        rows: the subtasks.
        edges: (dependant key, dependency key).
    """

    def __init__(self, rows: Sequence[Standing], edges: Iterable[tuple[str, str]]) -> None:
        self._rows = list(rows)
        self._place = {row.key: place for place, row in enumerate(self._rows)}
        self._needs: list[list[int]] = [[] for _ in self._rows]
        for dependant, dependency in edges:
            if dependant in self._place and dependency in self._place:
                self._needs[self._place[dependant]].append(self._place[dependency])
        self._ended = {place: None for place, row in enumerate(self._rows) if row.status == SubtaskStatus.COMPLETED}

    @staticmethod
    def of_new(task: NewTask) -> View:
        """A task that is about to be stored."""
        keys = {subtask.id: subtask.key for subtask in task.subtasks}
        rows = [
            Standing(one.key, one.type, one.status.value, one.order_key, None, None, one.expected)
            for one in task.subtasks
        ]
        return View(rows, ((keys[dependant], keys[dependency]) for dependant, dependency in task.edges))

    def __len__(self) -> int:
        return len(self._rows)

    def apply(self, event: Event) -> bool:
        """Takes in what has happened to a subtask; False when it is not known here, so that all must be read again."""
        if not event.key:
            return True
        place = self._place.get(event.key)
        if place is None:
            return False
        row = self._rows[place]
        started = event.at if event.status == SubtaskStatus.PROCESSING else row.started_at
        ended = event.at if event.status in _SETTLED else None
        self._rows[place] = msgspec.structs.replace(row, status=event.status, started_at=started, completed_at=ended)
        self._ended.pop(place, None)
        if event.status == SubtaskStatus.COMPLETED:
            self._ended[place] = None
        return True

    def left(self, expect: Expect, slots: Slots, now: int) -> Left:
        """What is left at a moment in milliseconds; for a thread, while nothing is taken in."""
        open_ = [place for place, row in enumerate(self._rows) if row.status not in _SETTLED]
        number = {place: count for count, place in enumerate(open_)}
        needs = [[number[need] for need in self._needs[place] if need in number] for place in open_]
        dependants: list[list[int]] = [[] for _ in open_]
        for node, needed in enumerate(needs):
            for need in needed:
                dependants[need].append(node)
        rows = [self._rows[place] for place in open_]
        types = [row.type for row in rows]
        sequence = sorted(range(len(rows)), key=lambda node: rows[node].order_key)
        limited = types if any(type_ in slots.by_type for type_ in set(types)) else []
        workload = Workload(
            network=arranged(dependants, [len(needed) for needed in needs], sequence, limited),
            estimates=[_expected(row, expect) for row in rows],
            types=types,
            slots=slots.total,
            limits=slots.by_type,
            elapsed={
                node: max(now - row.started_at, 0) / 1000
                for node, row in enumerate(rows)
                if row.status == SubtaskStatus.PROCESSING and row.started_at is not None
            },
        )
        held = frozenset(node for node, place in enumerate(open_) if self._is_held(place))
        return Left(workload, [row.key for row in rows], needs, self._drift(expect), held)

    def _is_held(self, place: int) -> bool:
        """Whether more than slots and what is left keeps it from starting; what was set apart waits for a person."""
        if self._rows[place].status in _HELD:
            return True
        return any(self._rows[need].status == SubtaskStatus.QUARANTINED for need in self._needs[place])

    def _drift(self, expect: Expect) -> Drift:
        drift = Drift()
        for place in islice(reversed(self._ended), MOST_ENDED):
            row = self._rows[place]
            if row.expected is not None and row.started_at is not None and row.completed_at is not None:
                drift.add(row.type, expect(row.key, row.type), (row.completed_at - row.started_at) / 1000)
        return drift


def _expected(row: Standing, expect: Expect) -> Estimate:
    return INSTANT if row.expected is None else expect(row.key, row.type)
