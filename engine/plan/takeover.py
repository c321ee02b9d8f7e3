"""What a rerun runs again, and what it takes over from the task that it repeats.

Whatever did not succeed, whatever the caller names or changes, and everything that depends on it is the *affected cone*
and runs again; all else is settled from the start. A mapped subtask inside the cone expands anew; outside of it its
items are taken over one by one, so that a single failed item is repeated alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from engine.model import NewSubtask, NewTask, Reused, Subtask
from engine.plan.ids import subtask_id
from engine.plan.items import item_order
from engine.plan.spec import Spec
from engine.states import SETTLED, SubtaskStatus

COMPLETED, SKIPPED = SubtaskStatus.COMPLETED, SubtaskStatus.SKIPPED

Items = Mapping[int, Sequence[Subtask]]
"""What mapped subtasks have grown, by the place of the mapped one in the plan."""


class Cone(msgspec.Struct, frozen=True):
    """What runs again: ``planned`` by place in the plan, ``items`` by key (of mapped subtasks outside the cone)."""

    planned: frozenset[int]
    items: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to run."""
        return not (self.planned or self.items)


def cone(
    planned: Sequence[Subtask], items: Items, dependants: Sequence[Sequence[int]], wanted: Collection[str]
) -> Cone:
    """Everything that runs again.

    Args:
        planned: the earlier subtasks in plan order.
        items: what they had grown.
        dependants: by place in the plan the places of what depends on it, in the plan that is to run.
        wanted: keys that run again although they had succeeded.
    """
    begin = [place for place, earlier in enumerate(planned) if _again(earlier, wanted)]
    repeated = {place: [item.key for item in grown if _again(item, wanted)] for place, grown in items.items()}
    begin += [below for place, keys in repeated.items() if keys for below in dependants[place]]
    reached = _below(begin, dependants)
    kept = [key for place, keys in repeated.items() if place not in reached for key in keys]
    return Cone(frozenset(reached), frozenset(kept))


def _again(earlier: Subtask, wanted: Collection[str]) -> bool:
    return earlier.status not in (COMPLETED, SKIPPED) or earlier.key in wanted


def _below(begin: Iterable[int], dependants: Sequence[Sequence[int]]) -> set[int]:
    """These places and all that depend on them, directly or not."""
    reached = set(begin)
    stack = list(reached)
    while stack:
        new = [place for place in dependants[stack.pop()] if place not in reached]
        reached.update(new)
        stack += new
    return reached


def take_over(task: NewTask, planned: Sequence[Subtask], items: Items, again: Cone) -> NewTask:
    """The task as it starts: what is outside the cone is settled, with what it had produced.

    Args:
        task: a new task with the plan that is to run, built as if nothing had run before.
        planned: the earlier subtasks in plan order.
        items: what they had grown.
        again: what runs again.
    """
    subtasks = [
        subtask if place in again.planned else _settled(subtask, planned[place])
        for place, subtask in enumerate(task.subtasks)
    ]
    edges = list(task.edges)
    joins: defaultdict[str, list[str]] = defaultdict(list)
    for dependant, needed in task.edges:
        joins[needed].append(dependant)
    for place, grown in items.items():
        if place in again.planned:
            continue
        parent = subtasks[place].id
        copies = [_item(earlier, parent, earlier.key in again.items) for earlier in grown]
        subtasks += copies
        edges += [(copy.id, parent) for copy in copies]
        edges += [(join, copy.id) for join in joins[parent] for copy in copies]
    return msgspec.structs.replace(task, subtasks=_counted(subtasks, edges), edges=edges)


def _settled(subtask: NewSubtask, earlier: Subtask) -> NewSubtask:
    reused = None
    if earlier.status is COMPLETED:
        reused = Reused(earlier.output, earlier.output_hash, earlier.output_bytes)
    return msgspec.structs.replace(subtask, status=earlier.status, timed=False, reused=reused)


def _item(earlier: Subtask, parent: str, again: bool) -> NewSubtask:
    """An item of a mapped subtask that has grown already."""
    spec = Spec.decode(earlier.spec)
    copy = NewSubtask(
        id=subtask_id(parent, earlier.index),
        key=earlier.key,
        type=earlier.type,
        index=earlier.index,
        spec=earlier.spec,
        unmet=0,
        priority=earlier.priority,
        generation=earlier.generation,
        rank=earlier.rank,
        order_key=item_order(earlier.priority, earlier.rank, parent, earlier.index),
        critical=earlier.critical,
        expanded_from=parent,
        status=SubtaskStatus.PENDING,
        optional=earlier.optional,
        timed=spec.queue is not None or spec.total is not None,
    )
    return copy if again else _settled(copy, earlier)


def _counted(subtasks: Sequence[NewSubtask], edges: Iterable[tuple[str, str]]) -> list[NewSubtask]:
    """The subtasks with what their dependencies leave to wait for, and ready where that is nothing."""
    by_id = {subtask.id: subtask for subtask in subtasks}
    unmet: defaultdict[str, int] = defaultdict(int)
    skips: defaultdict[str, int] = defaultdict(int)
    for dependant, needed in edges:
        dependency = by_id[needed]
        unmet[dependant] += dependency.status not in SETTLED
        skips[dependant] += dependency.status is SKIPPED and not dependency.optional
    return [_standing(subtask, unmet[subtask.id], skips[subtask.id]) for subtask in subtasks]


def _standing(subtask: NewSubtask, unmet: int, skips: int) -> NewSubtask:
    status = subtask.status
    if status not in SETTLED:
        at_once = not (unmet or skips or subtask.judged)
        status = SubtaskStatus.READY if at_once else SubtaskStatus.PENDING
    return msgspec.structs.replace(subtask, status=status, unmet=unmet, bad=skips, skips=skips)
