"""Traces: one of a task from the request that brings it in to each call of a tool. A port; off unless one is handed in.

The context of the request is stored with its task, so that the trace goes on after a restart, in whatever engine has
the task then. What goes into a trace are ids, keys, types and outcomes: no input, no output, no message of an error.
``engine/adapters/tracing.py`` writes it by OpenTelemetry.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from engine.turn import Claim, Settle

Origin = Mapping[str, str]
"""Where a trace goes on, as the headers of W3C Trace Context; empty when there is none."""


class AttemptSpan(Protocol):
    """The part of a trace that is one attempt."""

    def ended(self, settle: Settle) -> None:
        """Notes what became of it."""


class Tracing(Protocol):
    """Writes traces. All of it sits on the hot path: nothing waits, nothing raises."""

    def submission(self, earlier: Origin | None = None) -> AbstractContextManager[Origin]:
        """Around the taking in of a task; gives what is to be stored with it.

        ``earlier`` is the same of the task that it runs again: the two traces are linked.
        """

    def begin(self, task_id: str, origin: Origin) -> None:
        """This engine has an open task from now on."""

    def end(self, task_id: str, status: str) -> None:
        """The task has ended."""

    def close(self) -> None:
        """This engine lets go of every open task."""

    def attempt(self, claim: Claim) -> AbstractContextManager[AttemptSpan]:
        """Around one attempt of a subtask."""

    def tool(self, type: str) -> AbstractContextManager[None]:
        """Around one call of a tool; what the tool traces itself belongs into it."""


class NoSpan:
    """Notes nothing."""

    def ended(self, settle: Settle) -> None:
        """Ignores the outcome."""


_NO_ORIGIN: AbstractContextManager[Origin] = nullcontext({})
_NO_ATTEMPT: AbstractContextManager[AttemptSpan] = nullcontext(NoSpan())
_NO_TOOL: AbstractContextManager[None] = nullcontext()


class NullTracing:
    """Writes nothing: for engines that nobody traces."""

    def submission(self, earlier: Origin | None = None) -> AbstractContextManager[Origin]:  # noqa: ARG002
        """No origin."""
        return _NO_ORIGIN

    def begin(self, task_id: str, origin: Origin) -> None:
        """Ignores the task."""

    def end(self, task_id: str, status: str) -> None:
        """Ignores the task."""

    def close(self) -> None:
        """There is nothing open."""

    def attempt(self, claim: Claim) -> AbstractContextManager[AttemptSpan]:  # noqa: ARG002
        """Nothing around it."""
        return _NO_ATTEMPT

    def tool(self, type: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Nothing around it."""
        return _NO_TOOL
