"""The executor of a Ray cluster: each call a task of Ray, which neither repeats nor remembers it.

The graph repeats, by its own rules. The call takes its token along, and what it returns goes into the guarded turn like
any other result. Whatever the cluster lacks is known before a call goes there; who finds no place waits as state.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from engine.errors import Category, ToolError
from engine.executors import Lost, Place, Work
from engine.limits.lines import Held, Lines
from engine.limits.turnstile import Postponed
from engine.model import Json
from engine.pools.calls import Begun, End, Failed, Told, returned
from engine.pools.cluster import Cluster
from engine.pools.demands import Demand, demand_of, lacking, processors
from engine.pools.processes import CODE, LONGEST_WAIT_MS, call_of
from engine.pools.workers import hear
from engine.ports import Clock
from engine.settings import Settings
from engine.toolport import RunContext

_LOST = frozenset({"worker", "node", "cancelled", "lost", "cluster"})
"""What of Ray's failures says that whoever had the call is gone."""


class RayExecutor:
    """Carries calls out in a Ray cluster."""

    def __init__(self, cluster: Cluster, settings: Settings, lines: Lines, clock: Clock) -> None:
        self.cluster, self.clock = cluster, clock
        self.patience = settings.ray_wait_seconds
        self._most = settings.ray_parallel
        self._lines = lines
        self._waited: set[str] = set()
        self.busy = 0
        cluster.changed = self._look

    @property
    def most(self) -> int:
        """How many calls may be there at the same time."""
        return self._most or max(1, processors(self.cluster.nodes))

    def demand(self, work: Work) -> Demand:
        """What a call wants."""
        return demand_of(work.spec.capabilities, work.tool.resources.memory_mb, self.cluster.nodes)

    async def enter(self, work: Work) -> Place:
        """A place in the cluster; raises ``Postponed`` where there is none now."""
        id_, line = work.claim.id, line_of(work)
        self._lines.arrived(id_)
        try:
            words = self._why_not(work)
            if not words and self._lines.must_wait(line, id_):
                words = "others that want the same of the Ray cluster were first"
            if words:
                raise self.postponed(work, words)
            self.busy += 1
            return _Seat(self, work)
        finally:
            self._lines.through(line, id_)

    def _why_not(self, work: Work) -> str:
        if not self.cluster.up:
            return self.cluster.words
        if words := lacking(self.demand(work), self.cluster.nodes):
            return words
        return "" if self.busy < self.most else f"as many as may ({self.most}) are in the Ray cluster"

    def postponed(self, work: Work, words: str) -> Postponed:
        """It waits in line until the cluster has what it wants."""
        line = line_of(work)

        async def room(_: int) -> tuple[int, float | None]:
            able = self.cluster.up and not lacking(self.demand(work), self.cluster.nodes)
            return (max(0, self.most - self.busy) if able else 0), None

        self._waited.add(line)
        held = Held(line, CODE, words, self.clock.now() + LONGEST_WAIT_MS)
        self._lines.hold(work.claim.id, held, room)
        return Postponed(held, breaker=False)

    def _look(self) -> None:
        for line in self._waited:
            self._lines.look(line)

    def free(self) -> None:
        """A place is free again."""
        self.busy -= 1
        self._look()

    def health(self) -> dict[str, Json]:
        """How the cluster is, for people."""
        cluster = self.cluster
        nodes = [{"id": node.id, "address": node.address} for node in cluster.nodes]
        found: dict[str, Json] = {"ok": cluster.up, "address": cluster.address, "nodes": nodes}
        found |= {"processors": processors(cluster.nodes), "busy": self.busy, "lost": cluster.losses}
        return found | ({} if cluster.up else {"reason": cluster.words})


class _Gone(NamedTuple):
    """The cluster was lost with the call."""


class _Seat:
    """One call in the cluster; see ``engine.executors.Place``."""

    under_way = False

    def __init__(self, executor: RayExecutor, work: Work) -> None:
        self._executor, self._work = executor, work
        self.agent_id = "ray"
        self._context: RunContext | None = None
        self._begun = False
        self._end: asyncio.Future[End | Failed | _Gone] = asyncio.get_running_loop().create_future()
        self._late = False

    async def run(self, value: Json, context: RunContext) -> Json:
        """What the tool returns there.

        Raises:
            Postponed: the cluster has not begun with it in time.
            Lost: whoever had it is gone.
        """
        self._context = context
        executor, cluster = self._executor, self._executor.cluster
        call = call_of(self._work, value, context, self._work.deadline - executor.clock.monotonic(), timed=False)
        number = await cluster.submit(call, executor.demand(self._work).options(), self._told)
        alarm = executor.clock.call_later(executor.patience, self._look)
        try:
            end = await self._end
        finally:
            alarm.cancel()
            ended = self._end.done() and not self._end.cancelled() and isinstance(self._end.result(), End | Failed)
            cluster.forget(number, cancel=not ended or self._late)
        if self._late:
            words = f"the Ray cluster did not begin with it within {executor.patience:g} s: others use it"
            raise executor.postponed(self._work, words)
        if isinstance(end, _Gone):
            raise Lost(cluster.words or "the Ray cluster was lost")
        if isinstance(end, Failed):
            raise error_of(end, self._work.tool.name)
        context.measured(end.memory_bytes, end.cpu_seconds)
        return returned(end)

    def _told(self, told: Told | None) -> None:
        if isinstance(told, Begun | End):
            self._begun = True
            self.agent_id = f"ray:{told.place}" if told.place else self.agent_id
        if self._end.done() or self._context is None:
            return
        if told is None:
            self._end.set_result(_Gone())
        elif isinstance(told, End | Failed):
            self._end.set_result(told)
        else:
            self._begun = True
            hear(self._context, told)

    def _look(self) -> None:
        """It has waited long enough for the cluster to begin."""
        if not self._begun and not self._end.done():
            self._late = True
            self._end.set_result(_Gone())

    def leave(self) -> None:
        """Its place is free again."""
        self._end.cancel()
        self._executor.free()


def error_of(failed: Failed, tool: str) -> Exception:
    """What a failure that Ray tells of means for the attempt. Pure."""
    if failed.how in _LOST:
        return Lost(f"its worker in the Ray cluster is gone: {failed.words}")
    if failed.how == "memory":
        return ToolError(
            f"the node of the Ray cluster ran out of memory: {failed.words}",
            category=Category.RESOURCE,
            suggestion="Say in resources.memory_mb of the tool what it needs, or give it less data.",
        )
    if failed.how == "unschedulable":
        return ToolError(
            f"the Ray cluster cannot place {tool}: {failed.words}",
            category=Category.TRANSIENT,
            suggestion="See that a node has what it requires: ray status.",
        )
    return ToolError(
        f"the Ray cluster cannot run {tool}: {failed.words}",
        category=Category.CONFIGURATION,
        suggestion="Each node needs the engine's packages, the modules of AGENT03_TOOLS, and the same Python.",
    )


def line_of(work: Work) -> str:
    """The line of those that want the same of the cluster."""
    return " ".join(["ray", *sorted(work.spec.capabilities), str(work.tool.resources.memory_mb or "")]).strip()
