"""``python -m tests.bench.caching``: a recorded workflow run twice, each time in a process of its own without a server
but the graph, and once more with one input changed; and what looking up and keeping costs where nothing can be reused.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

import networkx as nx
import structlog

from api.wiring import open_engine
from engine.model import Json
from engine.settings import Settings
from engine.states import TaskStatus
from engine.tools.decorator import tool
from tests.bench.table import machine
from tests.support.plans import Body, plan, step

INSTANCE = Path("wfinstances/core/montage-chameleon-dss-15d-001.json.gz")
MODULE = "tests.bench.caching"
SLOTS = 64
ROUNDS = 2_000
"""Hashes that one subtask makes: a millisecond or so."""
LANES = 64
LENGTH = 60
REPEATS = 5


@tool("bench_work", deterministic=True, idempotent=True)
async def bench_work(name: str, of: Json = None, rounds: int = ROUNDS) -> str:
    """A hash of hashes of the name and of what it is given."""
    found = hashlib.sha256(json.dumps([name, of], sort_keys=True).encode()).digest()
    for _ in range(rounds):
        found = hashlib.sha256(found).digest()
    return found.hex()


def workflow(path: Path) -> nx.DiGraph[str]:
    """The recorded workflow: edges go from a task to what waits for it."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        tasks = json.load(file)["workflow"]["specification"]["tasks"]
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(task["id"] for task in tasks)
    for task in tasks:
        graph.add_edges_from((parent, task["id"]) for parent in task["parents"])
        graph.add_edges_from((task["id"], child) for child in task["children"])
    return graph


def body(graph: nx.DiGraph[str], changed: str = "") -> Body:
    """The workflow as a plan; the input of ``changed`` is another one."""
    return plan(
        *(
            step(
                key,
                *(before := list(graph.predecessors(key))),
                type="bench_work",
                input={
                    "name": f"{key} changed" if key == changed else key,
                    **({"of": "{{previous_output}}"} if before else {}),
                },
            )
            for key in graph
        )
    )


async def once(kind: str, folder: Path, namespace: str, wanted: Body) -> dict[str, Json]:
    """Runs a plan in an engine of its own; how long it took and what was reused."""
    async with open_engine(settings(kind, folder, namespace)) as engine:
        begun = time.perf_counter()
        submitted = await engine.submit(wanted)
        task = await engine.wait(submitted.task_id)
        seconds = time.perf_counter() - begun
        assert task.status is TaskStatus.COMPLETED, task.error
        return {"seconds": seconds, "hits": engine.cache.hits, "misses": engine.cache.misses}


def settings(kind: str, folder: Path, namespace: str) -> Settings:
    """Those of an engine of the benchmark."""
    values: dict[str, Json] = {
        "data_path": folder,
        "namespace": namespace,
        "max_parallel_tasks": SLOTS,
        "agent03_tools": [MODULE],
    }
    if kind == "neo4j":
        values |= {"neo4j_url": os.environ["NEO4J_URL"], "neo4j_auth": os.environ["NEO4J_AUTH"]}
    return Settings.model_validate(values)


def apart(kind: str, folder: Path, namespace: str, file: Path, changed: str = "") -> dict[str, Json]:
    """``once`` in a process of its own."""
    command = [sys.executable, "-m", MODULE, "--once", kind, str(folder), namespace, str(file), changed]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Json] = json.loads(said.splitlines()[-1])
    return found


async def rate(kind: str, folder: Path, **common: Json) -> float:
    """Subtasks per second of chains side by side, of work that nothing can be reused of."""
    mark = uuid.uuid4().hex
    steps = [
        step(
            f"l{lane}s{at}",
            *([f"l{lane}s{at - 1}"] if at else ()),
            type="bench_work",
            input={"name": f"{mark} {lane} {at}", "rounds": 1},
        )
        for at in range(LENGTH)
        for lane in range(LANES)
    ]
    found = await once(kind, folder, f"bench-{mark}", plan(*steps, **common))
    return len(steps) / found["seconds"]


def show(kind: str, file: Path) -> None:
    """Runs all of it on one kind of graph and prints what was found."""
    graph = workflow(file)
    changed = min(graph, key=lambda key: abs(len(nx.descendants(graph, key)) - 100))
    cone = 1 + len(nx.descendants(graph, changed))
    with tempfile.TemporaryDirectory() as name:
        place = (kind, Path(name), f"bench-{uuid.uuid4().hex}", file)
        for title, key in (("first run", ""), ("second run", ""), (f"one input changed, a cone of {cone}", changed)):
            found = apart(*place, key)
            total = found["hits"] + found["misses"]
            print(
                f"{kind}: {title}: {found['seconds']:.2f} s, {total / found['seconds']:,.0f} subtasks/s, "
                f"{found['hits']} of {total} from the cache"
            )
    on, off = [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            off.append(asyncio.run(rate(kind, Path(one), cache=False)))
            on.append(asyncio.run(rate(kind, Path(other))))
    print(
        f"{kind}: {LANES} chains, nothing to reuse: {median(on):,.0f} subtasks/s with the cache, "
        f"{median(off):,.0f} without: {median(a / b for a, b in zip(on, off, strict=True)):.2f}"
    )


def main() -> None:
    """The command line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--graph", action="append", choices=("embedded", "neo4j"), help="a graph; may be repeated")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--once", nargs=5, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.once:
        kind, folder, namespace, file, changed = words.once
        wanted = body(workflow(Path(file)), changed)
        print(json.dumps(asyncio.run(once(kind, Path(folder), namespace, wanted))))
        return
    print(machine())
    kinds = words.graph or (["embedded", "neo4j"] if os.environ.get("NEO4J_URL") else ["embedded"])
    for kind in kinds:
        show(kind, words.data / INSTANCE)


if __name__ == "__main__":
    main()
