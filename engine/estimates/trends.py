"""What the attempts of the last days say: by type and day, and where it is that time is lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from engine.estimates.profile import Regression
from engine.model import Json, Value

MOST_NAMED = 3
"""Types named for one reason."""
OFTEN = 0.1
"""Share of attempts that may fail before it is called a bottleneck."""
FEW = 5
"""Attempts below which a share says nothing."""
CACHED, COMPLETED, FAILED = "cached", "completed", "failed"


class Trend(Value, frozen=True):
    """Attempts of one type, day (since 1970, UTC) and outcome. ``seconds`` is their sum, ``longest`` the longest one.

    ``wait`` is the mean time from ready to started, ``error`` the mean absolute logarithm of what they took over what
    was ``expected`` of so many; None where there is nothing to take a mean of. ``bytes`` is the sum of their outputs.
    """

    type: str
    day: int
    outcome: str
    attempts: int
    seconds: float
    longest: float
    wait: float | None
    error: float | None
    expected: int
    bytes: int


class Sums:
    """Attempts of any type and day put together."""

    def __init__(self, rows: Iterable[Trend]) -> None:
        self.rows = list(rows)

    def attempts(self, *outcomes: str) -> int:
        """How many there were, with one of these outcomes or any."""
        return sum(row.attempts for row in self.rows if not outcomes or row.outcome in outcomes)

    def mean(self, value: Callable[[Trend], float | None], weight: Callable[[Trend], int]) -> float | None:
        """A mean over attempts; None when there is nothing to take one of."""
        found = [(mean, weight(row)) for row in self.rows if (mean := value(row)) is not None]
        weights = sum(number for _, number in found)
        return sum(mean * number for mean, number in found) / weights if weights else None

    @property
    def seconds(self) -> float:
        """Time that attempts have taken that did work."""
        return sum(row.seconds for row in self.rows if row.outcome in (COMPLETED, FAILED))

    @property
    def wait(self) -> float | None:
        """Mean seconds from ready to started."""
        return self.mean(lambda row: row.wait, lambda row: row.attempts)

    @property
    def error(self) -> float | None:
        """By what factor estimates were wrong, as mean absolute logarithm."""
        return self.mean(lambda row: row.error, lambda row: row.expected)

    @property
    def failure_rate(self) -> float | None:
        """The share of failed attempts among those that did work."""
        return _share(self.attempts(FAILED), self.attempts(COMPLETED, FAILED))

    def shown(self) -> dict[str, Json]:
        """What is told of them."""
        done = [row for row in self.rows if row.outcome == COMPLETED]
        number, seconds = sum(row.attempts for row in done), sum(row.seconds for row in done)
        cached, error, failing = self.attempts(CACHED), self.error, self.failure_rate
        return {
            "attempts": self.attempts(),
            "completed": number,
            "failed": self.attempts(FAILED),
            "cached": cached,
            "success_rate": None if failing is None else 1 - failing,
            "failure_rate": failing,
            "cache_hit_rate": _share(cached, cached + number),
            "seconds": self.seconds,
            "mean_seconds": seconds / number if number else None,
            "longest_seconds": max((row.longest for row in done), default=None),
            "mean_wait_seconds": self.wait,
            "output_bytes": sum(row.bytes for row in done),
            "estimate_error": error,
            "estimate_factor": None if error is None else math.exp(error),
        }


def by_type(rows: Sequence[Trend]) -> dict[str, Sums]:
    """The attempts of each type."""
    found: dict[str, list[Trend]] = {}
    for row in rows:
        found.setdefault(row.type, []).append(row)
    return {type_: Sums(of_type) for type_, of_type in sorted(found.items())}


def by_day(rows: Sequence[Trend]) -> dict[tuple[int, str], Sums]:
    """The attempts of each day and type."""
    found: dict[tuple[int, str], list[Trend]] = {}
    for row in rows:
        found.setdefault((row.day, row.type), []).append(row)
    return {place: Sums(of_day) for place, of_day in sorted(found.items())}


def bottlenecks(types: dict[str, Sums], regressions: Sequence[Regression]) -> list[dict[str, Json]]:
    """Where time is lost, in words and as data: what takes most of it, waits, fails, or has become slower."""
    return [*_slow(types), *_waiting(types), *_failing(types), *map(_regressed, regressions)]


def _slow(types: dict[str, Sums]) -> list[dict[str, Json]]:
    total = sum(sums.seconds for sums in types.values())
    first = sorted(types, key=lambda type_: -types[type_].seconds)[:MOST_NAMED]
    return [
        _named(type_, "time", f"{share:.0%} of all time, {types[type_].seconds:,.1f} s", share)
        for type_ in first
        if total and (share := types[type_].seconds / total) >= OFTEN
    ]


def _waiting(types: dict[str, Sums]) -> list[dict[str, Json]]:
    """Types whose subtasks wait for a slot longer than they run."""
    found = []
    for type_, sums in types.items():
        wait, number = sums.wait or 0.0, sums.attempts(COMPLETED, FAILED)
        if number >= FEW and wait > 1.0 and wait > sums.seconds / number:
            found.append((wait * number, type_, wait, sums.seconds / number))
    return [
        _named(type_, "waiting", f"waits {wait:,.1f} s for a slot and runs {runs:,.1f} s, on average", wait)
        for _, type_, wait, runs in sorted(found, reverse=True)[:MOST_NAMED]
    ]


def _failing(types: dict[str, Sums]) -> list[dict[str, Json]]:
    found = []
    for type_, sums in types.items():
        rate, number = sums.failure_rate or 0.0, sums.attempts(COMPLETED, FAILED)
        if number >= FEW and rate >= OFTEN:
            found.append((rate, type_, number))
    return [
        _named(type_, "failures", f"{rate:.0%} of {number:,} attempts failed", rate)
        for rate, type_, number in sorted(found, reverse=True)[:MOST_NAMED]
    ]


def _regressed(regression: Regression) -> dict[str, Json]:
    detail = f"takes {regression.now:,.3g} s lately; nine of ten took at most {regression.before:,.3g} s before"
    return _named(regression.kind.type, "regressed", detail, regression.now / max(regression.before, 1e-3))


def _named(type_: str, reason: str, detail: str, value: float) -> dict[str, Json]:
    return {"type": type_, "reason": reason, "detail": f"{type_}: {detail}", "value": value}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
