"""How the engine is: for probes, for people, for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.caching.service import CacheService
from engine.easing import Easing
from engine.errors import EngineError
from engine.ledger import Ledger
from engine.model import Json
from engine.ports import Graph, Health
from engine.routing.file import RulesFile
from engine.scheduler import Scheduler

PING_SECONDS = 2.0
"""How long a probe waits for the graph."""


class Vitals:
    """Reads the state of one engine. ``failure`` is set when the engine has stopped working; ``answered`` says whether
    the last heartbeat had an answer. ``rules`` are the router's. ``pools`` says how the pools of workers are; None
    where there can be none. ``executors`` says how those are that have processes of their own.
    """

    def __init__(
        self,
        graph: Graph,
        redis: Health | None,
        ledger: Ledger,
        scheduler: Scheduler,
        slots: int,
        cache: CacheService,
        answered: Callable[[], bool],
        rules: RulesFile | None,
        easing: Easing,
        pools: Callable[[], Awaitable[list[Json]]] | None = None,
        executors: Callable[[], dict[str, Json]] = dict,
    ) -> None:
        self._graph = graph
        self._redis = redis
        self._ledger = ledger
        self._scheduler = scheduler
        self._slots = slots
        self._cache = cache
        self._answered = answered
        self._rules = rules
        self._easing = easing
        self._pools = pools
        self._executors = executors
        self.failure: BaseException | None = None

    async def ready(self) -> list[str]:
        """Why this engine should get no work now; empty when it should."""
        reasons = []
        if self.failure is not None:
            reasons.append(f"the engine has stopped working: {self.failure}")
        if self._ledger.draining:
            reasons.append("the engine is shutting down")
        if self._scheduler.delivery.unavailable:
            reasons.append(self._scheduler.delivery.unavailable)
        else:
            reasons += await self._graph_trouble()
        return reasons

    async def _graph_trouble(self) -> list[str]:
        try:
            await asyncio.wait_for(self._graph.ping(), PING_SECONDS)
        except EngineError as error:
            return [str(error)]
        except TimeoutError:
            return [f"the graph at {self._graph.location} did not answer within {PING_SECONDS:g} s"]
        return []

    async def health(self) -> dict[str, Json]:
        """The state of the engine and what it leans on, for people."""
        reasons = await self.ready()
        redis = await self._redis.health() if self._redis else {"kind": "none", "ok": True}
        router = None if self._rules is None else self._rules.health()
        pressure = self._easing.health()
        executors = self._executors()
        well = (
            all(one["ok"] for one in executors.values())
            and redis["ok"]
            and (router is None or router["ok"])
            and pressure["ok"]
        )
        status = "unhealthy" if reasons else "healthy" if well else "degraded"
        workers: dict[str, Json] = {} if self._pools is None else {"workers": await self._known_pools(self._pools)}
        found: dict[str, Json] = {
            "status": status,
            "reasons": reasons,
            "graph": {"kind": self._graph.kind, "location": self._graph.location, "ok": not reasons},
            "redis": redis,
            "engine": self.snapshot(),
            "pressure": pressure,
        }
        found |= {"executors": executors} if executors else {}
        return found | ({} if router is None else {"router": router}) | workers

    async def _known_pools(self, pools: Callable[[], Awaitable[list[Json]]]) -> Json:
        """What the pools of workers have said of themselves lately; null when nobody knows."""
        try:
            return await asyncio.wait_for(pools(), PING_SECONDS)
        except (EngineError, TimeoutError):
            return None

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics."""
        delivery = self._scheduler.delivery
        answers = self._answered() and not delivery.unavailable
        return {
            "open_tasks": len(self._ledger.tasks),
            "unsettled": self._ledger.unsettled,
            "ready": self._ledger.ready,
            "running": self._ledger.running,
            "running_by_type": {type_: count for type_, count in self._ledger.running_by_type.items() if count},
            "slots": self._slots,
            "open_slots": self._ledger.open_slots,
            "pressure": self._easing.levels(),
            "takes_work": answers and self.failure is None and not self._ledger.draining,
            "graph_answers": answers,
            "graph_outages": delivery.outages,
            "turns": self._scheduler.turns,
            "profile_regressions": self._scheduler.learner.regressions,
            "cache_hits": self._cache.hits,
            "cache_misses": self._cache.misses,
            "cache_errors": self._cache.errors,
            "cache_answers": self._cache.answers,
            "cache_saved_bytes": self._cache.saved_bytes,
            "cache_saved_seconds": self._cache.saved_seconds,
        }

    async def doctor(self) -> dict[str, Json]:
        """Health, sizes of the graph, and what breaks an invariant."""
        return {
            "health": await self.health(),
            "sizes": await self._graph.sizes(),
            "invariants": await self._graph.invariants(),
        }
