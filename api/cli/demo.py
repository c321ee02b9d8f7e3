"""``agent03 demo``: runs the packaged plan that audits this Python environment, and prints its report."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import time
from importlib.resources import files
from pathlib import Path

from api.cli.exits import DONE, FAILED, INTERRUPTED
from api.cli.output import say, show
from api.cli.run import Interrupted, follow_to_end, how_to_go_on
from api.cli.words import closing_line, failures, pretty
from api.wiring import build_graph, open_engine
from api.yaml12 import load_yaml
from engine.model import Json
from engine.service import Engine
from engine.settings import Settings
from engine.states import TaskStatus

LOOK = "MATCH (t:Task {{id: '{task}'}})-[:HAS_SUBTASK]->(s:Subtask)-[:DEPENDS_ON]->(d:Subtask) RETURN t, s, d LIMIT 300"
ASK = "MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask) RETURN s.key, s.status, d.key LIMIT 20"


def demo_plan() -> Json:
    """The packaged plan, as it would be sent."""
    return load_yaml((files("api") / "demo" / "audit.yaml").read_text(encoding="utf-8"))


def stamped(plan: Json, stamp: str) -> Json:
    """The plan with a stamp of what its first step looks at: while that is the same, its output may be reused too."""
    first, *others = plan["plan"]["subtasks"]
    first = {**first, "cache": others[0]["cache"]}
    return {**plan, "input": {**plan["input"], "stamp": stamp}, "plan": {"subtasks": [first, *others]}}


def stamp_of(places: list[str]) -> str:
    """Names, sizes and times of all files in folders with installed distributions, as one hash; what Python compiles
    while it runs is left out.
    """
    found = hashlib.sha256()
    for place in places:
        if place and any(Path(place).glob("*.dist-info")):
            for folder, folders, names in os.walk(place):
                folders[:] = sorted(name for name in folders if name != "__pycache__")
                for name in sorted(names):
                    with contextlib.suppress(OSError):
                        seen = (Path(folder) / name).stat()
                        found.update(f"{folder}/{name} {seen.st_size} {seen.st_mtime_ns}\n".encode())
    return found.hexdigest()


async def run_demo(settings: Settings) -> int:
    """Runs the demo; returns the exit code."""
    try:
        async with open_engine(settings) as engine:
            plan = stamped(demo_plan(), await asyncio.to_thread(stamp_of, sys.path))
            begun = time.monotonic()
            document = await follow_to_end(engine, plan, settings)
            reused = _reused(engine, time.monotonic() - begun)
            report = await _report(engine, document.task.id, plan["plan"]["subtasks"][-1]["key"])
    except Interrupted as stopped:
        say(how_to_go_on(stopped.task_id, settings))
        return INTERRUPTED
    completed = document.task.status is TaskStatus.COMPLETED
    show(report if completed else failures(document.task, []))
    say(f"\n{closing_line(document.task)}\n{reused}\n{how_to_look(document.task.id, settings)}")
    return DONE if completed else FAILED


def _reused(engine: Engine, seconds: float) -> str:
    """How long it took, and how much of it an earlier run had made already."""
    hits = engine.cache.hits
    told = f"{seconds:.1f} s, {hits} of {hits + engine.cache.misses} outputs from the cache"
    return told if hits else f"{told}: run it again, and see what that saves"


async def _report(engine: Engine, task_id: str, key: str) -> str:
    """What the subtask ``key`` wrote."""
    subtask, *_ = await engine.subtask(task_id, key)
    output = await engine.output(subtask)
    return output if isinstance(output, str) else pretty(output)


def how_to_look(task_id: str, settings: Settings) -> str:
    """Where the graph is, and commands that show it."""
    if settings.neo4j_url:
        return f"The graph is in {settings.neo4j_url}. In Neo4j Browser:\n  {LOOK.format(task=task_id)}"
    file = Path(build_graph(settings).location).resolve()
    script = (
        f"import ladybug as l; g = l.Connection(l.Database('{file}', read_only=True)); "
        f"print(*g.execute('{ASK}').get_all(), sep='\\n')"
    )
    return (
        f"The graph is kept in {file}. To look at it:\n"
        f"  agent03 serve   and then http://{settings.backend_host}:{settings.backend_port}/tasks/{task_id}/graph\n"
        f"or, while nothing else has it open, in Cypher:\n"
        f'  {sys.executable} -c "{script}"'
    )
