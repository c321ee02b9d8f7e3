"""When a plan will have ended: simulated again and again on sampled durations, before it starts and while it runs.

Few subtasks are sampled often, many of them less often; above ``COARSE`` there is one run on mean durations, and the
interval follows from the variances. What a number rests on is said beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import median

import msgspec

from engine.estimates.drift import COMMON, UNDER_WAY, Drift
from engine.estimates.estimate import Z90, Estimate
from engine.estimates.sampling import Sampler
from engine.estimates.shape import Shape
from engine.estimates.simulator import Network, Schedule, downward, network, run
from engine.estimates.spread import at
from engine.model import Value

MOST_RUNS = 100
LEAST_RUNS = 20
DRAWS = 40_000
"""Durations drawn for one prediction, some 100 ms: 100 runs of 400 subtasks, 20 of 2,000 and more."""
COARSE = 5_000
"""Above so many subtasks there is one run."""


class Workload(msgspec.Struct, frozen=True):
    """What is left of a plan, by index; settled subtasks are not in it.

    Args:
        network: who waits for whom, and the order of the frontier.
        estimates: of each.
        types: of each; subtasks of one type lean together.
        slots: how many may run at once: those of the engine, or of the task where it allows itself fewer.
        limits: the same by type.
        elapsed: for how many seconds those have run that run.
    """

    network: Network
    estimates: Sequence[Estimate]
    types: Sequence[str]
    slots: int
    limits: Mapping[str, int] = {}
    elapsed: Mapping[int, float] = {}


class Prediction(Value, frozen=True):
    """Seconds until the end: the median, P10 and P90.

    ``work_seconds`` is what all subtasks together take, ``critical_path_seconds`` what the longest path does: no number
    of slots ends it sooner. ``evidence`` counts the subtasks by what their estimates rest on.
    """

    seconds: float
    low: float
    high: float
    work_seconds: float
    critical_path_seconds: float
    evidence: dict[str, int]


NOTHING_LEFT = Prediction(0.0, 0.0, 0.0, 0.0, 0.0, {})


def predict(
    work: Workload, drift: Drift | None = None, *, draws: int = DRAWS, coarse: int = COARSE, seed: int = 1
) -> Prediction:
    """When a workload will have ended, in seconds from now.

    Args:
        work: what is left.
        drift: what the run has shown so far.
        draws: durations that may be drawn.
        coarse: above so many subtasks there is one run.
        seed: of the draws.
    """
    count = len(work.estimates)
    if not count:
        return NOTHING_LEFT
    sampler = Sampler(work.estimates, work.types, work.elapsed, drift or Drift(), seed)
    means, left = sampler.middle()
    expected = [left.get(node, seconds) for node, seconds in enumerate(means)]
    low, middle, high = _coarse(work, means, left) if count > coarse else _sampled(work, sampler, draws)
    wider = UNDER_WAY if work.elapsed or drift else 1.0
    return Prediction(
        seconds=middle,
        low=_farther(low, middle, wider),
        high=_farther(high, middle, wider),
        work_seconds=sum(expected),
        critical_path_seconds=longest(work.network, expected),
        evidence=dict(Counter(estimate.basis for estimate in work.estimates)),
    )


def _farther(bound: float, middle: float, factor: float) -> float:
    """A bound that is ``factor`` times as far from the middle, in the logarithm."""
    return middle * (bound / middle) ** factor if middle > 0 else bound


def longest(work: Network, durations: Sequence[float]) -> float:
    """Seconds of the longest path."""
    begin = [0.0] * len(durations)
    end = 0.0
    for node in downward(work):
        ended = begin[node] + durations[node]
        end = max(end, ended)
        for dependant in work.dependants[node]:
            begin[dependant] = max(begin[dependant], ended)
    return end


def sampled(work: Workload, sampler: Sampler, draws: int) -> Iterator[tuple[list[float], dict[int, float], Schedule]]:
    """Simulated runs, as many as ``draws`` allows: drawn durations, what the running ones still take, and the run."""
    runs = min(MOST_RUNS, max(LEAST_RUNS, draws // len(work.estimates)))
    for durations, left in sampler.draws(runs):
        yield durations, left, run(work.network, durations, work.slots, running=left, limits=work.limits)


def _sampled(work: Workload, sampler: Sampler, draws: int) -> tuple[float, float, float]:
    ends = sorted(found.makespan for _, _, found in sampled(work, sampler, draws))
    return at(ends, 0.1), median(ends), at(ends, 0.9)


def _coarse(work: Workload, means: Sequence[float], left: dict[int, float]) -> tuple[float, float, float]:
    """One run on mean durations; the interval is that of the sum of all, with what kinds have in common."""
    end = run(work.network, means, work.slots, running=left, limits=work.limits).makespan
    own = 0.0
    common: Counter[str] = Counter()
    for estimate, mean, type_ in zip(work.estimates, means, work.types, strict=True):
        shape = Shape.of(estimate)
        deviation = shape.deviation * mean / shape.mean if shape.mean else 0.0
        own += (1 - COMMON) * deviation**2
        common[type_] += deviation  # type: ignore[assignment]
    variance = own + COMMON * sum(value * value for value in common.values())
    width = math.sqrt(variance) / max(sum(means), 1e-9)
    return end * math.exp(-Z90 * width), end, end * math.exp(Z90 * width)


# --- what if ---------------------------------------------------------------------------------------------------------


class Change(Value, frozen=True):
    """What could be different: slots, durations by type as factors, and subtasks that are not there."""

    slots: int | None = None
    factors: Mapping[str, float] = {}
    without: Collection[int] = ()


def changed(work: Workload, dependencies: Sequence[Sequence[int]], change: Change) -> Workload:
    """The workload with a change made.

    A subtask that is taken out takes with it what depends on nothing that is left; what runs already keeps its tool.
    ``dependencies`` are those between the subtasks of the workload.
    """
    gone = branch(work.network, dependencies, change.without)
    kept = [node for node in range(len(work.estimates)) if node not in gone]
    place = {node: number for number, node in enumerate(kept)}
    estimates = [
        work.estimates[node]
        if node in work.elapsed
        else scaled(work.estimates[node], change.factors.get(work.types[node], 1.0))
        for node in kept
    ]
    needed = [[place[need] for need in dependencies[node] if need in place] for node in kept]
    sequence = [place[node] for node in work.network.sequence if node in place]
    types = [work.types[node] for node in kept]
    return Workload(
        network=network(needed, sequence, types if work.network.types else ()),
        estimates=estimates,
        types=types,
        slots=change.slots or work.slots,
        limits=work.limits,
        elapsed={place[node]: gone_for for node, gone_for in work.elapsed.items() if node in place},
    )


def branch(work: Network, dependencies: Sequence[Sequence[int]], without: Collection[int]) -> set[int]:
    """Some subtasks with all that depend on nothing else."""
    gone = set(without)
    look = list(gone)
    while look:
        for dependant in work.dependants[look.pop()]:
            if dependant not in gone and all(need in gone for need in dependencies[dependant]):
                gone.add(dependant)
                look.append(dependant)
    return gone


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The estimate of something that takes ``factor`` times as long."""
    if factor == 1.0:
        return estimate
    return msgspec.structs.replace(
        estimate, seconds=estimate.seconds * factor, low=estimate.low * factor, high=estimate.high * factor
    )
