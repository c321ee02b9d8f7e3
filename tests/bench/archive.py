"""``python -m tests.bench.archive [SUBTASKS]``: what a turn notices while as many finished subtasks are archived.

Tasks of 1,000 subtasks are run to their end. Then ten chains of short subtasks run, first alone, then while the others
are archived and removed, then alone again. NEO4J_URL takes that server instead of the embedded graph.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
import time
import uuid
from pathlib import Path

import structlog

from api.wiring import build_archive, build_engine
from engine.adapters.archives import form_of
from engine.archive.exporting import Exporter
from engine.archive.resting import Resting
from engine.removal import DAY_MS
from engine.retention import Retention
from engine.service import Engine
from engine.settings import Settings
from tests.bench.stage import Watch
from tests.bench.table import machine
from tests.support.plans import Body, independent, plan, step

TASK = 1_000
SLOTS = 200
LANES, LENGTH = 10, 50
WORK = {"seconds": 0.02}
QUIET_SECONDS = 20.0


def lanes() -> Body:
    """Chains beside each other, of subtasks that take 20 ms each."""
    return plan(
        *(
            step(f"l{lane}s{number}", *([f"l{lane}s{number - 1}"] if number else []), type="sleep", input=WORK)
            for lane in range(LANES)
            for number in range(LENGTH)
        )
    )


async def foreground(engine: Engine, ended: asyncio.Event) -> None:
    """Runs such tasks one after the other."""
    while not ended.is_set():
        submitted = await engine.submit(lanes())
        await engine.wait(submitted.task_id)


def quantiles(watch: Watch, begin: float, end: float) -> tuple[float, float, float, int]:
    """Median, p95 and p99 of the turns between two moments, milliseconds, and how many there were."""
    taken = sorted(seconds for at, seconds, _, _ in watch.turns if begin <= at < end)
    return (*(1000 * taken[int(share * (len(taken) - 1))] for share in (0.5, 0.95, 0.99)), len(taken))


async def measure(folder: Path, subtasks: int, form: str) -> None:
    """Prints one line for each phase."""
    settings = Settings(
        data_path=folder,
        namespace=f"bench-{uuid.uuid4().hex[:12]}",
        neo4j_url=os.environ.get("NEO4J_URL", ""),
        neo4j_auth=os.environ.get("NEO4J_AUTH", "neo4j/agent03-password"),
        archive_path=str(folder / "archives"),
        archive_format=form,
        max_parallel_tasks=SLOTS,
        pressure_look_seconds=0,
    )
    watch = Watch()
    engine = build_engine(settings, watch)
    await engine.start()
    try:
        begun = time.monotonic()
        for _ in range(0, subtasks, TASK):
            submitted = await engine.submit(independent(TASK))
            await engine.wait(submitted.task_id)
        print(f"filled: {subtasks:,} subtasks in {time.monotonic() - begun:.0f} s", flush=True)
        filled = engine._clock.now()
        ended = asyncio.Event()
        running = asyncio.create_task(foreground(engine, ended))
        await asyncio.sleep(2)
        quiet = await phase(watch, "alone", asyncio.sleep(QUIET_SECONDS))
        archive = build_archive(settings)
        assert archive is not None
        days = (engine._clock.now() - filled) / DAY_MS
        retention = Retention(
            engine._graph,
            Exporter(engine._graph, engine._blobs, form_of(form), Resting(lambda: bool(engine._ledger.tasks))),
            archive[0],
            engine._removal,
            engine._clock,
            namespace=settings.namespace,
            days=days,
            engine_timeout=15,
        )
        await retention.begin(engine.id)
        begun = time.monotonic()
        beside = await phase(watch, "while archiving", emptied(retention, subtasks // TASK))
        took = time.monotonic() - begun
        await phase(watch, "alone again", asyncio.sleep(QUIET_SECONDS))
        ended.set()
        await running
        size = sum(path.stat().st_size for path in (folder / "archives").rglob("*") if path.is_file())
        print(
            f"archived and removed: {subtasks:,} subtasks in {took:.0f} s, {subtasks / took:,.0f} a second; "
            f"{size:,} bytes of archives"
        )
        print(f"p95 beside quiet: {beside / quiet:.2f} (aim <= 1.5)")
    finally:
        await engine.stop()


async def emptied(retention: Retention, tasks: int) -> None:
    """Archives the oldest so many tasks, or a few more."""
    while tasks > 0 and (manifest := await retention.once()):
        tasks -= len(manifest.tasks)


async def phase(watch: Watch, name: str, work: object) -> float:
    """Waits for the work and prints how the turns were meanwhile; their p95."""
    begin = time.monotonic()
    await work  # type: ignore[misc]
    median, p95, p99, count = quantiles(watch, begin, time.monotonic())
    print(f"{name}: {count:,} turns, median {median:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms", flush=True)
    return p95


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subtasks", type=int, nargs="?", default=100_000)
    parser.add_argument("--form", choices=["parquet", "json"], default="parquet")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(machine())
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        asyncio.run(measure(Path(folder), given.subtasks, given.form))


if __name__ == "__main__":
    main()
