"""One call at an agent, from handing it over to what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import Category, ToolError
from engine.executors import Lost, Work
from engine.model import Json
from engine.remote.member import Member
from engine.remoteport import AGENT, Fault, Outcome, Result
from engine.times import iso
from engine.toolport import RunContext

if TYPE_CHECKING:
    from engine.remote.dispatcher import Dispatcher

SETTLING_SECONDS = 3.0
"""An agent may have said what it works on before it was handed this: for so long that says nothing."""
_CATEGORIES = {category.value: category for category in Category}


class Seat:
    """See ``engine.executors.Place``. ``member`` is None while it is waited for after a restart."""

    def __init__(self, dispatcher: Dispatcher, work: Work, member: Member | None) -> None:
        self._dispatcher = dispatcher
        self.work = work
        self.token = work.claim.token
        self.member = member
        self.agent_id = "" if member is None else member.id
        self._done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._context: RunContext | None = None
        self._handed = dispatcher.clock.monotonic()
        self.under_way = member is None

    # --- the call -----------------------------------------------------------------------------------------------------

    async def run(self, value: Json, context: RunContext) -> Json:
        """What the agent returns; raises ``Postponed`` when none takes it after all, ``Lost`` when it is gone."""
        self._context = context
        try:
            if not self.under_way:
                await self._hand_over(value, context)
            with _Patience(self):
                result = await self._done
        except asyncio.CancelledError:
            if self.member is not None:
                self._dispatcher.tell_cancelled(self.member, self.work)
            raise
        return self._returned(result, context)

    async def _hand_over(self, value: Json, context: RunContext) -> None:
        """Hands it to this agent, or to the next that is free where that one does not take it."""
        while self.member is not None:
            body = self._body(value, context)
            if await self._dispatcher.hand_over(self.member, body) or self._done.done():
                self._handed = self._dispatcher.clock.monotonic()
                return
            self._dispatcher.crew.give_back(self.member, self.work.claim.id)
            self.member = self._dispatcher.take(self.work)
            self.agent_id = "" if self.member is None else self.member.id
        raise self._dispatcher.nobody(self.work)

    def _body(self, value: Json, context: RunContext) -> Json:
        claim, clock = self.work.claim, self._dispatcher.clock
        left = max(0.0, self.work.deadline - clock.monotonic())
        about = self._dispatcher.about(claim.task_id)
        return {
            "task_id": claim.task_id,
            "subtask": {
                "subtask_id": claim.id,
                "key": claim.key,
                "type": self.work.tool.name,
                "input": value,
                "token": claim.token,
                "deadline": iso(clock.now() + round(1000 * left)),
                "timeout_seconds": round(left, 3),
                "idle_seconds": self.work.idle,
                "required_capabilities": [one for one in self.work.spec.capabilities if not one.startswith(AGENT)],
                "reduction": context.reduction,
                "approved": context.approved,
            },
            "task_context": {"name": about.name, "tags": list(about.tags), "user_id": about.user_id},
        }

    def _returned(self, result: Result, context: RunContext) -> Json:
        """The output, or the error, of a result; what it took and logged is noted."""
        usage = result.usage
        if usage.memory_bytes is not None or usage.cpu_seconds is not None:
            context.measured(usage.memory_bytes or 0, usage.cpu_seconds or 0.0)
        for line in result.logs:
            context.log(line.level, line.message, **_named(line.fields))
        if result.status is Outcome.INTERRUPTED:
            raise Lost(f"the agent {self.agent_id} was stopped")
        if result.status is Outcome.FAILED:
            raise _error(result.error or Fault("the agent says no more than that it failed"), result.output)
        return result.output

    def leave(self) -> None:
        """The agent is free again."""
        if self._dispatcher.seats.get(self.work.claim.id) is self:
            del self._dispatcher.seats[self.work.claim.id]
        if self._done.done() and not self._done.cancelled() and self._done.exception() is None and self.member:
            self.member.took(self.work.tool.name, self._dispatcher.clock.monotonic() - self._handed)
        self._done.cancel()
        if self.member is not None:
            self._dispatcher.crew.give_back(self.member, self.work.claim.id)

    # --- what is heard ------------------------------------------------------------------------------------------------

    def adopt(self, member: Member | None, agent_id: str) -> None:
        """It is at this agent: found after a restart."""
        if self.member is None and self.under_way:
            self.agent_id = agent_id
            if member is not None:
                self.member = member
                self._dispatcher.crew.give(member, self.work.claim.task_id, self.work.claim.id, self.token)

    def alive(self) -> None:
        """Its agent works on it."""
        if self._context is not None:
            self._context.progress()

    def missed(self) -> None:
        """Its agent says that it does not work on it."""
        if self._dispatcher.clock.monotonic() - self._handed > SETTLING_SECONDS:
            self.lost(f"the agent {self.agent_id} does not work on it any more")

    def lost(self, why: str) -> None:
        """Nothing will come any more."""
        if not self._done.done():
            self._done.set_exception(Lost(why))

    def ended(self, result: Result) -> bool:
        """This came of it; False when something else had become of it already."""
        if self._done.done():
            return False
        self._done.set_result(result)
        return True


class _Patience:
    """While a call is waited for: a restart's claim that nobody has is given up, and the idle limit is the agent's."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._clock = seat._dispatcher.clock
        idle, timeout = seat.work.idle, seat._dispatcher.crew.timeout
        self._interval = min(timeout, idle / 2 if idle else timeout)
        self._until = self._clock.monotonic() + timeout

    def __enter__(self) -> None:
        self._alarm = self._clock.call_later(self._interval, self._look)

    def __exit__(self, *_: object) -> None:
        self._alarm.cancel()

    def _look(self) -> None:
        if self._seat.member is not None:
            self._seat.alive()
        elif self._clock.monotonic() >= self._until:
            self._seat.lost("no agent has said that it works on it since the engine was started again")
            return
        self._alarm = self._clock.call_later(self._interval, self._look)


def _error(fault: Fault, output: Json) -> ToolError:
    """What an agent says that went wrong, as if the tool had run here."""
    return ToolError(
        fault.message,
        category=_CATEGORIES.get(fault.category, Category.LOGIC),
        suggestion=fault.suggestion,
        output=output,
        delay=fault.delay,
        crashed=fault.crashed,
    )


def _named(fields: Mapping[str, Json]) -> dict[str, Json]:
    """The fields of a log line under names that mean nothing else here."""
    taken = {"level", "message", "event", "task_id", "subtask", "attempt", "timestamp", "self"}
    return {f"{name}_" if name in taken else name: value for name, value in fields.items()}
