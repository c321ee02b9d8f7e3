"""One attempt, told as a recipe: read what was claimed, resolve its input, call the tool, pack what came of it.

An attempt never raises, not even when it is cancelled: whatever happens becomes the ``Settle`` that the next turn
records. Only the reason why the engine stopped it (cancelled, or put back because the engine stops) is decided outside
and handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from engine import references
from engine.errors import Category, EngineError, GraphUnavailable, ToolError
from engine.model import Claim, Json, NewSubtask, Settle
from engine.observer import Observer
from engine.payloads import Packed, Payloads, error_text, pack
from engine.plan.items import items
from engine.plan.spec import Refs, Spec
from engine.ports import Clock, GraphWriter, Tool
from engine.references import Outcome, Scope
from engine.states import SubtaskStatus

_log = structlog.get_logger("attempt")
COMPLETED = SubtaskStatus.COMPLETED.value
INTERRUPTED = "interrupted"


class Context:
    """What a running tool may use; see ``engine.ports.RunContext``."""

    __slots__ = ("deadline", "key", "subtask_id", "task_id", "token")

    def __init__(self, claim: Claim, deadline: float) -> None:
        self.task_id = claim.task_id
        self.subtask_id = claim.id
        self.key = claim.key
        self.token = claim.token
        self.deadline = deadline

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Writes a log line that names task and subtask."""
        write: Callable[..., Any] = getattr(_log, level if level in ("debug", "info", "warning", "error") else "info")
        write(message, task_id=self.task_id, subtask=self.key, attempt=self.token, **fields)


class Attempts:
    """Runs attempts of one engine.

    Args:
        tools: the tool of a type.
        payloads: outputs of what was done before.
        graph: takes the items of mapped subtasks.
        clock: times of the record.
        observer: is told the outcome.
        timeout_seconds: for subtasks that name none.
        expanded: called with the task's id, how many items a mapped subtask has grown, and how many it has lost.
    """

    def __init__(
        self,
        tools: Callable[[str], Tool | None],
        payloads: Payloads,
        graph: GraphWriter,
        clock: Clock,
        observer: Observer,
        timeout_seconds: float,
        expanded: Callable[[str, int, int], None],
    ) -> None:
        self._tools = tools
        self._payloads = payloads
        self._graph = graph
        self._clock = clock
        self._observer = observer
        self._timeout = timeout_seconds
        self._expanded = expanded

    async def run(self, claim: Claim, task_input: Json, stopped: Callable[[], SubtaskStatus | None]) -> Settle:
        """Runs one attempt to its outcome.

        Args:
            claim: what to run, with its token.
            task_input: the task's input, for references.
            stopped: after a cancellation, the state that the subtask is to take; None while nobody stopped it.
        """
        started = self._clock.now()
        begun = self._clock.monotonic()
        try:
            packed = await self._perform(claim, task_input)
        except asyncio.CancelledError:
            settle = self._stopped(claim, started, stopped())
        except ToolError as error:
            settle = self._failed(claim, started, error)
        except GraphUnavailable:
            settle = self._put_back(claim, started)
        except EngineError as error:
            settle = self._failed(claim, started, ToolError(str(error), category=Category.CONFIGURATION))
        except Exception as error:
            _log.warning("the tool raised", task_id=claim.task_id, subtask=claim.key, exc_info=error)
            settle = self._failed(claim, started, _unclassified(error))
        else:
            settle = self._succeeded(claim, started, packed)
        self._observer.attempt(claim.type, settle.outcome, _category(settle), self._clock.monotonic() - begun)
        return settle

    async def _perform(self, claim: Claim, task_input: Json) -> Packed:
        """From the claim to an output that is safely kept."""
        spec = Spec.decode(claim.spec)
        tool = self._tools(claim.type)
        if tool is None:
            raise ToolError(
                f"no tool runs the type {claim.type!r} in this engine",
                category=Category.CONFIGURATION,
                suggestion="add its module to AGENT03_TOOLS and submit the task again",
            )
        if spec.map is not None:
            output = await self._expand(claim, spec, task_input)
        else:
            value = await self.resolved_input(claim.task_id, spec, task_input, tool.literal)
            output = await self._call(tool, claim, spec, value)
        packed = pack(output)
        await self._payloads.keep(claim.id, packed)
        return packed

    async def _call(self, tool: Tool, claim: Claim, spec: Spec, value: Json) -> Json:
        limit = spec.timeout or self._timeout
        context = Context(claim, self._clock.monotonic() + limit)
        try:
            async with asyncio.timeout(limit) as timer:
                return await tool.run(value, context)
        except TimeoutError:
            if not timer.expired():
                raise
            raise ToolError(
                f"the attempt took longer than its limit of {limit:g} s and was stopped",
                category=Category.TIMEOUT,
                suggestion="raise timeout_seconds, or let the subtask do less",
            ) from None

    async def _expand(self, claim: Claim, spec: Spec, task_input: Json) -> Json:
        """Adds the items of a mapped subtask; its own output is their number."""
        assert spec.map is not None
        scope = await self._scope(claim.task_id, spec.map.refs, Spec(), task_input)
        over = references.resolve(spec.map.over, scope) if spec.map.refs is not None else spec.map.over
        children: list[NewSubtask] = items(spec, claim.id, claim.key, claim.type, over)
        dropped = await self._graph.expand(claim, children)
        self._expanded(claim.task_id, len(children), dropped)
        return {"items": len(children)}

    async def resolved_input(
        self, task_id: str, spec: Spec, task_input: Json, literal: frozenset[str] = frozenset()
    ) -> Json:
        """The input with every reference replaced; raises ``ToolError`` (configuration) for a missing path."""
        if spec.refs is None:
            return spec.input
        return references.resolve(spec.input, await self._scope(task_id, spec.refs, spec, task_input), literal)

    async def _scope(self, task_id: str, refs: Refs | None, spec: Spec, task_input: Json) -> Scope:
        wanted = refs or Refs()
        places = {key: (index, mapped) for key, index, mapped in wanted.previous} | wanted.keys
        ids = {key: f"{task_id}.{index:07d}" for key, (index, _) in places.items()}
        single = [ids[key] for key, (_, mapped) in places.items() if not mapped]
        found = await self._payloads.outputs(single) if single else {}
        values = {
            key: await self._payloads.item_outputs(ids[key]) if mapped else found.get(ids[key])
            for key, (_, mapped) in places.items()
        }
        return Scope(
            previous={key: values[key] for key, _, _ in wanted.previous},
            subtasks={key: Outcome(COMPLETED, values[key]) for key in wanted.keys},
            input=task_input,
            item=spec.item,
            index=spec.index,
        )

    def _succeeded(self, claim: Claim, started: int, packed: Packed) -> Settle:
        return Settle(
            claim.id,
            claim.task_id,
            claim.key,
            claim.token,
            SubtaskStatus.COMPLETED,
            COMPLETED,
            started,
            self._clock.now(),
            packed.inline,
            packed.digest,
            packed.size,
        )

    def _failed(self, claim: Claim, started: int, error: ToolError) -> Settle:
        return Settle(
            id=claim.id,
            task_id=claim.task_id,
            key=claim.key,
            token=claim.token,
            to=SubtaskStatus.FAILED,
            outcome=SubtaskStatus.FAILED.value,
            started_at=started,
            finished_at=self._clock.now(),
            error=error_text(error, claim.token),
        )

    def never_started(self, claim: Claim, to: SubtaskStatus | None) -> Settle:
        """The outcome of an attempt that was stopped before its first step."""
        return self._stopped(claim, self._clock.now(), to)

    def _stopped(self, claim: Claim, started: int, to: SubtaskStatus | None) -> Settle:
        """Stopped from outside: cancelled for good, or put back as if it had never started."""
        if to is None or to is SubtaskStatus.READY:
            return self._put_back(claim, started)
        return Settle(
            id=claim.id,
            task_id=claim.task_id,
            key=claim.key,
            token=claim.token,
            to=SubtaskStatus.CANCELLED,
            outcome=Category.CANCELLED.value,
            started_at=started,
            finished_at=self._clock.now(),
            error=error_text(ToolError("cancelled", category=Category.CANCELLED), claim.token),
        )

    def _put_back(self, claim: Claim, started: int) -> Settle:
        return Settle(
            id=claim.id,
            task_id=claim.task_id,
            key=claim.key,
            token=claim.token,
            to=SubtaskStatus.READY,
            outcome=INTERRUPTED,
            started_at=started,
            finished_at=self._clock.now(),
        )


def _unclassified(error: Exception) -> ToolError:
    return ToolError(f"{type(error).__name__}: {error}", suggestion="see the engine's log for the traceback")


def _category(settle: Settle) -> str | None:
    if settle.error is None:
        return None
    return settle.error.partition('"category": "')[2].partition('"')[0] or None
