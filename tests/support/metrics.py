"""Metrics in which everything has happened once, and what a scrape of them names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from api.metrics import Metrics
from api.metrics.levels import LEVELS
from engine.states import SubtaskStatus
from engine.turn import Claim, Settle

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
"""What is added to a metric's name in its series, by its type."""
NOW = 1_000_000


def claim(type_: str = "noop", expected: float | None = None, waited: int = 0) -> Claim:
    """A claim of an attempt that starts ``NOW``."""
    return Claim("T.1", "T", "k", type_, "{}", 1, NOW - waited, expected=expected)


def settled(to: str = "completed", outcome: str = "completed", category: str | None = None) -> Settle:
    """The end of that attempt."""
    return Settle("T.1", "T", "k", 1, "succeed", SubtaskStatus(to), outcome, NOW, NOW + 1, category=category)


def full() -> Metrics:
    """Metrics with every label that there is."""
    metrics = Metrics()
    metrics.watch(lambda: {name: {"noop": 1} if level.label else 1 for name, level in LEVELS.items()})
    metrics.watch_places({"data": Path("/")})
    metrics.turn(0.002, 10, 8)
    metrics.attempt(claim(expected=1.0), settled(), 2.0, 1.0)
    metrics.attempt(claim(), settled("retrying", "failed", "timeout"), 1.5, None)
    metrics.task("completed", 3.0)
    metrics.webhook("delivered")
    metrics.request("GET", "/tasks/{task_id}", 200, 0.01)
    return metrics


def everything() -> list[Metric]:
    """Every metric that there is."""
    metrics = full()
    metrics.look()
    return list(metrics.registry.collect())


def series(families: Iterable[Metric]) -> dict[str, str]:
    """Every name by which a query can ask, and the type of its metric."""
    return {family.name + suffix: family.type for family in families for suffix in SUFFIXES.get(family.type, ("",))}


def labels(family: Metric) -> list[str]:
    """The labels of a metric, without the bounds of a histogram."""
    return sorted({label for sample in family.samples for label in sample.labels} - {"le"})


def values(families: Iterable[Metric]) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], Any]:
    """The samples by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
