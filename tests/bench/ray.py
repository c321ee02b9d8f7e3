"""What a subtask costs in a Ray cluster, beside the same calls made with Ray alone, and in the other executors.

    python -m tests.bench.ray [--subtasks 1000] [--parallel 8] [--neo4j bolt://localhost:7433]

One cluster of one node on this machine serves all of it, in one run: plain tasks of Ray, tasks that stream as the
engine's do, and the engine with ``EXECUTOR=ray``, worker processes, and its own event loop. Each line is the best of
three. ``make test-ray`` installs what this needs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

from api import open_engine
from engine.model import Json
from engine.service import Engine
from engine.settings import Settings
from tests.bench.table import machine
from tests.support.plans import Body, chain, plan, step
from tests.support.ray import ENVIRONMENT, ray_cluster
from tests.support.services import eventually

ROUNDS = 3
LENGTH = 100
"""Subtasks one after the other."""
ALONE = """
import asyncio, json, sys, time
import ray

address, number, parallel, length = sys.argv[1], *map(int, sys.argv[2:])
ray.init(address=address, log_to_driver=False, logging_level="error")


@ray.remote(max_retries=0)
def plain(data):
    return data


@ray.remote(max_retries=0, num_returns="streaming")
def stream(data):
    yield data


async def once():
    await plain.remote(b"x")


async def streamed():
    async for found in stream.remote(b"x"):
        await found


async def many(call):
    turns = asyncio.Semaphore(parallel)

    async def one():
        async with turns:
            await call()

    begun = time.monotonic()
    await asyncio.gather(*(one() for _ in range(number)))
    return number / (time.monotonic() - begun)


async def one_by_one(call):
    begun = time.monotonic()
    for _ in range(length):
        await call()
    return 1000 * (time.monotonic() - begun) / length


async def main():
    for name, call in (("Ray alone", once), ("Ray alone, streaming", streamed)):
        await many(call)
        rates = [await many(call) for _ in range(3)]
        print(json.dumps([name, max(rates), min([await one_by_one(call) for _ in range(3)])]))


asyncio.run(main())
"""


def alone(address: str, number: int, parallel: int) -> list[tuple[str, float, float]]:
    """The same calls without the engine, in a process of their own."""
    import json

    command = [sys.executable, "-c", ALONE, address, str(number), str(parallel), str(LENGTH)]
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]


async def engine(name: str, folder: Path, number: int, fields: dict[str, Json]) -> tuple[str, float, float]:
    """An engine with one kind of executor."""
    common: dict[str, Json] = {"data_path": folder / name.replace(" ", "-").replace(",", ""), "log_level": "error"}
    settings = Settings.model_validate(common | {"pressure_look_seconds": 0, **fields})
    async with open_engine(settings) as made:
        if settings.executor == "ray":
            await eventually(lambda: made._carriers.ray.cluster.up, 60)
        body = plan(*(step(f"k{one}", cache=False) for one in range(number)))
        line: Body = chain(LENGTH)
        for one in line["plan"]["subtasks"]:
            one["cache"] = False
        await _seconds(made, body)
        rate = max([number / await _seconds(made, body) for _ in range(ROUNDS)])
        pace = min([1000 * await _seconds(made, line) / LENGTH for _ in range(ROUNDS)])
    return name, rate, pace


async def _seconds(made: Engine, body: Body) -> float:
    """From the stored task to its end."""
    task_id = (await made.submit(body)).task_id
    begun = time.monotonic()
    task = await made.wait(task_id)
    assert task.status.value == "completed", task.counts
    return time.monotonic() - begun


async def measure(number: int, parallel: int, neo4j: str, login: str) -> None:
    """Prints the figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    print(f"{number} noops, {parallel} at once; a chain of {LENGTH}; best of {ROUNDS}")
    with ray_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        os.environ.update(ENVIRONMENT)
        cluster.head(cpus=parallel)
        found = await asyncio.to_thread(_when_there, cluster.address, number, parallel)
        graphs: list[tuple[str, dict[str, Any]]] = [("embedded", {})]
        if neo4j:
            graphs.append(("Neo4j", {"neo4j_url": neo4j, "neo4j_auth": login, "namespace": f"bench-{os.getpid()}"}))
        for graph, where in graphs:
            slots = {"max_parallel_tasks": parallel, **where}
            ray = {"executor": "ray", "ray_address": cluster.address, "ray_parallel": parallel}
            kinds: dict[str, dict[str, Json]] = {
                "EXECUTOR=ray": ray,
                "EXECUTOR=processes": {"executor": "processes", "executor_processes": parallel},
                "EXECUTOR=threads": {"executor": "threads"},
                "EXECUTOR=asyncio": {},
            }
            for kind, fields in kinds.items():
                found.append(await engine(f"{kind}, {graph}", Path(folder), number, slots | fields))
    print(f"load at the end: {os.getloadavg()[0]:.1f}")
    base = found[0]
    print(f"{'':32} {'calls/s':>8} {'ms each, one by one':>20} {'beside Ray alone':>17}")
    for name, rate, pace in found:
        print(f"{name:32} {rate:8.0f} {pace:20.2f} {1000 / rate - 1000 / base[1]:+14.2f} ms")


def _when_there(address: str, number: int, parallel: int) -> list[tuple[str, float, float]]:
    for _ in range(20):
        try:
            return alone(address, number, parallel)
        except subprocess.CalledProcessError as error:
            said = error.stderr
            time.sleep(1.0)
    raise SystemExit(f"the cluster did not come up: {said[-500:]}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subtasks", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--neo4j", default="")
    parser.add_argument("--login", default="neo4j/agent03-password")
    given = parser.parse_args()
    asyncio.run(measure(given.subtasks, given.parallel, given.neo4j, given.login))


if __name__ == "__main__":
    main()
