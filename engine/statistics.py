"""What ``/stats`` and ``/estimates`` tell: attempts of the last days from the graph, and what was learned from them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from engine.estimates.estimator import regressions
from engine.estimates.experience import Experience
from engine.estimates.learning import Learner
from engine.estimates.profile import Profile, Regression
from engine.estimates.trends import Sums, Trend, bottlenecks, by_day, by_type
from engine.model import Json
from engine.plan.ids import first_ulid
from engine.ports import Clock

DAY = 86_400_000
"""Milliseconds."""
FRESH_SECONDS = 5.0
"""An answer is given again for so long: whoever watches the page does not make the graph count anew."""
MOST_TASKS = 10_000
MOST_SUBTASKS = 200_000
"""So much is looked at, the latest tasks first."""
SHARES = (0.1, 0.5, 0.9)


class Statistics:
    """Reads what happened; one question at a time."""

    def __init__(self, graph: Experience, learner: Learner, clock: Clock) -> None:
        self._graph = graph
        self._learner = learner
        self._clock = clock
        self._asking = asyncio.Lock()
        self._told: dict[int, tuple[float, dict[str, Json]]] = {}

    async def stats(self, days: int) -> dict[str, Json]:
        """Durations, failures, cache and errors of estimates of the last days, by type and day; times in milliseconds.

        Counts the attempts of tasks that were made in that time; of very many the latest, and says since when.
        """
        async with self._asking:
            told_at, told = self._told.get(days, (float("-inf"), {}))
            if self._clock.monotonic() - told_at < FRESH_SECONDS:
                return told
            found = await self._count(days)
            self._told = {days: (self._clock.monotonic(), found)}
            return found

    async def _count(self, days: int) -> dict[str, Json]:
        now = self._clock.now()
        first = first_ulid(now - days * DAY)
        bound = _bound(await self._graph.task_sizes(first, MOST_TASKS + 1))
        rows = await self._graph.trends(bound or first)
        return told(rows, regressions(self._learner.merged()), now, days, bound)

    async def estimates(self, type_: str | None) -> list[dict[str, Json]]:
        """What was learned about each kind, of one type or all, most attempts first; times in milliseconds."""
        await self._learner.refresh()
        profiles = [one for one in self._learner.merged().values() if type_ in (None, one.kind.type)]
        return [shown(profile) for profile in sorted(profiles, key=lambda one: (-one.attempts, one.kind.text))]


def told(
    rows: Sequence[Trend], slower: Sequence[Regression], now: int, days: int, first_task: str | None
) -> dict[str, Json]:
    """What is told of the attempts of some days."""
    types = by_type(rows)
    return {
        "at": now,
        "days": days,
        "since": now - days * DAY,
        "first_task": first_task,
        "totals": Sums(rows).shown(),
        "types": [{"type": type_, **sums.shown()} for type_, sums in types.items()],
        "trends": [_day(day, type_, sums) for (day, type_), sums in by_day(rows).items()],
        "bottlenecks": bottlenecks(types, slower),
        "regressions": [
            {"type": one.kind.type, "version": one.kind.version, "seconds": one.now, "earlier_p90": one.before}
            for one in slower
        ],
    }


def _bound(sizes: Iterable[tuple[str, int]]) -> str | None:
    """The id of the oldest task that is still looked at, where not all are."""
    left, oldest = MOST_SUBTASKS, None
    for number, (id_, subtasks) in enumerate(sizes):
        left -= subtasks
        if number and (left < 0 or number >= MOST_TASKS):
            return oldest
        oldest = id_
    return None


def _day(day: int, type_: str, sums: Sums) -> dict[str, Json]:
    return {"day": day * DAY, "type": type_, **sums.shown()}


def learned(profile: Profile | None) -> dict[str, Json] | None:
    """The little of a kind that is told beside other things; None when nothing was learned."""
    if profile is None:
        return None
    names = ("count", "p10", "median", "p90", "attempts", "failures", "failure_rate", "cost", "regressed")
    everything = shown(profile)
    return {name: everything[name] for name in names}


def shown(profile: Profile) -> dict[str, Json]:
    """What is told of a kind."""
    low, middle, high = profile.seconds.quantiles(SHARES) if profile.count else (None, None, None)
    median, ninth = profile.memories.quantiles(SHARES[1:]) if profile.measured else (None, None)
    kind = profile.kind
    return {
        "type": kind.type,
        "version": kind.version,
        "input_bytes": None if kind.size is None else [2 ** (kind.size - 1) if kind.size else 0, 2**kind.size - 1],
        "count": profile.count,
        "p10": low,
        "median": middle,
        "p90": high,
        "attempts": profile.attempts,
        "failures": profile.failures,
        "failure_rate": profile.failures / profile.attempts if profile.attempts else None,
        "retries": profile.retries,
        "mean_output_bytes": profile.output_bytes / profile.count if profile.count else None,
        "memory_median": median,
        "memory_p90": ninth,
        "memory_bytes": profile.memory or None,
        "mean_cpu_seconds": profile.cpu / profile.measured if profile.measured else None,
        "cost": profile.cost,
        "regressed": profile.regression is not None,
        "updated_at": profile.updated_at,
    }
