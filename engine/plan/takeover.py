"""What a rerun runs again, and what it takes over from the task that it repeats.

Whatever did not succeed, whatever the caller names or changes, and everything that depends on it is the *affected cone*
and runs again; all else is settled from the start. A subtask inside the cone that had grown others grows anew; outside
of it they are taken over one by one, so that a single failed item is repeated alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from engine.model import NewSubtask, NewTask, Reused, Subtask
from engine.plan.spec import Spec, place_id
from engine.states import SETTLED, SubtaskStatus

COMPLETED, SKIPPED = SubtaskStatus.COMPLETED, SubtaskStatus.SKIPPED

Edge = tuple[str, str]
"""Keys of a dependant and of what it depends on."""


class Ran(msgspec.Struct, frozen=True):
    """What an earlier task had: its plan, what that had ``grown`` in the order of ids, and the ``edges`` of these."""

    planned: Sequence[Subtask]
    grown: Sequence[Subtask] = ()
    edges: Sequence[Edge] = ()

    def still(self, dependants: Sequence[Sequence[int]]) -> Iterator[Edge]:
        """The edges of what had grown that hold in the plan that is to run, given by its dependants."""
        places = {subtask.key: place for place, subtask in enumerate(self.planned)}
        roots = {subtask.key: int(subtask.id.split(".")[1]) for subtask in self.grown}
        later = {root: frozenset(dependants[root]) for root in set(roots.values())}
        for dependant, needed in self.edges:
            if dependant in roots or places[dependant] in later[roots[needed]]:
                yield dependant, needed


class Cone(msgspec.Struct, frozen=True):
    """What runs again: ``planned`` by place in the plan, ``grown`` by key (of subtasks whose parent does not)."""

    planned: frozenset[int]
    grown: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to run."""
        return not (self.planned or self.grown)


def cone(ran: Ran, dependants: Sequence[Sequence[int]], wanted: Collection[str]) -> Cone:
    """Everything that runs again.

    Args:
        ran: the earlier task.
        dependants: by place in the plan the places of what depends on it, in the plan that is to run.
        wanted: keys that run again although they had succeeded.
    """
    below: defaultdict[str, list[str]] = defaultdict(list)
    for place, later in enumerate(dependants):
        below[ran.planned[place].key] += [ran.planned[other].key for other in later]
    for dependant, needed in ran.still(dependants):
        below[needed].append(dependant)
    everything = [*ran.planned, *ran.grown]
    reached = _below([subtask.key for subtask in everything if _again(subtask, wanted)], below)
    again = {subtask.id for subtask in everything if subtask.key in reached}
    return Cone(
        frozenset(place for place, subtask in enumerate(ran.planned) if subtask.key in reached),
        frozenset(subtask.key for subtask in ran.grown if subtask.id in again and not _dropped(subtask, again)),
    )


def _again(earlier: Subtask, wanted: Collection[str]) -> bool:
    return earlier.status not in (COMPLETED, SKIPPED) or earlier.key in wanted


def _below(begin: Iterable[str], below: Mapping[str, Sequence[str]]) -> set[str]:
    """These and all that depend on them, directly or not."""
    reached = set(begin)
    stack = list(reached)
    while stack:
        new = [key for key in below.get(stack.pop(), ()) if key not in reached]
        reached.update(new)
        stack += new
    return reached


def _dropped(subtask: Subtask, again: Collection[str]) -> bool:
    """Whether one that it grew from, directly or not, runs again and so grows anew."""
    id_ = subtask.id
    while id_.count(".") > 1:
        id_ = id_.rpartition(".")[0]
        if id_ in again:
            return True
    return False


def take_over(task: NewTask, ran: Ran, dependants: Sequence[Sequence[int]], again: Cone) -> NewTask:
    """The task as it starts: what is outside the cone is settled, with what it had produced.

    Args:
        task: a new task with the plan that is to run, built as if nothing had run before.
        ran: the earlier task.
        dependants: by place in the plan the places of what depends on it, in the plan that is to run.
        again: what runs again.
    """
    subtasks = [
        subtask if place in again.planned else _settled(subtask, ran.planned[place])
        for place, subtask in enumerate(task.subtasks)
    ]
    repeated = {ran.planned[place].id for place in again.planned}
    repeated |= {subtask.id for subtask in ran.grown if subtask.key in again.grown}
    kept = [subtask for subtask in ran.grown if not _dropped(subtask, repeated)]
    copies = [_copy(subtask, task.id, subtask.key in again.grown) for subtask in kept]
    ids = {subtask.key: subtask.id for subtask in [*subtasks, *copies]}
    edges = list(task.edges)
    edges += [(ids[one], ids[other]) for one, other in ran.still(dependants) if one in ids and other in ids]
    return msgspec.structs.replace(task, subtasks=_counted([*subtasks, *copies], edges), edges=edges)


def _settled(subtask: NewSubtask, earlier: Subtask) -> NewSubtask:
    reused = None
    if earlier.status is COMPLETED:
        origin = earlier.origin or earlier.id
        reused = Reused(earlier.output, earlier.output_hash, earlier.output_bytes, origin, earlier.tainted)
    return msgspec.structs.replace(subtask, status=earlier.status, timed=False, reused=reused)


def _copy(earlier: Subtask, task_id: str, again: bool) -> NewSubtask:
    """A subtask that has grown already, at the same place of the new task."""
    spec = Spec.decode(earlier.spec)
    id_ = place_id(task_id, earlier.id.partition(".")[2])
    followed = spec.map.follows if spec.map else None
    copy = NewSubtask(
        id=id_,
        key=earlier.key,
        type=earlier.type,
        index=earlier.index,
        spec=earlier.spec,
        unmet=0,
        priority=earlier.priority,
        generation=earlier.generation,
        rank=earlier.rank,
        order_key=earlier.order_key,
        critical=earlier.critical,
        expanded_from=id_.rpartition(".")[0],
        status=SubtaskStatus.PENDING,
        optional=earlier.optional,
        judged=spec.run_if is not None,
        timed=spec.queue is not None or spec.total is not None,
        follows=None if followed is None else place_id(task_id, followed),
    )
    return copy if again else _settled(copy, earlier)


def _counted(subtasks: Sequence[NewSubtask], edges: Iterable[Edge]) -> list[NewSubtask]:
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
