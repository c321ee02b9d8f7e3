"""What the engine is asked for when somebody scrapes, rather than counted: how full, how deep, how long ago.

The engine tells plain numbers by name (``Engine.snapshot``); this table says under which name, in which unit and with
which words each is shown. A number that stands here and is not told is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Snapshot = Callable[[], Mapping[str, Any]]


class Level(NamedTuple):
    """One number of the snapshot as a metric; ``label`` is what a map of it goes by, ``grows`` makes it a counter."""

    name: str
    words: str
    label: str = ""
    grows: bool = False


LEVELS = {
    "takes_work": Level("engine_ready", "Whether it takes work: not failed, not draining, and the graph answers."),
    "graph_answers": Level(
        "graph_connected", "Whether the last write and the last heartbeat had an answer of the graph."
    ),
    "graph_outages": Level("graph_outages", "Times that the graph was lost in the middle of a write.", grows=True),
    "heartbeat_age": Level("heartbeat_age_seconds", "Time since the last sign of life that this engine gave."),
    "heartbeat_timeout": Level("heartbeat_timeout_seconds", "Age at which other engines take this one for dead."),
    "fencings": Level("engine_fencings", "Times that other engines took this one for dead.", grows=True),
    "open_tasks": Level("tasks_open", "Tasks of this engine that have not ended."),
    "unsettled": Level("subtasks_unsettled", "Subtasks of open tasks that are not settled."),
    "ready": Level("subtasks_ready", "Subtasks that could run if there were slots."),
    "running_by_type": Level("subtasks_running", "Subtasks that run now.", label="type"),
    "running": Level("slots_used", "Slots that an attempt holds."),
    "slots": Level("slots", "Attempts that may run at the same time."),
    "open_slots": Level("slots_open", "The same now: fewer while the machine is short."),
    "pressure": Level("pressure", "How near each thing that may run short is to its bound, which is 1.", label="kind"),
    "profile_regressions": Level("profile_regressions", "Kinds of subtasks found slower than before.", grows=True),
    "cache_answers": Level("cache_connected", "Whether the cache answered when it was last asked."),
    "cache_hits": Level("cache_hits", "Look-ups that found what was made before.", grows=True),
    "cache_misses": Level("cache_misses", "Look-ups that found nothing.", grows=True),
    "cache_errors": Level("cache_errors", "What could not be read, or got no answer.", grows=True),
    "cache_saved_bytes": Level("cache_saved_bytes", "Outputs that were taken instead of made.", grows=True),
    "cache_saved_seconds": Level("cache_saved_seconds", "Time that making these had taken.", grows=True),
    "breakers_open": Level("breakers_open", "Breakers that are not closed.", label="type"),
    "breaker_openings": Level("breaker_openings", "Times that a breaker has opened, or opened again.", grows=True),
    "agents": Level("agents", "Agents in other processes that are registered with this engine."),
    "agents_free": Level("agents_available", "Those of them that would take a subtask now."),
    "agents_running": Level("agents_subtasks_running", "Subtasks that run at agents."),
    "viewers": Level("stream_viewers", "Who follows tasks live, by a stream or a WebSocket."),
}
"""By name in the snapshot of the engine; ``viewers`` is told by the API."""
NOT_SHOWN = frozenset({"turns"})
"""What the snapshot tells and another metric counts already."""


class Levels(Collector):
    """Turns the engine's snapshot into metrics; ``bounded`` makes a label of a type. ``look`` before ``collect``."""

    def __init__(self, snapshot: Snapshot, bounded: Callable[[str], str]) -> None:
        self._snapshot = snapshot
        self._bounded = bounded
        self._seen: list[Metric] = []

    def look(self) -> None:
        """Reads the snapshot."""
        told = self._snapshot()
        self._seen = [self._family(level, told[name]) for name, level in LEVELS.items() if name in told]

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not ask an engine that is not open yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One metric for each number of the snapshot."""
        return iter(self._seen)

    def _family(self, level: Level, value: Any) -> Metric:
        make = CounterMetricFamily if level.grows else GaugeMetricFamily
        family = make(f"agent03_{level.name}", level.words, labels=[level.label] if level.label else [])
        if not level.label:
            family.add_metric([], float(value))
            return family
        sums: dict[str, float] = {}
        for key, number in value.items():
            label = self._bounded(key) if level.label == "type" else key
            sums[label] = sums.get(label, 0) + number
        for label, number in sums.items():
            family.add_metric([label], number)
        return family
