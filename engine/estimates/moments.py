"""When each open subtask of a task is expected to start and to end: the medians of the runs that foretell its end.

Nothing is said where that would be a guess. Who waits for a person, for the end of a back-off, or for something of a
kind that was never seen, may wait for any time; so may who waits for a slot behind such a kind.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from statistics import median

import msgspec

from engine.estimates.estimate import Estimate
from engine.estimates.prediction import COARSE, DRAWS, Workload, sampled
from engine.estimates.sampling import Sampler
from engine.estimates.simulator import downward, run
from engine.estimates.view import INSTANT, Left
from engine.model import Value

SAME = 1e-6
"""Seconds: what starts so soon after its last dependency did not wait for a slot."""
Lists = tuple[Sequence[float], Sequence[float]]
"""When each starts and ends."""


class Moment(Value, frozen=True):
    """When a subtask is expected to start and to end, in seconds from now, and how long it takes; None: not known.

    Of what runs only the end is told.
    """

    start: float | None
    end: float | None
    seconds: float | None


def moments(left: Left, *, draws: int = DRAWS, coarse: int = COARSE, seed: int = 1) -> list[Moment]:
    """The moments of what is left of a task, by index.

    Args:
        left: what is left.
        draws: durations that may be drawn.
        coarse: above so many subtasks there is one run, on mean durations.
        seed: of the draws; the same as that of the task's end, so that the two agree.
    """
    if not left.keys:
        return []
    order = list(downward(left.workload.network))
    held = _held(left, order)
    work = _without(left.workload, held)
    sampler = Sampler(work.estimates, work.types, work.elapsed, left.drift, seed)
    ran = _once(work, sampler) if len(work.estimates) > coarse else _medians(work, sampler, draws)
    return _told(left, order, held, *ran)


def _held(left: Left, order: Sequence[int]) -> set[int]:
    """What is held, and what waits for it."""
    found = set(left.held)
    for node in order:
        if any(need in found for need in left.dependencies[node]):
            found.add(node)
    return found


def _without(work: Workload, held: Set[int]) -> Workload:
    """The workload in which some subtasks take no slot from the others."""
    estimates = [INSTANT if node in held else estimate for node, estimate in enumerate(work.estimates)]
    return msgspec.structs.replace(work, estimates=estimates)


def _medians(work: Workload, sampler: Sampler, draws: int) -> Lists:
    starts, ends = [], []
    for durations, left, found in sampled(work, sampler, draws):
        starts.append(found.start)
        ends.append(_ends(found.start, durations, left))
    return [median(column) for column in zip(*starts, strict=True)], [
        median(column) for column in zip(*ends, strict=True)
    ]


def _once(work: Workload, sampler: Sampler) -> Lists:
    means, left = sampler.middle()
    start = run(work.network, means, work.slots, running=left, limits=work.limits).start
    return start, _ends(start, means, left)


def _ends(start: Sequence[float], durations: Sequence[float], left: dict[int, float]) -> list[float]:
    ends = [begun + seconds for begun, seconds in zip(start, durations, strict=True)]
    for node, seconds in left.items():
        ends[node] = seconds
    return ends


def _told(
    left: Left, order: Sequence[int], held: Set[int], starts: Sequence[float], ends: Sequence[float]
) -> list[Moment]:
    """The moments that are more than a guess."""
    work = left.workload
    lengths = [estimate.seconds if is_known(estimate) else None for estimate in work.estimates]
    strange = [starts[node] for node, length in enumerate(lengths) if length is None and node not in held]
    doubtful_from = min(strange, default=float("inf"))
    sure = [False] * len(lengths)
    found = [Moment(None, None, length) for length in lengths]
    for node in order:
        runs, needs = node in work.elapsed, left.dependencies[node]
        earliest = max((ends[need] for need in needs), default=0.0)
        queued = starts[node] > earliest + SAME
        doubtful = queued and starts[node] > doubtful_from
        start = node not in held and not doubtful and all(sure[need] for need in needs)
        sure[node] = (runs or start) and lengths[node] is not None
        found[node] = Moment(
            starts[node] if start and not runs else None, ends[node] if sure[node] else None, lengths[node]
        )
    return found


def is_known(estimate: Estimate) -> bool:
    """Whether an estimate rests on something of the same type."""
    return estimate.basis in ("subtask", "kind", "type")
