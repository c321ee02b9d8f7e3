"""A task's order anew while it runs: what its own attempts have taught changes the longest remaining paths.

Pure: what is open of a task goes in, the subtasks that get another place come out. What a key says beside the rank
stays: the priority before it, the place in the plan behind it. Items of a map, and the maps of a chain, share the rank
of their lane.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.estimates.estimate import UNKNOWN, Estimate
from engine.estimates.expectation import LEAST_WEIGHT
from engine.estimates.urgency import urgency
from engine.model import Rank, Standing
from engine.plan.build import rank_text
from engine.plan.order import Order, order
from engine.states import SETTLED, SubtaskStatus

FACTOR = 1.5
"""An estimate that is so many times what it was, or its part, may change the order."""
WAITING = frozenset(
    status.value
    for status in (
        SubtaskStatus.PENDING,
        SubtaskStatus.READY,
        SubtaskStatus.RETRYING,
        SubtaskStatus.AWAITING_APPROVAL,
    )
)
_SETTLED = frozenset(status.value for status in SETTLED)
_ITEM_PARTS = 5
_STAGE_DIGITS = 2


@dataclass(slots=True)
class Ranked:
    """What the waiting subtasks of a running task were ranked with: expected seconds by type; None where a type came
    later. ``kinds`` as a whole is None while that is not known: after a restart.
    """

    kinds: dict[str, float | None] | None = field(default_factory=dict)
    due_at: float = float("-inf")
    again: bool = False
    """It has been ranked anew: what it grows later begins with the rank of its map, which may be out of date."""
    grew: bool = False

    def grown(self, types: Iterable[str]) -> None:
        """The task has grown subtasks of these types."""
        if self.kinds is not None:
            for type_ in types:
                self.kinds.setdefault(type_, None)
        self.grew = self.again

    def outdated(self, now: Mapping[str, float], before: Mapping[str, float]) -> bool:
        """Whether its order may have changed.

        Args:
            now: expected seconds of the types about which something was learned.
            before: the same as they were when that was looked at last, for types that came later.
        """
        if self.kinds is None or self.grew:
            return True
        if len(self.kinds) < 2:  # of one kind all paths grow alike
            return False
        for type_, seconds in now.items():
            if type_ not in self.kinds:
                continue
            known = self.kinds[type_]
            basis = before.get(type_, UNKNOWN.seconds) if known is None else known
            self.kinds[type_] = basis
            if apart(basis, seconds):
                return True
        return False


def apart(before: float, now: float) -> bool:
    """Whether two estimates differ by more than ``FACTOR``; what is instant either way does not."""
    ratio = max(now, LEAST_WEIGHT) / max(before, LEAST_WEIGHT)
    return not 1 / FACTOR <= ratio <= FACTOR


def ranked_again(
    rows: Sequence[Standing],
    edges: Iterable[tuple[str, str]],
    expect: Callable[[str, str], Estimate],
    slots: int,
    has_run: bool,
) -> list[Rank]:
    """The waiting subtasks whose order keys change, the most urgent first; none where they would stay in their order.

    Args:
        rows: all subtasks of a task.
        edges: (dependant key, dependency key).
        expect: what is expected of a subtask now.
        slots: how many of the task may run at once.
        has_run: whether its plan has run before: then a better order is searched, as when it came in.
    """
    open_ = [row for row in rows if row.status not in _SETTLED]
    number = {row.key: node for node, row in enumerate(open_)}
    needs: list[list[int]] = [[] for _ in open_]
    for dependant, dependency in edges:
        if dependant in number and dependency in number:
            needs[number[dependant]].append(number[dependency])
    seconds = _expected(open_, expect, spread=not has_run)
    found = order(needs, [max(one, LEAST_WEIGHT) for one in seconds])
    keys = _keys(open_, _urgent(open_, found, needs, seconds, slots) if has_run else found.rank)
    waiting = [node for node, row in enumerate(open_) if row.status in WAITING]
    if sorted(waiting, key=keys.__getitem__) == sorted(waiting, key=lambda node: open_[node].order_key):
        return []
    changed = [node for node in waiting if keys[node] != open_[node].order_key]
    return [
        Rank(
            open_[node].id,
            None if open_[node].expected is None else seconds[node],
            found.rank[node],
            keys[node],
        )
        for node in sorted(changed, key=keys.__getitem__)
    ]


def _expected(rows: Sequence[Standing], expect: Callable[[str, str], Estimate], spread: bool) -> list[float]:
    """Seconds of each. Sizes of inputs were known when they were stored and are not now, so with ``spread`` subtasks of
    a type keep how they compare with one another.
    """
    logs: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows if spread else ():
        if row.expected is not None:
            logs[row.type].append(math.log(max(row.expected, LEAST_WEIGHT)))
    middle = {type_: math.exp(math.fsum(found) / len(found)) for type_, found in logs.items()}
    found = []
    for row in rows:
        seconds = expect(row.key, row.type).seconds
        if row.expected is not None and row.type in middle:
            seconds *= max(row.expected, LEAST_WEIGHT) / middle[row.type]
        found.append(seconds)
    return found


def _urgent(
    rows: Sequence[Standing], found: Order, needs: list[list[int]], seconds: list[float], slots: int
) -> list[float]:
    durations = [max(one, LEAST_WEIGHT) for one in seconds]
    priority = [int(row.order_key[:2]) for row in rows]
    return urgency(found, needs, durations, slots, [-one for one in priority] if len(set(priority)) > 1 else ())


def _keys(rows: Sequence[Standing], rank: Sequence[float]) -> list[str]:
    """The order keys with other ranks; a lane has the highest of its members."""
    parts = [row.order_key.split(".") for row in rows]
    lanes = [_lane(row.order_key, split) for row, split in zip(rows, parts, strict=True)]
    highest: dict[str, float] = {}
    for lane, value in zip(lanes, rank, strict=True):
        highest[lane] = max(value, highest.get(lane, 0.0))
    return [
        ".".join([split[0], rank_text(highest[lane]), *split[2:]]) for lane, split in zip(lanes, parts, strict=True)
    ]


def _lane(key: str, parts: list[str]) -> str:
    """What items of a map share with it: their key without item and stage."""
    item = len(parts) >= _ITEM_PARTS and len(parts[-1]) == _STAGE_DIGITS
    return ".".join(parts[:-2]) if item else key
