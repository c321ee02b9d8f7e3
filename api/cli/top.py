"""``agent03 top``: the whole engine on one screen, from its REST API: what is open, its rates, what runs too long.

Rates are what the counters of ``/metrics`` grew by between two looks; a single look has them since the engine started.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.text import Text

from api import schemas
from api.cli.client import Client, place_of
from api.cli.tasks import table
from api.drawings.scene import brief

LOOK_SECONDS = 2.0
TASKS = 5
"""Open tasks whose running subtasks are looked up: each is a read."""
DRAWN = 2_000
"""Subtasks of a task up to which its graph is read for what its running ones were expected to take."""
ROWS = 15


@dataclass(frozen=True, slots=True)
class Runner:
    """A subtask that runs: for how long, and how long was expected, in seconds."""

    task: str
    key: str
    type: str
    seconds: float
    expected: float | None

    @property
    def share(self) -> float:
        """How much of what was expected is over."""
        return self.seconds / self.expected if self.expected else 0.0


@dataclass(slots=True)
class Look:
    """What was seen of an engine at a time, in seconds."""

    at: float
    status: str
    levels: Mapping[str, float]
    counters: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    started: float = 0.0
    runners: list[Runner] = field(default_factory=list)


def watch_engine(client: Client, *, once: bool) -> None:
    """Shows the engine until Ctrl-C, or once."""
    console = Console(highlight=False)
    look = look_at(client)
    if once or not console.is_terminal:
        console.print(Text("\n".join(lines(look, None))), soft_wrap=True)
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        before: Look | None = None
        while True:
            live.update(Text("\n".join(lines(look, before)), no_wrap=True, overflow="ellipsis"), refresh=True)
            time.sleep(LOOK_SECONDS)
            before, look = look, look_at(client)


def look_at(client: Client) -> Look:
    """Asks the engine how it stands."""
    health = client.get(schemas.Health, "/health")
    levels = {name: float(value) for name, value in health.engine.items() if isinstance(value, int | float)}
    look = Look(time.time(), health.status, levels)
    read_metrics(look, client.text("/metrics", "text/plain"))
    page = client.get(schemas.TaskPage, "/tasks", status="processing", limit=TASKS)
    look.runners = sorted((one for task in page.tasks for one in _runners(client, task)), key=lambda one: -one.seconds)
    return look


def read_metrics(look: Look, text: str) -> None:
    """Takes what counts from a scrape: attempts, failures by category, the cache, and since when."""
    for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
        name, value, labels = sample.name, sample.value, sample.labels
        if name == "agent03_attempts_total":
            look.counters["attempts"] += round(value)
            if labels.get("category"):
                look.failures[labels["category"]] += round(value)
        elif name in ("agent03_turns_total", "agent03_cache_hits_total", "agent03_cache_misses_total"):
            look.counters[name.removeprefix("agent03_").removesuffix("_total")] = round(value)
        elif name == "process_start_time_seconds":
            look.started = value


def _runners(client: Client, task: schemas.TaskSummary) -> Iterator[Runner]:
    if task.progress.total > DRAWN:
        return
    for node in client.get(schemas.GraphView, f"{place_of(task.id)}/graph").nodes:
        if node.status == "processing":
            yield Runner(task.id, node.key, node.type, node.seconds or 0.0, node.expected)


def lines(look: Look, before: Look | None) -> Iterator[str]:
    """The screen, line by line; ``before`` is the last look, None for rates since the start."""
    levels = look.levels
    yield f"engine {look.status}, up {brief(max(0.0, look.at - look.started))}" if look.started else look.status
    yield (
        f"tasks open {levels.get('open_tasks', 0):,.0f}   slots {levels.get('running', 0):,.0f}/"
        f"{levels.get('slots', 0):,.0f}   ready {levels.get('ready', 0):,.0f}   "
        f"unsettled {levels.get('unsettled', 0):,.0f}"
    )
    seconds = max(0.001, look.at - (before.at if before else look.started or look.at))
    grown = look.counters - (before.counters if before else Counter())
    since = "" if before else " since it started"
    yield f"attempts {grown['attempts'] / seconds:,.1f}/s   turns {grown['turns'] / seconds:,.1f}/s{since}"
    asked = look.counters["cache_hits"] + look.counters["cache_misses"]
    yield f"cache {look.counters['cache_hits'] / asked:.0%} of {asked:,} found" if asked else "cache not asked yet"
    told = ", ".join(f"{number:,} {category}" for category, number in look.failures.most_common())
    yield f"failed attempts: {told or 'none'}"
    yield ""
    rows = [(one.task, one.key, one.type, brief(one.seconds), _expectation(one)) for one in look.runners[:ROWS]]
    yield table(("TASK", "SUBTASK", "TYPE", "RUNS FOR", "EXPECTED"), rows) if rows else "nothing runs"
    if len(look.runners) > ROWS:
        yield f"and {len(look.runners) - ROWS:,} more"


def _expectation(one: Runner) -> str:
    if one.expected is None:
        return "not known"
    return f"{brief(one.expected)}{', overdue' if one.share > 2 else ''}"
