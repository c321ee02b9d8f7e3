"""A real graph: the packages of Debian 12 and what they depend on, stored and run as noops.

It runs in a process of its own, ``python -m tests.bench.debian PLACE NODES``, so that its memory can be told from that
of the benchmark.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from pathlib import Path

from api.wiring import build_engine
from engine.model import NewTask
from tests.bench.apart import arrive, begin
from tests.bench.effort import Effort
from tests.bench.figures import Figure
from tests.bench.plans import size
from tests.bench.stage import TASK_SECONDS, Stage, Watch, completed
from tests.support.plans import Body, plan, step
from tests.support.transcripts import REPOSITORY

FILE = REPOSITORY.parent / "shared" / "data" / "large" / "debian-bookworm-main.json.gz"
SLOTS = 50
STORE_AIMS = {"neo4j": "<= 15", "embedded": "<= 8"}


async def debian(stage: Stage, effort: Effort) -> list[Figure]:
    """Seconds to store it, settles per second, memory, and the longest time in which nothing was settled."""
    if not FILE.exists():
        return [Figure("debian", stage.kind, "Debian 12 as a plan", "", note=f"not measured: {FILE} is missing")]
    nodes = effort.size(1_000_000, 500)
    runs = [await _run_apart(stage, nodes) for _ in range(effort.rounds)]
    name = f"Debian: {runs[0]['nodes']:,.0f} subtasks, {runs[0]['edges']:,.0f} dependencies"

    def figure(what: str, key: str, unit: str, aim: str = "") -> Figure:
        return Figure("debian", stage.kind, f"{name}, {what}", unit, [run[key] for run in runs], aim)

    return [
        figure("stored", "store_seconds", "s", STORE_AIMS[stage.kind]),
        figure("submitted: checked, ordered, stored", "submit_seconds", "s"),
        figure(f"run, {SLOTS} in flight", "rate", "settles/s"),
        figure("largest resident memory", "peak_mb", "MB", "<= 1000"),
        figure("longest time without a settle", "stall_ms", "ms"),
    ]


async def _run_apart(stage: Stage, nodes: int) -> dict[str, float]:
    place = stage.place()
    process = await begin("tests.bench.debian", stage, place, str(nodes))
    try:
        said, _ = await process.communicate()
        assert process.returncode == 0, f"tests.bench.debian ended with {process.returncode}"
        return {key: float(value) for key, value in json.loads(said).items()}
    finally:
        await stage.erase(*place)


def packages(file: Path, nodes: int) -> tuple[Body, int]:
    """The first so many packages as a plan, and the number of their dependencies; ids are topological there."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        found = json.load(stream)
    needs: dict[int, list[str]] = {row[0]: [] for row in found["tasks"][:nodes]}
    for dependency, dependant in found["edges"]:
        if dependant in needs and dependency in needs:
            needs[dependant].append(f"p{dependency}")
    return plan(*(step(f"p{id_}", *before) for id_, before in needs.items())), sum(map(len, needs.values()))


async def main(told: str, nodes: int) -> None:
    """Runs it and prints what was measured, as JSON."""
    stage, (folder, namespace) = arrive(told)
    body, edges = packages(FILE, nodes)
    watch = Watch()
    engine = build_engine(stage.settings(folder, namespace, SLOTS), watch)
    await engine.start()
    stored: list[float] = []
    store = engine._graph.store

    async def timed(task: NewTask) -> None:
        begun = time.perf_counter()
        await store(task)
        stored.append(time.perf_counter() - begun)

    engine._graph.store = timed  # type: ignore[method-assign]
    begun = time.perf_counter()
    submitted = await engine.submit(body)
    took = time.perf_counter() - begun
    completed(await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS), size(body))
    await engine.stop()
    print(
        json.dumps(
            {
                "nodes": size(body),
                "edges": edges,
                "store_seconds": stored[0],
                "submit_seconds": took,
                "rate": watch.rate,
                "peak_mb": _peak_mb(),
                "stall_ms": 1000 * watch.longest_stall,
            }
        )
    )


def _peak_mb() -> float:
    """The most memory that this program has held. What ``getrusage`` says counts its parent's before the start."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1000


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
