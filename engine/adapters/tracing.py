"""Traces by the API of OpenTelemetry; where they go is up to the SDK that the operator has set up.

``task`` lies below the span that took the task in, an attempt below its task, a tool below its attempt. What runs
inside a tool finds the tool's span as the current one, so the Anthropic SDK and tools with spans of their own join in.
Each engine that has had a task has written a ``task`` of its own; those of one task are in one trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from engine.errors import ToolError
from engine.states import SubtaskStatus
from engine.tracing import NullTracing, Origin, Tracing
from engine.turn import Claim, Settle

_FAILED = frozenset({SubtaskStatus.FAILED.value})
_HEADERS = TraceContextTextMapPropagator()


def tracing() -> Tracing:
    """What writes traces, when somebody has set up where they go; else what writes nothing."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return NullTracing()
    return Traces(provider.get_tracer("agent03"))


class Traces:
    """The traces of one engine; see ``engine.tracing.Tracing``."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[str, Span] = {}

    @contextmanager
    def submission(self, earlier: Origin | None = None) -> Iterator[Origin]:
        """A short span, below that of the request: it is written even if the engine is killed a moment later."""
        before = trace.get_current_span(_HEADERS.extract(earlier or {}, Context())).get_span_context()
        with self._inside("submit", {}, [Link(before)] if before.is_valid else []):
            headers: dict[str, str] = {}
            _HEADERS.inject(headers)
            yield headers

    def begin(self, task_id: str, origin: Origin) -> None:
        """Opens the span of a task."""
        above = _HEADERS.extract(origin, Context())
        self._open[task_id] = self._tracer.start_span("task", above, attributes={"agent03.task.id": task_id})

    def end(self, task_id: str, status: str) -> None:
        """Closes it."""
        span = self._open.pop(task_id, None)
        if span is not None:
            span.set_attribute("agent03.task.status", status)
            if status in _FAILED:
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    def close(self) -> None:
        """Closes those of every task that goes on elsewhere, or later."""
        for task_id in list(self._open):
            self.end(task_id, "open")

    @contextmanager
    def attempt(self, claim: Claim) -> Iterator[_Attempt]:
        """A span below that of the task."""
        above = Context()
        if (task := self._open.get(claim.task_id)) is not None:
            above = trace.set_span_in_context(task, above)
        attributes: dict[str, str | int] = {
            "agent03.task.id": claim.task_id,
            "agent03.subtask.id": claim.id,
            "agent03.subtask.key": claim.key,
            "agent03.subtask.type": claim.type,
            "agent03.attempt.token": claim.token,
        }
        span = self._tracer.start_span(f"attempt {claim.type}", above, attributes=attributes)
        with trace.use_span(span, end_on_exit=True, record_exception=False):
            yield _Attempt(span)

    def tool(self, type: str) -> AbstractContextManager[None]:
        """A span as the conventions for generative AI want it, which other tools than ours can read."""
        return self._inside(f"execute_tool {type}", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": type})

    @contextmanager
    def _inside(self, name: str, attributes: Mapping[str, str], links: Sequence[Link] = ()) -> Iterator[None]:
        """A span below the current one; an exception is named, what it says is kept out."""
        with self._tracer.start_as_current_span(
            name, attributes=attributes, links=links, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except asyncio.CancelledError:
                span.set_attribute("error.type", "cancelled")
                raise
            except Exception as error:
                _mark_failed(span, error.category.value if isinstance(error, ToolError) else type(error).__name__)
                raise


class _Attempt:
    """The span of an attempt."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, settle: Settle) -> None:
        """Its outcome, and the category of a failure."""
        self._span.set_attribute("agent03.attempt.outcome", settle.outcome)
        self._span.set_attribute("agent03.subtask.status", settle.to.value)
        if settle.outcome in _FAILED:
            _mark_failed(self._span, settle.category or "")


def _mark_failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
