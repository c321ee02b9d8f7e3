"""Prometheus metrics with their own registry, so that several engines in one process do not meet in globals.

Base units, and labels of bounded cardinality: subtask type (the first 100 seen, then "other"), outcome, category, HTTP
method, route template, status. Never an id. What is a level rather than a count (running, ready, open tasks) is read
from the engine when somebody scrapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

MAX_TYPES = 100
"""Subtask types that get a label of their own."""
COUNTERS = frozenset({"cache_errors", "cache_hits", "cache_misses", "profile_regressions", "turns"})
"""What in the engine's snapshot only grows."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_TURN_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1, 5)
_BATCH_BUCKETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_ATTEMPT_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200)
_HTTP_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)

Snapshot = Callable[[], Mapping[str, Any]]


class Metrics:
    """Counts what the engine and the API report; an ``engine.observer.Observer``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._types: set[str] = set()
        self._turns = Histogram(
            "agent03_turn_seconds", "Commit of one turn.", buckets=_TURN_BUCKETS, registry=self.registry
        )
        self._settled = Histogram(
            "agent03_turn_settled_subtasks",
            "Subtasks settled by one turn.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self._claimed = Histogram(
            "agent03_turn_claimed_subtasks",
            "Subtasks claimed by one turn.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self._attempts = Counter(
            "agent03_attempts", "Finished attempts.", ["outcome", "category"], registry=self.registry
        )
        self._attempt_seconds = Histogram(
            "agent03_attempt_seconds", "Run of one attempt.", ["type"], buckets=_ATTEMPT_BUCKETS, registry=self.registry
        )
        self._requests = Histogram(
            "agent03_http_request_seconds",
            "HTTP requests, from first byte in to last byte out.",
            ["method", "route", "status"],
            buckets=_HTTP_BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """One turn was committed."""
        self._turns.observe(seconds)
        self._settled.observe(settled)
        self._claimed.observe(claimed)

    def attempt(self, type: str, outcome: str, category: str | None, seconds: float) -> None:
        """One attempt ended."""
        self._attempts.labels(outcome, category or "").inc()
        self._attempt_seconds.labels(self._bounded(type)).observe(seconds)

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One HTTP request was answered; ``route`` is its template, None when none matched."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route or "unmatched", str(status)).observe(seconds)

    def watch(self, snapshot: Snapshot) -> None:
        """Reads the engine's levels from ``snapshot`` at every scrape."""
        self.registry.register(_Levels(snapshot, self._bounded))

    def render(self, accept: str) -> tuple[bytes, str]:
        """The text of a scrape and its content type, in the format that ``accept`` asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _bounded(self, type: str) -> str:
        if type not in self._types:
            if len(self._types) >= MAX_TYPES:
                return "other"
            self._types.add(type)
        return type


class _Levels(Collector):
    """Turns the engine's snapshot into metrics: a number is a gauge, a map is a gauge by type."""

    def __init__(self, snapshot: Snapshot, bounded: Callable[[str], str]) -> None:
        self._snapshot = snapshot
        self._bounded = bounded

    def describe(self) -> list[Metric]:
        """Nothing: the names are known at the first scrape only."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One metric for each number of the snapshot."""
        for name, value in self._snapshot().items():
            if isinstance(value, Mapping):
                yield self._by_type(name, value)
            elif name in COUNTERS:
                yield CounterMetricFamily(f"agent03_{name}", _words(name), value=value)
            else:
                yield GaugeMetricFamily(f"agent03_{name}", _words(name), value=value)

    def _by_type(self, name: str, values: Mapping[str, float]) -> Metric:
        sums: dict[str, float] = {}
        for type, value in values.items():
            label = self._bounded(type)
            sums[label] = sums.get(label, 0) + value
        family = GaugeMetricFamily(f"agent03_{name}", f"{_words(name)} by type", labels=["type"])
        for label, value in sums.items():
            family.add_metric([label], value)
        return family


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
