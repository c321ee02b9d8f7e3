"""The call of a tool itself: what it is called with, what it may use, and what its own exceptions mean."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from engine.context import Context, Living
from engine.errors import ToolError
from engine.executors import Executor, Lost, Place, Work
from engine.limits.turnstile import Passage, Postponed
from engine.logbook import Keep
from engine.model import Json
from engine.outcomes import Basis
from engine.plan.spec import Spec
from engine.secrets.vault import Vault
from engine.toolport import Tool, as_meant
from engine.turn import Claim
from engine.watch import Watch


class Job(NamedTuple):
    """One attempt, once its input is known."""

    tool: Tool
    claim: Claim
    spec: Spec
    value: Json
    """The resolved input."""
    expires_at: int | None
    """End of the time for all attempts together, in milliseconds."""
    basis: Basis
    """What it is made from."""
    passage: Passage | None
    """What the call has to pass; None for nothing."""
    keep: Keep
    """Where its log lines go."""
    vault: Vault
    """Covers secrets in what comes back."""
    executor: Executor
    """Carries it out."""

    async def call(self, deadline: float, living: Living, watch: Watch) -> Json:
        """What the tool gives, once there is a place for the call, and it has passed what it has to pass."""
        idle = self.spec.idle or self.tool.limits.idle_seconds
        place = self.basis.place = await self.executor.enter(Work(self.tool, self.claim, self.spec, deadline, idle))
        try:
            return await self._pass(place, deadline, living, watch)
        finally:
            place.leave()

    async def _pass(self, place: Place, deadline: float, living: Living, watch: Watch) -> Json:
        measured, masker, approved = self.basis.measured, self.vault.masker, self.basis.approved
        passage = None if place.under_way else self.passage
        if passage is None:
            context = Context(self.claim, deadline, living, measured, self.keep, masker=masker, approved=approved)
            return await self._run(place, context)
        context = Context(self.claim, deadline, living, measured, self.keep, passage.limited, masker, approved)
        return await passage.run(lambda: self._run(place, context), lambda: watch.timed_out)

    async def _run(self, place: Place, context: Context) -> Json:
        """Runs the tool, which may know the category of what it raises; every secret is covered in what it gives."""
        given = self.value if self.basis.opened is msgspec.UNSET else self.basis.opened
        with as_meant(self.tool, Lost, Postponed):
            return self.vault.returned(await place.run(given, context))


def unclassified(error: Exception) -> ToolError:
    """An exception of which nobody has said what it means."""
    return ToolError(f"{type(error).__name__}: {error}", suggestion="see the engine's log for the traceback")
