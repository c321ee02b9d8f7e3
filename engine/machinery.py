"""The parts of an engine that run work, put together: what a turn and an attempt go through.

Nothing here knows the facade (``service.py``), which adds what people and programs ask. Built once, before anything is
open; it does no I/O.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.adapters.redis import RedisConnection
from engine.approval.gate import Approvers, Gate
from engine.approval.policy import Policy
from engine.attempt import Attempts
from engine.boardport import Board
from engine.bus import Bus
from engine.caching.keeper import EntryKeeper
from engine.caching.lookup import Lookups
from engine.caching.reuse import Reuse
from engine.caching.service import CacheService
from engine.clock import SystemClock
from engine.delivery import patiently
from engine.easing import build_easing
from engine.embedding.indexer import Indexer
from engine.embedding.lexical import LexicalEmbedder
from engine.estimates.learning import Learner
from engine.estimates.sizes import Sizes
from engine.grower import Grower, Growing
from engine.identity import Identity
from engine.ledger import Ledger
from engine.limits.build import build_turnstile
from engine.limits.turnstile import Turnstile
from engine.logbook import Logbook
from engine.observer import NullObserver, Observer
from engine.payloads import Payloads
from engine.plan.ids import Ulids
from engine.pools.carriers import Carriers, room_of_types
from engine.ports import Blobs, Graph
from engine.remote.build import build_dispatcher
from engine.remote.dispatcher import Context, Dispatcher
from engine.remoteport import AgentCalls
from engine.retries import Defaults
from engine.routing.file import RulesFile
from engine.routing.load import Load
from engine.routing.router import Router, TaskFacts
from engine.scheduler import Scheduler
from engine.scopes import Scopes
from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.toolhealth import ToolWatch
from engine.tools.registry import ToolRegistry
from engine.tools.roots import Roots
from engine.tracing import NullTracing, Tracing


class Machinery:
    """Every part that runs work, by its name.

    Args:
        settings: of this engine.
        graph: where everything is remembered; not open yet.
        blobs: large outputs.
        tools: the types of subtasks.
        vault: the secrets.
        cache: Redis or its stand-in; None for a stand-in of its own.
        policy: what needs a person's approval; None for nothing but what plans ask for.
        observer: counts for metrics.
        tracing: spans.
        board: what limits are shared on with other engines; None where this one keeps them by itself.
        agents: the way to agents in other processes; None where there is none.
        variables: of the environment, for worker processes.
    """

    def __init__(
        self,
        settings: Settings,
        graph: Graph,
        blobs: Blobs,
        tools: ToolRegistry,
        vault: Vault,
        cache: CacheService | None,
        policy: Policy | None,
        observer: Observer | None,
        tracing: Tracing | None,
        board: Board | None,
        agents: AgentCalls | None,
        variables: Mapping[str, str],
    ) -> None:
        self._settings, self._graph, self._tools, self._vault = settings, graph, tools, vault
        self.clock = clock = SystemClock()
        self.identity = Identity(settings.data_path)
        self.ids = Ulids()
        self.bus, self.payloads = Bus(), Payloads(graph, blobs)
        self.roots = Roots(settings.file_roots)
        known = [tool for name in tools.names() if (tool := tools.get(name)) is not None]
        self.type_limits = room_of_types(settings, known) | tools.limits(settings.type_limits)
        self.defaults = Defaults(settings.max_retries, settings.retry_backoff_seconds, settings.max_backoff_seconds)
        self.ledger = ledger = Ledger(settings.max_parallel_tasks, self.type_limits, tools.repeatable)
        self.learner = Learner(graph, clock, tools.version, Sizes(self.roots.size))
        tools.experience, tools.keep = self.learner.of_type, self.payloads.keep_file
        keeper = EntryKeeper(graph, clock, lambda: self.scheduler.wake())
        self.cache = cache = cache or CacheService(RedisConnection(""), settings.cache_ttl_seconds, settings.namespace)
        self.reuse = Reuse(cache, Lookups(cache, graph, graph, keeper, clock), keeper, self.payloads, clock)
        self.gate = self._gate(policy or Policy())
        self.tool_watch = ToolWatch(tools.names, tools.get, clock)
        self.router = router = self._router()
        router.healthy = self.tool_watch.healthy
        ledger.routed = lambda type_: len(router.possible(type_)) > 1
        self.logbook = self._logbook()
        self.turnstile = turnstile = self._turnstile(board)
        router.available = turnstile.breakers.admits
        seen = (observer or NullObserver(), tracing or NullTracing())
        self.attempts = Attempts(
            tools.get,
            self.payloads,
            graph,
            clock,
            *seen,
            settings.task_timeout_seconds,
            self.defaults,
            self._grower(),
            self.learner,
            self.reuse,
            self.gate,
            router,
            turnstile,
            self.logbook,
            vault,
        )
        self.remote = self._remote(agents)
        self.carriers = Carriers(
            settings, tools.names, tools.get, self.remote.choose, turnstile.lines, clock, variables
        )
        self.attempts.executors = self.carriers.choose
        router.places = self.remote.crew.places
        self.scheduler: Scheduler = Scheduler(
            graph, ledger, self.attempts, self.payloads, self.bus, clock, *seen, self.learner, keeper, turnstile
        )
        self.indexer = self._indexer()
        self.scheduler.heard = self.indexer.heard
        self.easing = build_easing(settings, ledger, self.learner, tools.get, self.scheduler.wake)

    def _gate(self, policy: Policy) -> Gate:
        seconds = self._settings.approval_timeout_seconds
        return Gate(
            self._graph, self._graph, self.clock, Approvers(policy, seconds, self.learner.cost_of, self.roots.real)
        )

    def _grower(self) -> Grower:
        settings, ledger = self._settings, self.ledger
        growing = Growing(
            settings.max_expansion_depth,
            lambda task_id: settings.max_plan_subtasks - ledger.size(task_id),
            self._tools.names,
            ledger.expanded,
            lambda task_id: ledger.tasks[task_id].plan_hash,
        )
        return Grower(self._graph, Scopes(self.payloads), self._tools.get, self.learner, growing, self._vault)

    def _router(self) -> Router:
        settings, ledger, tools = self._settings, self.ledger, self._tools

        def facts(task_id: str) -> TaskFacts:
            task = ledger.tasks[task_id]
            return TaskFacts(task.name, task.tags)

        return Router(
            None if settings.router_config is None else RulesFile(settings.router_config, tools.names, self.clock),
            tools.get,
            Load(self.learner, lambda: ledger.running_by_type, ledger.throttle.limit),
            self._graph,
            facts,
            settings.task_timeout_seconds,
            settings.retry_backoff_seconds,
        )

    def _remote(self, calls: AgentCalls | None) -> Dispatcher:
        def about(task_id: str) -> Context:
            task = self.ledger.tasks[task_id]
            return Context(task.name, task.tags, task.body.user_id)

        seconds, lines = self._settings.agent_timeout_seconds, self.turnstile.lines
        return build_dispatcher(self._graph, calls, lines, self.clock, lambda: self.identity.id, seconds, about)

    def _logbook(self) -> Logbook:
        settings = self._settings
        return Logbook(
            self._graph,
            self.clock,
            lambda: self.identity.id,
            level=settings.log_level,
            days=settings.log_keep_days,
            rows=settings.log_keep_rows,
            cover=self._vault.text,
        )

    def _indexer(self) -> Indexer:
        settings, payloads, roots = self._settings, self.payloads, self.roots
        first = next(iter(roots.folders), None)
        return Indexer(
            self._graph,
            payloads.small_outputs,
            LexicalEmbedder(),
            self.clock,
            lambda task_id: None if first is None else Path(os.path.realpath(first)) / task_id,
            self._vault.text,
            settings.embedding_keep_rows,
        )

    def _turnstile(self, board: Board | None) -> Turnstile:
        return build_turnstile(
            self._settings,
            self._graph,
            self.clock,
            lambda id_: self.ledger.tasks[id_].body.user_id,
            lambda work: self.scheduler.help(work),
            lambda write: self.scheduler.help(patiently(write)),
            board,
        )
