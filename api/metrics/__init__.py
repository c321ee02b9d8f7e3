"""Prometheus metrics with their own registry, so that several engines in one process do not meet in globals.

Base units, and labels of bounded cardinality: subtask type (the first 100 seen, then "other"), outcome, category, HTTP
method, route template, status. Never an id. What is a level rather than a count is read from the engine when somebody
scrapes (``levels.py``). docs/metrics.md lists every metric.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from api.about import installed_version
from api.metrics.lag import watched
from api.metrics.levels import Levels, Snapshot
from api.metrics.places import Places
from engine.states import SubtaskStatus
from engine.turn import Claim, Settle

MAX_TYPES = 100
"""Subtask types that get a label of their own."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_TURN_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3, 1, 5)
_BATCH_BUCKETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_ATTEMPT_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200)
_TASK_BUCKETS = (0.01, 0.1, 1, 10, 60, 300, 1800, 7200, 43200, 172800)
_RATIO_BUCKETS = (0.1, 0.25, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 4, 10)
_HTTP_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)

RATIO_LEAST_SECONDS = 0.05
"""Durations below this are not compared: their ratio is that of noise."""


class Metrics:
    """Counts what the engine and the API report; an ``engine.observer.Observer``."""

    def __init__(self) -> None:
        self.registry = registry = _Registry()
        self._types: set[str] = set()
        self._levels: list[Levels] = []
        self._turns = Histogram("agent03_turn_seconds", "Commit of one turn.", buckets=_TURN_BUCKETS, registry=registry)
        self._settled = Histogram(
            "agent03_turn_settled_subtasks", "Subtasks settled by one turn.", buckets=_BATCH_BUCKETS, registry=registry
        )
        self._claimed = Histogram(
            "agent03_turn_claimed_subtasks", "Subtasks claimed by one turn.", buckets=_BATCH_BUCKETS, registry=registry
        )
        self._attempts = _Children(
            Counter("agent03_attempts", "Attempts that have ended.", ["outcome", "category"], registry=registry)
        )
        self._retries = Counter(
            "agent03_retries", "Failed attempts that are tried again.", ["category"], registry=registry
        )
        self._attempt_seconds = _Children(
            Histogram(
                "agent03_attempt_seconds", "Run of one attempt.", ["type"], buckets=_ATTEMPT_BUCKETS, registry=registry
            )
        )
        self._waits = Histogram(
            "agent03_attempt_wait_seconds",
            "Time that an attempt was ready and had no slot.",
            buckets=_ATTEMPT_BUCKETS,
            registry=registry,
        )
        self._ratios = _Children(
            Histogram(
                "agent03_estimate_ratio",
                "What an attempt took over what it was expected to take: above 1 it was slower.",
                ["type"],
                buckets=_RATIO_BUCKETS,
                registry=registry,
            )
        )
        self._tasks = Histogram(
            "agent03_task_seconds",
            "Tasks that have ended, from the start of the first subtask.",
            ["status"],
            buckets=_TASK_BUCKETS,
            registry=registry,
        )
        self._webhooks = _Children(
            Counter(
                "agent03_webhooks",
                "Calls of receivers: delivered, failed and tried again, given_up after a day, gone after a 410.",
                ["outcome"],
                registry=registry,
            )
        )
        self._requests = Histogram(
            "agent03_http_request_seconds",
            "HTTP requests, from first byte in to last byte out; of a stream to its first byte.",
            ["method", "route", "status"],
            buckets=_HTTP_BUCKETS,
            registry=registry,
        )
        self._lag = Histogram(
            "agent03_event_loop_lag_seconds",
            "How late a timer of the event loop came, looked at twice a second.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        Info("agent03_build", "What runs here.", registry=registry).info({"version": installed_version()})
        PlatformCollector(registry=registry)
        ProcessCollector(registry=registry)

    # --- what the engine tells ------------------------------------------------------------------------------------

    def turn(self, seconds: float, settled: int, claimed: int) -> None:
        """One turn was committed."""
        self._turns.observe(seconds)
        self._settled.observe(settled)
        self._claimed.observe(claimed)

    def attempt(self, claim: Claim, settle: Settle, seconds: float, expected: float | None) -> None:
        """One attempt ended."""
        category = settle.category or ""
        self._attempts[settle.outcome, category].inc()
        type_ = self._bounded(claim.type)
        self._attempt_seconds[type_,].observe(seconds)
        self._waits.observe(max(0, settle.started_at - claim.queued_at) / 1000)
        if settle.to is SubtaskStatus.RETRYING and category:
            self._retries.labels(category).inc()
        if expected and settle.to is SubtaskStatus.COMPLETED and max(expected, seconds) >= RATIO_LEAST_SECONDS:
            self._ratios[type_,].observe(seconds / expected)

    def task(self, status: str, seconds: float | None) -> None:
        """A task ended."""
        self._tasks.labels(status).observe(seconds or 0.0)

    def webhook(self, outcome: str) -> None:
        """A callback was called."""
        self._webhooks[outcome,].inc()

    # --- what the API tells ---------------------------------------------------------------------------------------

    def request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One HTTP request was answered; ``route`` is its template, None when none matched."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route or "unmatched", str(status)).observe(seconds)

    # --- what is asked at every scrape ----------------------------------------------------------------------------

    def watch(self, snapshot: Snapshot) -> None:
        """Reads the engine's levels from ``snapshot`` at every scrape."""
        levels = Levels(snapshot, self._bounded)
        self._levels.append(levels)
        self.registry.register(levels)

    def watch_places(self, folders: Mapping[str, Path]) -> None:
        """Looks at every scrape how much room there is in folders, by a name for each."""
        self.registry.register(Places(folders))

    def watch_loop(self) -> AbstractContextManager[None]:
        """Measures the running event loop for as long as it is entered."""
        return watched(self._lag.observe)

    def look(self) -> None:
        """Reads the levels of this moment."""
        for levels in self._levels:
            levels.look()

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The text of a scrape and its content type, in the format that ``accept`` asks for.

        Levels are read here, for they belong to the event loop; the text, which may take a tenth of a second where
        there are a hundred types, is written on a thread.
        """
        self.look()
        return await asyncio.to_thread(self.written, accept)

    def written(self, accept: str) -> tuple[bytes, str]:
        """The text as of the last look, which may be written on any thread."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _bounded(self, type: str) -> str:
        if type not in self._types:
            if len(self._types) >= MAX_TYPES:
                return "other"
            self._types.add(type)
        return type


class _Children(dict[tuple[str, ...], Any]):
    """The children of a metric by their labels: the library's own look-up takes longer than to count."""

    def __init__(self, metric: Counter | Histogram) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> Any:
        child = self[labels] = self._metric.labels(*labels)
        return child


class _Registry(CollectorRegistry):
    """A registry without the time at which each number began: nearly every series a second time."""

    def collect(self) -> Iterable[Metric]:
        """Every metric."""
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
