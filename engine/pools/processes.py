"""The executor of worker processes: as many calls at once as there may be workers, each in a process for itself.

Who finds none free waits as state in the graph, like one that waits for an agent, and is called when one is. A call
that is cancelled, or whose time is up, has its process killed with all that it started; a fresh one takes its place.
"""

from __future__ import annotations

from engine.errors import Category
from engine.executors import Lost, Place, Work
from engine.limits.lines import Held, Lines
from engine.limits.turnstile import Postponed
from engine.model import Json
from engine.pools.calls import Call, returned
from engine.pools.portable import origin_of
from engine.pools.workers import MEMORY_MB, OUTPUT_BYTES, Worker, Workers
from engine.ports import Clock
from engine.toolport import Resources, RunContext
from engine.tools.process import Limits
from engine.turn import Claim

CODE = "executor"
LINE = "worker processes"
LONGEST_WAIT_MS = 3_600_000
"""What is written as the expected start of one that waits: it is called as soon as there is room."""


class ProcessExecutor:
    """Carries calls out in worker processes."""

    def __init__(self, workers: Workers, lines: Lines, clock: Clock) -> None:
        self.workers = workers
        self.clock = clock
        self._lines = lines
        self.busy = 0

    async def enter(self, work: Work) -> Place:
        """A worker for a call; raises ``Postponed`` where all have something to do."""
        id_ = work.claim.id
        self._lines.arrived(id_)
        try:
            if self.busy >= self.workers.most or self._lines.must_wait(LINE, id_):
                raise self._full(id_)
            self.busy += 1
            return _Seat(self, work)
        finally:
            self._lines.through(LINE, id_)

    def _full(self, id_: str) -> Postponed:
        most = self.workers.most
        words = "the only worker process is busy" if most == 1 else f"all {most} worker processes are busy"
        held = Held(LINE, CODE, words, self.clock.now() + LONGEST_WAIT_MS)

        async def room(_: int) -> tuple[int, float | None]:
            return most - self.busy, None

        self._lines.hold(id_, held, room)
        return Postponed(held, breaker=False)

    def free(self) -> None:
        """One has nothing to do any more."""
        self.busy -= 1
        self._lines.look(LINE)

    def health(self) -> dict[str, Json]:
        """How they are, for people."""
        workers = self.workers
        return {"ok": True, "most": workers.most, "alive": workers.alive, "busy": self.busy, "lost": workers.lost}


class _Seat:
    """One call in a worker process; see ``engine.executors.Place``."""

    agent_id = ""
    under_way = False

    def __init__(self, executor: ProcessExecutor, work: Work) -> None:
        self._executor, self._work = executor, work

    async def run(self, value: Json, context: RunContext) -> Json:
        """What the tool returns there; raises ``Lost`` when the process ends before."""
        workers = self._executor.workers
        worker = await workers.take()
        kept = False
        try:
            left = self._work.deadline - self._executor.clock.monotonic()
            end = await worker.call(call_of(self._work, value, context, left), context)
            kept = end.error is None or end.error.category != Category.RESOURCE.value
        except Lost:
            workers.lost += 1
            raise
        finally:
            await self._done(worker, kept)
        context.measured(end.memory_bytes, end.cpu_seconds)
        return returned(end)

    async def _done(self, worker: Worker, kept: bool) -> None:
        if kept:
            self._executor.workers.give_back(worker)
        else:  # cancelled, out of time or of memory, or gone: whatever it still holds goes with it
            await self._executor.workers.drop(worker)

    def leave(self) -> None:
        """The worker is free again."""
        self._executor.free()


def call_of(work: Work, value: Json, context: RunContext, seconds: float, timed: bool = True) -> Call:
    """A call as it goes to another process, with the limits of its tool; that of processor time only if ``timed``."""
    claim: Claim = work.claim
    resources: Resources = work.tool.resources
    limits = Limits(
        resources.memory_mb or MEMORY_MB, resources.cpu_seconds, resources.output_bytes or OUTPUT_BYTES
    ).reduced(context.reduction)
    return Call(
        work.tool.name,
        origin_of(work.tool),
        value,
        claim.task_id,
        claim.id,
        claim.key,
        claim.token,
        max(0.0, seconds),
        context.reduction,
        context.approved,
        limits.memory_mb,
        limits.cpu_seconds if timed else None,
        limits.output_bytes,
    )
