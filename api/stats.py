"""What was measured, on the wire: the models of ``/stats`` and ``/estimates``, and how they are made."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from api.schemas import Time, Wire
from engine.times import iso


class Counts(Wire):
    """Attempts put together. Rates and means are null where there is nothing to take them of."""

    attempts: int
    completed: int
    failed: int
    cached: int
    """Outputs that were taken from the cache."""
    success_rate: float | None
    """Of the attempts that did work."""
    failure_rate: float | None
    cache_hit_rate: float | None
    seconds: float
    """Time that attempts took, in all."""
    mean_seconds: float | None
    longest_seconds: float | None
    mean_wait_seconds: float | None
    """From ready to started."""
    output_bytes: int
    estimate_error: float | None
    """Mean absolute logarithm of what they took over what was expected; 0.69 is a factor of 2."""
    estimate_factor: float | None
    """The same as a factor: 1.5 is half as long again, or two thirds."""


class TypeCounts(Counts):
    """Attempts of one type."""

    type: str


class DayCounts(TypeCounts):
    """Attempts of one type on one day, UTC."""

    day: str = Field(examples=["2026-11-21"])


class Bottleneck(Wire):
    """Where time is lost."""

    type: str
    reason: Literal["time", "waiting", "failures", "regressed"]
    detail: str
    """In words."""
    value: float
    """Share of all time, seconds of waiting, share of failed attempts, or how many times slower."""


class RegressionView(Wire):
    """A kind whose recent median is above what nine of ten took before."""

    type: str
    version: str
    seconds: float
    earlier_p90: float


class Resources(Wire):
    """What this engine uses now."""

    memory_bytes: int
    """The most that this process has had."""
    cpu_seconds: float
    """Since it started."""
    slots: int
    running: int
    ready: int
    open_tasks: int


class Stats(Wire):
    """What the attempts of the last days say."""

    at: Time
    """When it was counted; an answer is up to five seconds old."""
    since: Time
    days: int
    first_task: str | None
    """The oldest task that was counted, where the window holds more than 200,000 subtasks; null when all were."""
    totals: Counts
    types: list[TypeCounts]
    trends: list[DayCounts]
    """By day and type, the oldest first."""
    bottlenecks: list[Bottleneck]
    regressions: list[RegressionView]
    resources: Resources


class EstimateView(Wire):
    """What was learned about one kind of subtask, by all engines. Durations are seconds, the recent ones count more."""

    type: str
    version: str
    """Of the tool; versions are never mixed."""
    input_bytes: list[int] | None
    """From and to, of the inputs; null for all sizes together."""
    count: int
    """Attempts that succeeded: what the durations rest on."""
    p10: float | None
    median: float | None
    p90: float | None
    attempts: int
    failures: int
    failure_rate: float | None
    retries: int
    mean_output_bytes: float | None
    memory_median: float | None
    """Bytes that the largest process of an attempt held; null where attempts have no processes of their own, as those
    of ``shell`` and ``python`` do. Less than some 10 MiB is not told apart.
    """
    memory_p90: float | None
    memory_bytes: int | None
    """The most so far."""
    mean_cpu_seconds: float | None
    """Processor time of all its processes."""
    cost: float
    """US dollars, in all."""
    regressed: bool
    """Whether its recent median is above its earlier P90."""
    updated_at: Time


class Estimates(Wire):
    """What was learned about durations."""

    estimates: list[EstimateView]
    """Those with most attempts first."""


def stats(found: Mapping[str, Any], snapshot: Mapping[str, Any]) -> Stats:
    """What the engine has counted, and what it uses at this moment."""
    return Stats(
        **{
            **found,
            "at": iso(found["at"]),
            "since": iso(found["since"]),
            "totals": Counts(**found["totals"]),
            "types": [TypeCounts(**row) for row in found["types"]],
            "trends": [DayCounts(**{**row, "day": iso(row["day"])[:10]}) for row in found["trends"]],
            "bottlenecks": [Bottleneck(**row) for row in found["bottlenecks"]],
            "regressions": [RegressionView(**row) for row in found["regressions"]],
            "resources": _resources(snapshot),
        }
    )


def estimates(found: list[dict[str, Any]]) -> Estimates:
    """What the engines have learned."""
    return Estimates(estimates=[EstimateView(**{**row, "updated_at": iso(row["updated_at"])}) for row in found])


def _resources(snapshot: Mapping[str, Any]) -> Resources:
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    levels = {name: snapshot[name] for name in ("slots", "running", "ready", "open_tasks")}
    return Resources(memory_bytes=used.ru_maxrss * unit, cpu_seconds=used.ru_utime + used.ru_stime, **levels)
