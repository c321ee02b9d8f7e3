"""Recorded workflows run on a real engine, with subtasks that take what was recorded, only faster.

The engine sees types, keys and sizes; how long a subtask takes is known to its tool alone. Each workflow runs twice on
one graph: first with nothing learned, then with what that run has shown.
"""

from __future__ import annotations

import asyncio
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.wiring import build_blobs, build_graph, build_redis
from engine.model import Json, Subtask
from engine.ports import RunContext
from engine.service import Engine
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from tests.bench import traces
from tests.bench.schedule.rules import Rule, fifo, makespan, rank
from tests.bench.stage import TASK_SECONDS, Stage, Watch, completed
from tests.bench.traces import Run
from tests.support.plans import Body, plan, step

CORE = traces.FOLDER.parent / "core"
SLOTS = (4, 16, 64)
MEAN_SECONDS = {4: 0.03, 16: 0.06, 64: 0.12}
"""What a subtask takes on average, by slots: a slot must not wait for the engine, which settles them one after the
other."""
EVERYTHING = 1_000_000
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


class Replayed(Noop):
    """One type of a workflow: its subtasks take as long as they are told to by key."""

    deterministic = False

    def __init__(self, name: str, seconds: Mapping[str, float]) -> None:
        self.name = name
        self._seconds = seconds

    async def run(self, value: Json, context: RunContext) -> Json:
        """Waits."""
        await asyncio.sleep(self._seconds[context.key])
        return None


@dataclass(frozen=True)
class Workflow:
    """A recorded run by index, its durations scaled."""

    name: str
    keys: list[str]
    types: list[str]
    sizes: list[int]
    dependencies: list[list[int]]
    durations: list[float]

    @property
    def body(self) -> Body:
        """The plan, as it is sent."""
        return plan(
            *(
                step(key, *(self.keys[need] for need in needs), type=type_, input={"bytes": size})
                for key, type_, size, needs in zip(self.keys, self.types, self.sizes, self.dependencies, strict=True)
            )
        )

    def tools(self) -> ToolRegistry:
        """A tool for each of its types."""
        seconds = dict(zip(self.keys, self.durations, strict=True))
        return ToolRegistry([Replayed(name, seconds) for name in sorted(set(self.types))])

    def scaled(self, mean: float) -> Workflow:
        """The same with a mean duration of so many seconds."""
        factor = mean / statistics.fmean(self.durations)
        durations = [seconds * factor for seconds in self.durations]
        return Workflow(self.name, self.keys, self.types, self.sizes, self.dependencies, durations)

    def by(self, rule: Rule, slots: int) -> float:
        """Seconds of a run in the order of a rule that knows the true durations."""
        return self.simulated(rule(self.dependencies, self.durations, slots), slots)

    def simulated(self, sequence: Sequence[int], slots: int) -> float:
        """Seconds of a run in that order on an engine that loses nothing."""
        return makespan(self.dependencies, sequence, self.durations, slots)


def workflows(folder: Path = CORE) -> list[Workflow]:
    """The recorded workflows, in real time."""
    return [_workflow(path.name.partition(".")[0], traces.read(path)) for path in sorted(folder.glob("*.json.gz"))]


def _workflow(name: str, tasks: Run) -> Workflow:
    index = {task.key: number for number, task in enumerate(tasks)}
    return Workflow(
        name=name,
        keys=[_ODD.sub("_", task.key) for task in tasks],
        types=["w." + _ODD.sub("_", task.type)[:90] for task in tasks],
        sizes=[task.bytes for task in tasks],
        dependencies=[sorted({index[parent] for parent in task.parents}) for task in tasks],
        durations=[task.seconds for task in tasks],
    )


@dataclass(frozen=True)
class Ran:
    """One run on a real engine: its seconds, and those of the simulator in the order that the engine had chosen."""

    seconds: float
    simulated: float
    order: list[int]


@dataclass(frozen=True)
class Compared:
    """A workflow in so many slots: without and with learned durations, beside plan order and perfect knowledge."""

    workflow: Workflow
    slots: int
    unlearned: Ran
    learned: Ran

    @property
    def fifo(self) -> float:
        """Seconds in plan order, simulated."""
        return self.workflow.simulated(
            fifo(self.workflow.dependencies, self.workflow.durations, self.slots), self.slots
        )

    @property
    def perfect(self) -> float:
        """Seconds by plain upward rank on the true durations, simulated."""
        return self.workflow.simulated(
            rank(self.workflow.dependencies, self.workflow.durations, self.slots), self.slots
        )


async def compare(stage: Stage, workflow: Workflow, slots: int) -> Compared:
    """Two runs of a workflow on one fresh engine."""
    scaled = workflow.scaled(MEAN_SECONDS[slots])
    folder, namespace = stage.place()
    settings = stage.settings(folder, namespace, slots)
    watches = [Watch(), Watch()]
    ran = []
    try:
        for watch in watches:
            engine = Engine(
                settings=settings,
                graph=build_graph(settings),
                blobs=build_blobs(settings),
                redis=build_redis(settings),
                tools=scaled.tools(),
                observer=watch,
            )
            await engine.start()
            try:
                ran.append(await _run(engine, watch, scaled, slots))
            finally:
                await engine.stop()
    finally:
        await stage.erase(folder, namespace)
    return Compared(scaled, slots, *ran)


async def _run(engine: Engine, watch: Watch, workflow: Workflow, slots: int) -> Ran:
    submitted = await engine.submit(workflow.body)
    task = await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS)
    completed(task, len(workflow.keys))
    rows: list[Subtask] = await engine.subtasks(submitted.task_id, status=None, after="", limit=EVERYTHING)
    place = {row.key: row.order_key for row in rows}
    order = sorted(range(len(workflow.keys)), key=lambda node: place[workflow.keys[node]])
    return Ran(watch.seconds, workflow.simulated(order, slots), order)
