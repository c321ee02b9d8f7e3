"""One attempt, told as a recipe: read what was claimed, resolve its input, call the tool, pack what came of it.

An attempt never raises, not even when it is cancelled: whatever happens becomes the ``Settle`` that the next turn
records. What a failure leads to is the state machine's to say (``machine.py``); why the engine stopped it (cancelled,
or put back because the engine stops or the task is paused) is decided outside and handed in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog

from engine import outcomes
from engine.approval.gate import Gate, NeedsApproval
from engine.approvalstore import Request
from engine.caching.flights import Place
from engine.caching.reuse import Reuse, Wish, allowed
from engine.calling import Job, unclassified
from engine.context import Living
from engine.cutoff import Cutoff
from engine.errors import BlobsAway, Category, EngineError, Fenced, GraphUnavailable, ToolError
from engine.estimates.learning import Learner
from engine.estimates.worked import Worked
from engine.executors import Chooser, Lost, everything_here
from engine.grower import Grower
from engine.interruption import on_interrupt, on_request
from engine.limits.turnstile import Postponed, Turnstile
from engine.logbook import Logbook
from engine.machine import Asked, Decision, Event, Failed, Interrupted, PutBack, decide
from engine.machine import Postponed as Waits
from engine.model import Json
from engine.observer import Observer
from engine.payloads import Packed, Payloads, pack
from engine.plan.spec import Spec
from engine.plan.stored import Recall
from engine.ports import Clock, Graph
from engine.retries import Defaults
from engine.routing.router import Router
from engine.running import Sharing
from engine.scopes import Scopes
from engine.secrets.opening import carried
from engine.secrets.vault import Vault
from engine.states import SubtaskStatus
from engine.taint.marks import Marks
from engine.toolport import Tool
from engine.tracing import Tracing
from engine.turn import Claim, Settle
from engine.watch import OutOfTime, Watch

_log = structlog.get_logger("attempt")

REFRESH_SECONDS = 30.0
"""Longest time that a tool gets to fetch fresh credentials."""


class Made(NamedTuple):
    """An output that is safely kept, and how it came about."""

    packed: Packed
    wish: Wish | None = None
    """What it may be reused by."""
    origin: str = ""
    """The id of the subtask that made it, where that is another one."""


class Attempts:
    """Runs attempts of one engine.

    Args:
        tools: the tool of a type.
        payloads: where outputs are kept.
        graph: says what earlier tasks have produced.
        clock: times of the record, and of the limits.
        observer: is told the outcome.
        tracing: writes it into the trace of its task.
        timeout_seconds: for subtasks that name none, and whose tools name none.
        defaults: retry settings.
        grower: adds what maps and tools add to a plan.
        learner: is told how each ended.
        reuse: finds and leaves outputs that others can use.
        gate: has a person asked where one has to be.
        router: chooses the tool where a rule says so.
        turnstile: what a call has to pass.
        logbook: keeps what tools log.
        vault: has the secrets that inputs refer to, and covers them in what comes back.
    """

    def __init__(
        self,
        tools: Callable[[str], Tool | None],
        payloads: Payloads,
        graph: Graph,
        clock: Clock,
        observer: Observer,
        tracing: Tracing,
        timeout_seconds: float,
        defaults: Defaults,
        grower: Grower,
        learner: Learner,
        reuse: Reuse,
        gate: Gate,
        router: Router,
        turnstile: Turnstile,
        logbook: Logbook,
        vault: Vault,
    ) -> None:
        self._tools = tools
        self._vault = vault
        self._payloads = payloads
        self._scopes = Scopes(payloads)
        self._cutoff = Cutoff(graph, payloads)
        self._graph = graph
        self._clock = clock
        self._observer = observer
        self._tracing = tracing
        self._timeout = timeout_seconds
        self._defaults = defaults
        self._grower = grower
        self._learner = learner
        self._worked: dict[str, Worked] = {}
        self._reuse = reuse
        self._gate = gate
        self._router = router
        self._turnstile = turnstile
        self._logbook = logbook
        self._chance = random.Random()
        self.executors: Chooser = everything_here
        """Who carries the calls out."""

    async def run(
        self,
        claim: Claim,
        task_input: Json,
        stopped: Callable[[], Event],
        expires_at: int | None = None,
        sharing: Sharing | None = None,
        recall: Recall | None = None,
        foretold: bool = False,
        marks: Marks | None = None,
    ) -> Settle:
        """Runs one attempt to its outcome.

        Args:
            claim: what to run, with its token.
            task_input: the task's input, for references.
            stopped: why it was stopped from outside: ``Cancelled`` or ``PutBack``.
            expires_at: end of the time for all attempts together, in milliseconds.
            sharing: how its task takes part in the reuse of outputs; None when it does not.
            recall: what its task repeats after a recall.
            foretold: what is expected of the subtask is more than a guess.
            marks: what of its task came from outside; takes up whether this attempt is part of that.
        """
        with self._tracing.attempt(claim) as span:
            begun = self._clock.monotonic()
            settle = await self._run(
                claim, task_input, stopped, expires_at, sharing, recall, Marks() if marks is None else marks
            )
            span.ended(settle)
        seconds = self._clock.monotonic() - begun
        self._router.ended(claim.id, settle, seconds)
        worked = self._worked.pop(claim.id, None)
        self._observer.attempt(claim, settle, seconds, claim.expected if foretold and worked else None)
        if worked is not None:
            worked.teach(self._learner, settle, seconds)
        return settle

    async def _run(
        self,
        claim: Claim,
        task_input: Json,
        stopped: Callable[[], Event],
        expires_at: int | None,
        sharing: Sharing | None,
        recall: Recall | None,
        marks: Marks,
    ) -> Settle:
        """The outcome of one attempt; see ``run``."""
        started = self._clock.now()
        basis = outcomes.Basis()
        try:
            made = await self._unchanged(claim, recall, basis, marks) if recall else None
            made = made or await self._perform(claim, task_input, expires_at, sharing, basis, marks)
        except asyncio.CancelledError:
            settle = self._cut_off(claim, stopped(), started)
        except Lost as lost:
            settle = self._cut_off(claim, Interrupted(str(lost)), started)
        except (GraphUnavailable, Fenced):  # what was asked of the graph had no effect
            settle = self.never_started(claim, PutBack(), started)
        except NeedsApproval as asks:
            basis.tainted = False  # there is nothing yet
            settle = self._asks(claim, started, asks.request)
        except Postponed as later:
            settle = self._postponed(claim, later, started)
        except ToolError as error:
            settle = await self._failed(claim, started, error, 0 if isinstance(error, OutOfTime) else expires_at)
        except EngineError as error:
            away = isinstance(error, BlobsAway)
            wrong = ToolError(str(error), category=Category.TRANSIENT if away else Category.CONFIGURATION)
            settle = await self._failed(claim, started, wrong, expires_at)
        except Exception as error:
            place = {"task_id": claim.task_id, "subtask": claim.key}
            _log.warning("the tool raised", **place, exc_info=self._vault.shown(error))
            settle = await self._failed(claim, started, unclassified(error), expires_at)
        else:
            self._grower.done(claim)
            settle = outcomes.succeeded(claim, made.packed, started, self._clock.now())
            if made.wish is not None:
                settle = outcomes.reusable(settle, made.wish.version, made.wish.key, made.origin)
        if basis.tainted or marks:
            marks.note(claim.id, tainted=basis.tainted)
        return basis.noted_on(settle)

    def never_started(self, claim: Claim, why: Event, started: int | None = None) -> Settle:
        """The outcome of an attempt that was stopped before its tool was called: nothing speaks against a repeat."""
        now = self._clock.now()
        decision = self._decide(claim, Spec(), why, None)
        return outcomes.cut_off(claim, Spec(), why, decision, now if started is None else started, now)

    def _cut_off(self, claim: Claim, why: Event, started: int) -> Settle:
        """The outcome of an attempt that was stopped in the middle of its work."""
        spec, now = Spec.decode(claim.spec), self._clock.now()
        asked = isinstance(why, PutBack) and why.asked
        request = self._router.of(claim.id)
        ran = self._router.possible if request is None else lambda _: (request.option,)
        policy = on_request(spec) if asked else on_interrupt(claim, spec, self._tools, ran)
        decision = self._decide(claim, spec, why, None, policy)
        return outcomes.cut_off(claim, spec, why, decision, started, now)

    def _asks(self, claim: Claim, started: int, request: Request) -> Settle:
        """The outcome of an attempt that a person has to decide on before its tool is called."""
        spec = Spec.decode(claim.spec)
        decision = self._decide(claim, spec, Asked(request.until), None)
        return outcomes.asks(claim, spec, request, decision, started, self._clock.now())

    def _postponed(self, claim: Claim, later: Postponed, started: int) -> Settle:
        """The outcome of an attempt that may not call its tool yet."""
        spec, held = Spec.decode(claim.spec), later.held
        decision = self._decide(claim, spec, Waits(held.until, later.breaker), None)
        return outcomes.postponed(claim, spec, decision, held.code, held.words, started, self._clock.now())

    async def _unchanged(self, claim: Claim, recall: Recall, basis: outcomes.Basis, marks: Marks) -> Made | None:
        """What it had produced in the task that this one repeats after a recall, where that still holds."""
        kept = await self._cutoff.kept(claim, Spec.decode(claim.spec), recall)
        if kept is None:
            return None
        basis.take_over(kept.origin, kept.used)
        earlier = await self._graph.subtask(recall.of, claim.key)
        reaching = marks.reaching(claim.task_id, claim.id, Spec.decode(claim.spec))
        basis.tainted = bool(reaching) or earlier is None or earlier[0].tainted
        return Made(await self._kept(claim, pack(kept.output)))

    async def _perform(
        self,
        claim: Claim,
        task_input: Json,
        expires_at: int | None,
        sharing: Sharing | None,
        basis: outcomes.Basis,
        marks: Marks,
    ) -> Made:
        """From the claim to an output that is safely kept; notes on ``basis`` what that is made from."""
        type_, spec = Spec.decode(claim.spec).running(claim.type, claim.fell_back)
        tool = self._tool(type_)
        basis.version = tool.version
        tainted_by = marks.reaching(claim.task_id, claim.id, spec)
        basis.tainted = bool(tainted_by)
        if spec.map is not None and not claim.fell_back:
            output = await self._grower.items(claim, spec, task_input, basis.used)
        else:
            value = await self._scopes.resolve(claim.task_id, spec, task_input, tool.literal, basis.used)
            shown, literal = value, tool.literal
            request = basis.request = await self._router.route(claim, type_, spec, value, task_input)
            if request is not None:
                tool, value = self._tool(request.tool), request.option.value(value)
                basis.version = tool.version
                spec = spec.at(request.requires)
            passed = await self._gate.passed(claim, spec, tool, value, tainted_by)
            value, basis.approved = passed.value, passed.approved
            basis.tainted = tool.taints(value) or bool(tainted_by and not passed.approved)
            if spec.refs is not None and spec.refs.secrets:
                await self._open(claim, spec, task_input, literal, (shown, value), basis)
            passage = self._turnstile.passage(tool, claim, spec, value, task_input)
            keep = self._logbook.of(claim, lambda: basis.agent_id)
            executor = self.executors(tool, spec)
            job = Job(tool, claim, spec, value, expires_at, basis, passage, keep, self._vault, executor)
            if sharing is not None and not claim.fell_back and allowed(tool, spec, value, sharing):
                wish = await self._reuse.wish(tool, spec, value, sharing, basis.stamps)
                if wish is not None:
                    return await self._shared(wish, job)
            worked = self._worked[claim.id] = Worked(tool.name, tool.version, self._learner.sizes.of(value))
            async with self._watch(job) as watch:
                returned = await self._call(job, watch, watch)
            self._worked[claim.id] = worked.returned(returned)
            output = await self._grower.output(tool, claim, spec, returned)
        return Made(await self._kept(claim, pack(output)))

    async def _shared(self, wish: Wish, job: Job) -> Made:
        """The output of an attempt that others may have made, or may use."""
        tool, claim, spec, basis = job.tool, job.claim, job.spec, job.basis
        worked = self._worked[claim.id] = Worked(wish.type, wish.version, self._learner.sizes.of(job.value))
        async with self._watch(job) as watch:
            taken = await self._reuse.take(wish, claim, watch, lambda living: self._call(job, living, watch))
        basis.effort = taken.saved or basis.effort
        if taken.entry is not None and taken.entry.cost:
            self._worked[claim.id] = msgspec.structs.replace(worked, cost=taken.entry.cost)
        if taken.packed is None:
            return Made(await self._kept(claim, pack(await self._grower.output(tool, claim, spec, taken.expand))))
        await self._grower.output(tool, claim, spec, None)
        packed = taken.packed if taken.adopted else await self._kept(claim, taken.packed)
        if taken.entry is not None and {**tool.environment(job.value), **basis.stamps} == wish.environment:
            self._reuse.leave(taken.entry)
        return Made(packed, wish, taken.origin)

    async def _kept(self, claim: Claim, packed: Packed) -> Packed:
        """An output, once it is safely kept."""
        try:
            await self._payloads.keep(claim.id, packed)
        except OSError as error:
            raise ToolError(
                f"its output of {packed.size} bytes cannot be stored: {error.strerror or error}",
                category=Category.RESOURCE,
                suggestion="make room where BLOB_PATH is",
            ) from error
        return packed

    def _tool(self, type_: str) -> Tool:
        tool = self._tools(type_)
        if tool is None:
            raise ToolError(
                f"no tool runs the type {type_!r} in this engine",
                category=Category.CONFIGURATION,
                suggestion="add its module to AGENT03_TOOLS and submit the task again",
            )
        return tool

    async def _open(
        self,
        claim: Claim,
        spec: Spec,
        task_input: Json,
        literal: frozenset[str],
        passed: tuple[Json, Json],
        basis: outcomes.Basis,
    ) -> None:
        """Gets the secrets that the input refers to; they are for the tool alone. ``passed`` is the input as it was
        resolved, and as it may run: a rule may have added to it, and a person amended it.
        """
        assert spec.refs is not None
        secrets = await self._vault.take(spec.refs.secrets)
        basis.stamps = await self._vault.stamps(secrets)
        opened = await self._scopes.opened(claim.task_id, spec, task_input, literal, secrets)
        basis.opened = carried(*passed, opened, secrets)

    async def _call(self, job: Job, living: Living, watch: Watch) -> Json:
        limit, left = self._seconds(job), self._left(job.expires_at)
        deadline = self._clock.monotonic() + min(limit, limit if left is None else left)
        with self._tracing.tool(job.tool.name):
            return await job.call(deadline, living, watch)

    def _watch(self, job: Job) -> Watch:
        idle = job.spec.idle or job.tool.limits.idle_seconds
        return Watch(self._clock, self._seconds(job), idle, self._left(job.expires_at))

    def _seconds(self, job: Job) -> float:
        """The longest that one attempt may take: by its subtask, its tool, the settings."""
        return job.spec.timeout or job.tool.limits.attempt_seconds or self._timeout

    def _left(self, expires_at: int | None) -> float | None:
        """Seconds of the time for all attempts together."""
        return None if expires_at is None else (expires_at - self._clock.now()) / 1000

    def awaited(self, subtask_id: str) -> Place | None:
        """The attempt that makes what a running subtask wants too; None when it makes it itself."""
        return self._reuse.flights.leader_of(subtask_id)

    async def resolved_input(
        self, task_id: str, spec: Spec, task_input: Json, literal: frozenset[str] = frozenset()
    ) -> Json:
        """The input with every reference replaced; raises ``ToolError`` (configuration) for a missing path."""
        return await self._scopes.resolve(task_id, spec, task_input, literal)

    async def _failed(self, claim: Claim, started: int, error: ToolError, expires_at: int | None) -> Settle:
        error = self._vault.error(error)
        spec = Spec.decode(claim.spec)
        event = Failed(error.category, error.repeat, error.delay, error.crashed)
        decision = self._decide(claim, spec, event, expires_at)
        if decision.to is SubtaskStatus.RETRYING and error.category is Category.PERMISSION:
            decision = await self._refreshed(claim, spec, event, decision, expires_at)
        partial = await self._partial(claim, error)
        return outcomes.failed(claim, spec, decision, error, started, self._clock.now(), partial)

    async def _refreshed(
        self, claim: Claim, spec: Spec, event: Failed, decision: Decision, expires_at: int | None
    ) -> Decision:
        """A repeat after refused permission makes sense only with fresh credentials."""
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                request = self._router.of(claim.id)
                type_ = spec.running(claim.type, claim.fell_back)[0] if request is None else request.tool
                await self._tool(type_).refresh_credentials()
        except Exception as error:
            _log.warning("no fresh credentials", task_id=claim.task_id, subtask=claim.key, exc_info=error)
            return self._decide(claim, spec, msgspec.structs.replace(event, repeat=False), expires_at)
        return decision

    async def _partial(self, claim: Claim, error: ToolError) -> Packed | None:
        """What a failed attempt had produced, kept as far as it can be kept: the error matters more."""
        if error.output is None:
            return None
        try:
            packed = pack(error.output)
            await self._payloads.put(claim.id, packed)
        except (ToolError, EngineError, OSError) as trouble:
            _log.warning("no partial output", task_id=claim.task_id, subtask=claim.key, reason=str(trouble))
            return None
        return packed

    def _decide(
        self, claim: Claim, spec: Spec, event: Event, expires_at: int | None, policy: str = "retry"
    ) -> Decision:
        stands = outcomes.standing(claim, spec, policy, expires_at, self._router.of(claim.id))
        return decide(stands, event, self._clock.now(), self._defaults, self._chance)
