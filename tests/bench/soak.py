"""Whether an engine stays as it is over hours: half of what it can do, sampled all along, judged by the slope.

It first finds out what the engine can do, then hands in half of it, evenly. Every few seconds it reads ``/metrics`` and
``/proc``: memory, open files, threads, bytes of the store per finished subtask, the 99th percentile of a turn. What
grows by more than its tolerance over the run, the first quarter left out, ends it with exit code 1. The page cache of
the embedded graph counts apart from other memory: it fills up to ``EMBEDDED_BUFFER_MB`` (512), and not beyond.

``python -m tests.bench.soak [--minutes 30 | --hours 24] [--json FILE]``, on the embedded graph, or on the Neo4j of
``NEO4J_URL``, whose store is not seen from here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.bench.drift import Tolerance, Verdict, judged, quantile
from tests.bench.figures import Figure
from tests.bench.table import machine, show
from tests.support.plans import Body, plan, step
from tests.support.serving import Serving, plain_client

SLOTS = 20
SHAPE = 50
"""Subtasks of each task: fifty, in five chains; a third leaves an output that is kept as a Result."""
CAPACITY_TASKS = 40
BUFFER_MB = os.environ.get("EMBEDDED_BUFFER_MB", "512")
RESERVED = 2**40
"""Bytes of address space that only the page cache has; what of it is in memory is the cache."""
TOLERANCES = {
    "memory": ("MiB", Tolerance(0.10, 24.0)),
    "page cache": ("MiB", Tolerance(0.0, float(BUFFER_MB))),
    "open files": ("", Tolerance(0.10, 8.0)),
    "threads": ("", Tolerance(0.10, 4.0)),
    "store per subtask": ("bytes", Tolerance(0.20, 64.0)),
    "p99 of a turn": ("ms", Tolerance(0.50, 5.0)),
}


@dataclass
class Samples:
    """What was seen, by name: points of (seconds, value)."""

    points: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {name: [] for name in TOLERANCES})
    finished: float = 0.0
    _buckets: dict[float, float] = field(default_factory=dict)

    def add(self, at: float, process: psutil.Process, metrics: str, store: int | None) -> None:
        """Takes one look at the process and at what it says."""
        buckets, finished = read(metrics)
        turn = {bound: count - self._buckets.get(bound, 0.0) for bound, count in buckets.items()}
        self._buckets, self.finished = buckets, finished
        p99 = quantile(sorted(turn.items()), 0.99)
        with process.oneshot():
            memory, cache = process.memory_info().rss, page_cache(process)
            self._note("memory", at, (memory - cache) / 2**20)
            self._note("page cache", at, cache / 2**20)
            self._note("open files", at, process.num_fds())
            self._note("threads", at, process.num_threads())
        if p99 is not None:
            self._note("p99 of a turn", at, 1000 * p99)
        if store is not None and finished:
            self._note("store per subtask", at, store / finished)

    def _note(self, name: str, at: float, value: float) -> None:
        self.points[name].append((at, value))

    def verdicts(self) -> list[Verdict]:
        """One for each value of which there are enough samples."""
        return [
            judged(name, unit, self.points[name], tolerance)
            for name, (unit, tolerance) in TOLERANCES.items()
            if len(self.points[name]) >= 8
        ]


def page_cache(process: psutil.Process) -> int:
    """Bytes in memory of what the embedded graph has reserved for its pages."""
    return sum(one.rss for one in process.memory_maps(grouped=False) if one.size >= RESERVED)


def read(metrics: str) -> tuple[dict[float, float], float]:
    """The buckets of the turns so far, and how many attempts have completed."""
    buckets: dict[float, float] = {}
    finished = 0.0
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "agent03_turn_seconds_bucket":
                buckets[float(sample.labels["le"])] = sample.value
            elif sample.name == "agent03_attempts_total" and sample.labels.get("outcome") == "completed":
                finished += sample.value
    return buckets, finished


def body(number: int) -> Body:
    """A task unlike the one before: nothing of it is found in a cache."""
    steps = []
    for n in range(SHAPE):
        needs = [f"k{n - 5}"] if n >= 5 else []
        kept = {} if n % 3 else {"input": f"{number}-{n} " + "x" * 2000}
        steps.append(step(f"k{n}", *needs, **kept))
    return plan(*steps)


def store_bytes(folder: Path) -> int:
    """What the embedded graph and the blobs take on disk."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".log"))


async def hand_in(client: httpx2.AsyncClient, number: int) -> None:
    """One task; where the engine is full it is not counted, for then it has more than half of its load."""
    answer = await client.post("/tasks", json=body(number))
    if answer.status_code >= 300 and answer.status_code != 429:
        raise RuntimeError(f"POST /tasks: {answer.status_code} {answer.text[:500]}")


async def capacity(serving: Serving) -> float:
    """Tasks a second that the engine ends when it has as many as it can take."""
    begun = time.monotonic()
    ids = [await serving.submit(body(-n)) for n in range(CAPACITY_TASKS)]
    while {(await serving.task(id_))["status"] for id_ in ids} != {"completed"}:
        await asyncio.sleep(0.2)
    return CAPACITY_TASKS / (time.monotonic() - begun)


async def soak(serving: Serving, seconds: float, every: float, store: Path | None, quiet: bool) -> Samples:
    """Half the load for so long, and what was seen."""
    rate = (await capacity(serving)) / 2
    assert serving.process is not None
    process, samples = psutil.Process(serving.process.pid), Samples()
    begun = time.monotonic()

    async def load() -> None:
        async with plain_client(serving.port) as client:
            number = 1
            while (gone := time.monotonic() - begun) < seconds:
                await asyncio.sleep(max(0.0, number / rate - gone))
                await hand_in(client, number)
                number += 1

    loading = asyncio.create_task(load())
    async with plain_client(serving.port) as client:
        while (gone := time.monotonic() - begun) < seconds:
            await asyncio.sleep(min(every, seconds - gone + 0.1))
            metrics = (await client.get("/metrics")).text
            size = None if store is None else await asyncio.to_thread(store_bytes, store)
            samples.add(time.monotonic() - begun, process, metrics, size)
            if not quiet:
                print(_line(samples), file=sys.stderr, flush=True)
    await loading
    return samples


def _line(samples: Samples) -> str:
    last = {name: points[-1][1] for name, points in samples.points.items() if points}
    at = samples.points["memory"][-1][0]
    return f"{at:8.0f} s  " + "  ".join(f"{name} {value:.1f}" for name, value in last.items())


async def run(seconds: float, every: float, quiet: bool = False) -> Samples:
    """A server of its own, soaked."""
    neo4j = {name: os.environ[name] for name in ("NEO4J_URL", "NEO4J_AUTH") if os.environ.get(name)}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"MAX_PARALLEL_TASKS": str(SLOTS), "LOG_LEVEL": "error", "NAMESPACE": f"soak-{os.getpid()}"}
        settings["EMBEDDED_BUFFER_MB"] = BUFFER_MB
        serving = Serving(Path(folder) / "data", settings | neo4j)
        try:
            await serving.start()
            return await soak(serving, seconds, every, None if neo4j else serving.folder, quiet)
        finally:
            serving.discard()


def main() -> int:
    """Prints the verdicts; 1 when something drifts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--json", type=Path, help="writes every sample there")
    given = parser.parse_args()
    seconds = 3600 * given.hours or 60 * given.minutes
    samples = asyncio.run(run(seconds, max(2.0, min(60.0, seconds / 200))))
    verdicts = samples.verdicts()
    figures = [
        Figure(
            "soak",
            "neo4j" if os.environ.get("NEO4J_URL") else "embedded",
            one.name,
            one.unit,
            [one.median],
            note=f"grew by {one.growth:+.2f}, {one.allowed:.2f} allowed{': DRIFTS' if one.drifts else ''}",
        )
        for one in verdicts
    ]
    show(figures, f"{machine()}; {seconds / 60:.0f} minutes, {samples.finished:,.0f} subtasks")
    if given.json:
        given.json.write_text(json.dumps(samples.points))
    if any(math.isnan(one.growth) or one.drifts for one in verdicts) or len(verdicts) < 4:
        print("something drifts, or too little was seen to say that it does not", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
