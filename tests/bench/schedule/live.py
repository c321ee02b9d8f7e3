"""Recorded workflows run on a real engine, with subtasks that take what was recorded, only faster.

The engine sees types, keys and sizes; how long a subtask takes is known to its tool alone. Each workflow runs twice on
one fresh graph: first in plan order, with nothing known, then in the order that the engine makes of what it has learned
from that one run.
"""

from __future__ import annotations

import asyncio
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from api.callbacks import ShownInCallbacks
from api.wiring import build_blobs, build_graph, build_redis
from engine.model import Json, NewTask
from engine.plan.build import order_key
from engine.plan.order import order
from engine.service import Engine
from engine.settings import Settings
from engine.toolport import RunContext
from engine.tools.noop import Noop
from engine.tools.registry import ToolRegistry
from tests.bench import traces
from tests.bench.schedule.rules import Rule, fifo, makespan, rank
from tests.bench.stage import TASK_SECONDS, Stage, Watch, completed
from tests.bench.traces import Run
from tests.support.plans import Body, plan, step

CORE = traces.FOLDER.parent / "core"
SLOTS = (4, 16, 64)
MOST_SECONDS = {4: 12.0, 16: 7.0, 64: 5.0}
"""How long a run should take at most, by slots: durations are scaled so that it takes that in plan order."""
LONGEST_MEAN = 0.5
"""But no subtask needs more seconds than this on average."""
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

    def scaled(self, slots: int) -> Workflow:
        """The same, made faster for a run in so many slots."""
        mean = LONGEST_MEAN / statistics.fmean(self.durations)
        factor = min(mean, MOST_SECONDS[slots] / self.by(fifo, slots))
        durations = [seconds * factor for seconds in self.durations]
        return Workflow(self.name, self.keys, self.types, self.sizes, self.dependencies, durations)

    @property
    def mean(self) -> float:
        """Seconds of a subtask on average."""
        return statistics.fmean(self.durations)

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
    """One run on a real engine: its seconds, those of the simulator in the order that the engine had chosen, and how
    long a turn took.
    """

    seconds: float
    simulated: float
    turn: float

    @property
    def loss(self) -> float:
        """What the engine took on top, as a share."""
        return self.seconds / self.simulated - 1


@dataclass(frozen=True)
class Compared:
    """A workflow in so many slots: in plan order and with learned durations, beside perfect knowledge in seconds."""

    workflow: Workflow
    slots: int
    fifo: Ran
    learned: Ran
    perfect: float

    @property
    def bound(self) -> float:
        """Seconds that no order could go below."""
        flow = self.workflow
        return max(max(order(flow.dependencies, flow.durations).rank), sum(flow.durations) / self.slots)


async def compare(stage: Stage, workflow: Workflow, slots: int) -> Compared:
    """Two runs of a workflow on one fresh graph."""
    scaled = workflow.scaled(slots)
    folder, namespace = stage.place()
    try:
        first = await _run(stage.settings(folder, namespace, slots), scaled, slots, in_plan_order=True)
        second = await _run(stage.settings(folder, namespace, slots), scaled, slots)
    finally:
        await stage.erase(folder, namespace)
    return Compared(scaled, slots, first, second, scaled.by(rank, slots))


async def _run(settings: Settings, workflow: Workflow, slots: int, in_plan_order: bool = False) -> Ran:
    watch = Watch()
    engine = Engine(
        settings=settings,
        graph=build_graph(settings),
        blobs=build_blobs(settings),
        redis=build_redis(settings),
        tools=workflow.tools(),
        observer=watch,
        shown=ShownInCallbacks(),
    )
    if in_plan_order:
        _keep_plan_order(engine)
    await engine.start()
    try:
        submitted = await engine.submit(workflow.body)
        task = await asyncio.wait_for(engine.wait(submitted.task_id), TASK_SECONDS)
        completed(task, len(workflow.keys))
        rows = await engine.subtasks(submitted.task_id, status=None, after="", limit=EVERYTHING)
    finally:
        await engine.stop()
    place = {row.key: row.order_key for row in rows}
    sequence = sorted(range(len(workflow.keys)), key=lambda node: place[workflow.keys[node]])
    turn = statistics.median(seconds for _, seconds, _, _ in watch.turns)
    return Ran(watch.seconds, workflow.simulated(sequence, slots), turn)


def _keep_plan_order(engine: Engine) -> None:
    """Stores tasks as if every subtask were as urgent as any other."""
    store = engine._graph.store

    async def stored(task: NewTask) -> None:
        subtasks = [
            msgspec.structs.replace(one, order_key=order_key(one.priority, 0.0, one.index)) for one in task.subtasks
        ]
        await store(msgspec.structs.replace(task, subtasks=subtasks))

    engine._graph.store = stored  # type: ignore[method-assign]
