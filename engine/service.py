"""The engine's facade: its parts put together, its life, and what is asked of it, each a few lines that delegate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from engine.adapters.redis import RedisConnection
from engine.agentdesk import AgentDesk
from engine.answers.comparing import Comparisons
from engine.answers.gather import Questions, Situation
from engine.answers.reporting import Reports
from engine.approval.desk import ApprovalDesk
from engine.approval.policy import Policy
from engine.archive.port import ArchivePlace, TableFiles
from engine.archive.resting import Resting
from engine.boardport import Board
from engine.cachedesk import CacheDesk
from engine.caching.service import CacheService
from engine.closing import Closing
from engine.control import Control
from engine.decisions import Decisions
from engine.dispatch import Dispatch
from engine.embedding.desk import EmbeddingDesk
from engine.endings import Endings
from engine.errors import Conflict
from engine.forecasts import Forecasts
from engine.handing import HandingOver
from engine.idempotency import Submitted
from engine.intake import Intake
from engine.interim import Reporter
from engine.keys.ring import Keyring
from engine.lessons import Lessons, shown
from engine.life import Life
from engine.machinery import Machinery
from engine.model import Json, Task
from engine.moving import Moving
from engine.observer import Observer
from engine.offer import Offer
from engine.ownership import Ownership
from engine.ownerstore import Load
from engine.plan import stored
from engine.plan.ids import Ulids
from engine.planner import Planner
from engine.planning.templates import TemplateSet
from engine.pooldesk import PoolDesk, Pools
from engine.ports import Blobs, Graph, Health
from engine.queries.desk import GraphDesk
from engine.recall import Recalled, Recalls, Wish
from engine.recovery import Recovery
from engine.remoteport import AgentCalls
from engine.removal import Removal
from engine.rerun import FAILED, Rerun, refuse_open
from engine.retention import retention_of
from engine.rollback import Rollback
from engine.secrets.settings import hidden_in
from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.shared_state import SharedState
from engine.states import FINAL
from engine.statistics import Statistics
from engine.taint.desk import TaintDesk
from engine.tools.addresses import AddressPolicy
from engine.tools.read_file import ReadFileInput
from engine.tools.registry import ToolRegistry
from engine.tools.signing import Signer
from engine.tools.task_files import TaskFiles
from engine.tools.undo import UndoLog
from engine.tools.web_client import WebClient
from engine.tools.write_file import WriteFileInput
from engine.tracing import Tracing
from engine.verbs import VERB_SECONDS
from engine.vitals import Vitals
from engine.webhooks.door import Door
from engine.webhooks.envelope import Shown
from engine.webhooks.teller import Teller

_log = structlog.get_logger("engine")

MOST_LEARNED = 1_000
"""Learned plans that are listed."""
BLOB_GRACE_SECONDS = 5.0
"""Time in which another engine may have put a blob and not written its Result yet."""


class Engine(Life):
    """One engine: takes tasks, runs them, answers about them. ``start`` before use, ``stop`` at the end."""

    def __init__(
        self,
        *,
        settings: Settings,
        graph: Graph,
        blobs: Blobs,
        tools: ToolRegistry,
        templates: TemplateSet | None = None,
        redis: Health | None = None,
        cache: CacheService | None = None,
        observer: Observer | None = None,
        tracing: Tracing | None = None,
        shown: Shown,
        policy: Policy | None = None,
        shared: SharedState | None = None,
        vault: Vault | None = None,
        board: Board | None = None,
        pools: Pools | None = None,
        agents: AgentCalls | None = None,
        variables: Mapping[str, str] | None = None,
        archive: tuple[ArchivePlace, TableFiles] | None = None,
    ) -> None:
        self.settings = settings
        self.vault = vault = vault or Vault(hidden=hidden_in(settings))
        self._redis, self._blobs = redis, blobs
        parts = Machinery(
            settings, graph, blobs, tools, vault, cache, policy, observer, tracing, board, agents, variables or {}
        )
        self._scheduler, self._learner, self._reuse = parts.scheduler, parts.learner, parts.reuse
        self._identity, self._tool_watch = parts.identity, parts.tool_watch
        self.cache, self.gate, self.router = parts.cache, parts.gate, parts.router
        self.logbook, self.turnstile, self.easing = parts.logbook, parts.turnstile, parts.easing
        self._clock = clock = parts.clock
        ledger, bus, payloads, attempts = parts.ledger, parts.bus, parts.payloads, parts.attempts
        learner, router, roots, ids = parts.learner, parts.router, parts.roots, parts.ids
        super().__init__(graph, ledger, bus, payloads, attempts, tools)
        self.budget_of = lambda task_id: ledger.tasks[task_id].body.agent_budget
        self.cached = CacheDesk(self._reuse, graph, clock, tools.get, self.task, self.subtask, vault)
        self._remote, self._carriers = parts.remote, parts.carriers
        self.agents = AgentDesk(graph, ledger, self._scheduler, self._remote, parts.carriers.at_agents)
        self.pools = PoolDesk(pools)
        undo = UndoLog(settings.undo, roots)
        rollback = Rollback(undo)
        self._files = TaskFiles(roots, undo, settings.cancel_grace_seconds)
        self.shared = shared or SharedState(RedisConnection(""), settings.namespace)
        endings, lessons = Endings(graph, payloads, clock), Lessons(graph, payloads)
        self._closing = Closing(self._scheduler, endings, lessons, rollback)
        slots = settings.max_parallel_tasks
        self._forecasts = Forecasts(graph, ledger, bus, clock, learner.experienced, slots, parts.type_limits)
        decisions = Decisions(self._scheduler, attempts, tools.get, parts.defaults)
        self._control = Control(self._scheduler, self._closing, parts.defaults, decisions)
        self.taint = TaintDesk(graph, tools.get, self.task)
        self.approvals = ApprovalDesk(graph, ledger, clock, ids, self.task, self.command, self.tasks)
        self.keyring = Keyring(graph, ids.new, clock.now)
        self._dispatch = Dispatch(graph, clock, ids, VERB_SECONDS, self._ring)
        self.callbacks = self._teller(shown)
        recovery = Recovery(graph, tools, clock, parts.defaults, router.possible)
        recovery.elsewhere = lambda claim, spec: self.agents.takes(claim.type) and parts.remote.may_have(claim, spec)
        self._ownership = Ownership(
            graph,
            self._scheduler,
            self._closing,
            recovery,
            clock,
            interval=settings.heartbeat_seconds,
            timeout=settings.engine_timeout_seconds,
            most=settings.max_open_tasks if settings.runs_tasks else 0,
            obey=self._obey,
            taken=self.callbacks.look_soon,
            keys=self.keyring.heard,
            load=self._load,
            hands=self._hands(ids),
            moving=self._moving(ids),
        )
        if self.turnstile.sharing is not None:
            self.turnstile.sharing.woken = self._ownership.look_soon
        self._vitals = Vitals(
            graph,
            redis,
            ledger,
            self._scheduler,
            settings.max_parallel_tasks,
            self.cache,
            lambda: self._ownership.answered,
            router.file,
            self.easing,
            None if pools is None else pools.pools,
            self._carriers.health,
        )
        self._planner = Planner(
            graph,
            tools.get,
            tools.names,
            templates or TemplateSet(),
            bool(settings.anthropic_api_key.get_secret_value()),
            roots.size,
            vault.allowed,
        )
        door = Door(AddressPolicy.parse(settings.http_allow_private), bool(settings.webhook_secret.get_secret_value()))
        self._intake = Intake(
            settings,
            graph,
            self._planner,
            tools,
            clock,
            ids,
            self._scheduler,
            self._ownership,
            self._vitals,
            door,
            self.callbacks,
            self.task,
            vault,
        )
        self._statistics = Statistics(graph, learner, clock)
        self.desk = GraphDesk(graph, settings.namespace)
        self._indexer = parts.indexer
        self.embeddings = EmbeddingDesk(graph, parts.indexer, self.user_of)
        tools.search = self.embeddings.search
        self._offer = Offer(tools, ledger, learner, self._tool_watch, self.turnstile, parts.carriers.name_of)
        self._recalls = Recalls(
            graph,
            self._scheduler.recorder.caught_up,
            self._reuse.lookups.drop,
            lambda task_id, by: self.pause(task_id, by=by),
            self._intake.rerun,
        )
        self._removal = Removal(
            graph,
            blobs,
            payloads,
            clock,
            folder=settings.undo,
            grace=0.0 if graph.kind == "embedded" else BLOB_GRACE_SECONDS,
            retention_days=settings.retention_days if archive is None else None,
            kept=rollback.catch_up,
            rest=(resting := Resting(lambda: bool(ledger.tasks))),
        )
        self._retention = retention_of(settings, graph, blobs, self._removal, clock, archive, resting)
        self._loops: list[asyncio.Task[None]] = []
        self.answers = Questions(graph, ledger, clock, self._situation())
        self.reporter = Reporter(self._scheduler, self.answers.why, learner.costs)
        self._closing.reported = self.reporter.last
        self.comparisons = Comparisons(graph, self.task)
        self.reports = Reports(graph, clock, self.task, self.output, settings.max_parallel_tasks)

    def _load(self) -> Load | None:
        """What others are told of how much there is to do here; None while nothing is taken from them."""
        ledger, settings = self._ledger, self.settings
        if ledger.draining or not settings.runs_tasks or len(ledger.tasks) >= settings.max_open_tasks:
            return None
        return Load(ledger.unsettled, settings.max_queued_subtasks - ledger.unsettled)

    def _hands(self, ids: Ulids) -> HandingOver | None:
        if self.settings.runs_tasks:
            return None
        timeout = round(1000 * self.settings.engine_timeout_seconds)
        return HandingOver(self._graph, self._clock, ids, timeout, self._ring)

    def _moving(self, ids: Ulids) -> Moving | None:
        if not self.settings.runs_tasks or self._graph.kind == "embedded":
            return None
        timeout = round(1000 * self.settings.engine_timeout_seconds)
        beat = self.settings.heartbeat_seconds
        return Moving(self._scheduler, ids, lambda: self.id, timeout, beat, self._ring)

    def _ring(self, engine: str) -> None:
        """Tells another engine, or with "" all, that there is something for it, where engines hear each other."""
        if self.turnstile.sharing is not None:
            self.turnstile.sharing.ring(engine)

    def _teller(self, shown: Shown) -> Teller:
        settings, secret = self.settings, self.settings.webhook_secret.get_secret_value()
        return Teller(
            self._graph,
            self._bus,
            self._clock,
            self._scheduler.observer,
            WebClient(AddressPolicy.parse(settings.http_allow_private), settings.cancel_grace_seconds),
            Signer(secret) if secret else None,
            shown,
            self._ledger.last_event_of,
            namespace=settings.namespace,
            timeout=settings.webhook_timeout_seconds,
            first=settings.webhook_retry_seconds,
            gone=None if self._graph.kind == "embedded" else round(1000 * settings.engine_timeout_seconds),
        )

    def _situation(self) -> Situation:
        settings, scheduler, vitals = self.settings, self._scheduler, self._vitals
        return Situation(
            engine=lambda: self.id,
            unavailable=lambda: scheduler.delivery.unavailable,
            failure=lambda: "" if vitals.failure is None else repr(vitals.failure),
            storing=lambda: self._ownership.storing,
            tools=self._tools.names,
            slots=settings.max_parallel_tasks,
            timeout=round(1000 * settings.engine_timeout_seconds),
            foresee=self._forecasts.foresee,
            forecast=self._forecasts.of,
            broken=self.turnstile.breakers.shown,
            waits=self.agents.waits(self.turnstile.held),
            lacking=self.agents.lacking,
            short=lambda: self.easing.reasons,
        )

    # --- submitting -------------------------------------------------------------------------------------------------

    async def submit(self, body: Json, *, key: str | None = None, by: str = "") -> Submitted:
        """Checks and stores a task and begins to run it; see ``Intake.submit`` for what it raises."""
        return await self._intake.submit(body, key, by)

    async def rerun(
        self,
        task_id: str,
        start: str = FAILED,
        overrides: Mapping[str, Json] | None = None,
        *,
        key: str | None = None,
        by: str = "",
    ) -> Submitted:
        """Runs a final task again as a new one, which keeps every result that nothing calls into question.

        ``start`` is "failed", "start", or the key of a subtask that runs again with all that depends on it;
        ``overrides`` are by key the fields of subtasks that are different this time. See ``Intake.rerun``.
        """
        return await self._intake.rerun(task_id, Rerun(start, overrides or {}), key, by)

    async def recall(
        self, wish: Wish, *, dry_run: bool = True, reason: str = "", key: str | None = None, by: str = ""
    ) -> Recalled:
        """Takes outputs back, and everything that was derived from them, in any task; see ``Recalls.recall``."""
        said = self.vault.text(reason)
        return await self._recalls.recall(wish, dry_run=dry_run, reason=said, key=key, by=by)

    async def preview(self, body: Json) -> dict[str, Json]:
        """How a plan would unfold; nothing is stored. Raises ``InvalidInput`` with every fault."""
        return await self._intake.preview(body)

    async def templates(self) -> dict[str, Json]:
        """The plan templates there are, and the plans that were learned, newest first."""
        learned = await self._graph.learned_plans(MOST_LEARNED)
        return {"templates": self._planner.templates.shown(), "learned": [shown(plan) for plan in learned]}

    async def remove(self, task_id: str) -> bool:
        """Removes a final task with all that belongs to it; what other tasks use too stays. It is not shown any more.

        Returns whether it is gone after five seconds; if not, the rest goes on, also after a restart.

        Raises:
            NotFound: when there is no such task.
            Conflict: when it is not final.
        """
        refuse_open(await self.task(task_id), "be removed")
        work = await self._removal.begin(task_id)
        if work is None:
            return True
        await asyncio.wait({work}, timeout=VERB_SECONDS)
        return work.done() and work.result()

    # --- what agents of a task share ---------------------------------------------------------------------------------

    async def read_file(self, task_id: str, asked: ReadFileInput) -> dict[str, Json]:
        """A file of the task's own folder. Raises ``NotFound``, and ``InvalidInput`` for any path outside of it."""
        return await self._files.read((await self.task(task_id)).id, asked)

    async def write_file(self, task_id: str, sent: WriteFileInput) -> dict[str, Json]:
        """Writes one; raises ``Conflict`` as well when the task is final: what it has made stays as it is."""
        task = await self.task(task_id)
        if task.status in FINAL:
            raise Conflict(f"task {task.id} is {task.status.value}, so its files stay as they are: rerun it instead")
        written = await self._files.write(task.id, sent)
        self._indexer.wrote(task.id)
        return written

    # --- what was learned -------------------------------------------------------------------------------------------

    async def stats(self, days: int = 7) -> dict[str, Json]:
        """Durations, failures, cache and errors of estimates of the last days; see ``Statistics.stats``."""
        return await self._statistics.stats(days)

    async def estimates(self, type: str | None = None) -> list[dict[str, Json]]:
        """What was learned about each kind of subtask; see ``Statistics.estimates``."""
        return await self._statistics.estimates(type)

    async def offered(self) -> list[dict[str, Json]]:
        """Every type of subtask with its input's schema, its limits and what was learned of it; see ``Offer.tools``."""
        return await self._offer.tools()

    async def reset_tool(self, name: str, endpoint: str = "") -> dict[str, Json]:
        """Closes the breakers of a type, or that of one endpoint; see ``Offer.reset``."""
        return self._offer.reset(name, endpoint)

    async def callbacks_of(self, task: Task) -> list[dict[str, Json]]:
        """How far the callbacks of a task are, in the order in which they were sent; no secret is in it."""
        return await self.callbacks.shown(task.id) if stored.decode(task.body).callbacks else []

    # --- health -----------------------------------------------------------------------------------------------------

    async def ready(self) -> list[str]:
        """Why this engine should get no work now; empty when it should."""
        return await self._vitals.ready()

    async def health(self) -> dict[str, Json]:
        """The state of the engine and what it leans on, for people."""
        found = await self._vitals.health()
        return {**found, "engine": {"id": self.id, "namespace": self.settings.namespace, **found["engine"]}}

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics."""
        told = self._vitals.snapshot() | self._ownership.snapshot() | self.turnstile.snapshot()
        return told | self.agents.snapshot()

    async def doctor(self) -> dict[str, Json]:
        """Health, sizes of the graph, and what breaks an invariant."""
        return {**await self._vitals.doctor(), "health": await self.health()}
