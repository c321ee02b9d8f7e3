"""Has calls carried out by agents: hands each to one, waits for what comes back, and notices when that cannot come.

Who waits for an agent waits as state in the graph, in a line for its capabilities, and is called when somebody is free
(``engine/limits/lines.py``). What an agent works on is known to the agent: after a restart of the engine the claims
that it may have had are waited for, and taken up with the first sign of the agent, so that dispatching costs the graph
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

import structlog

from engine.beside import Beside
from engine.errors import Conflict
from engine.executors import HERE, Executor, Place, Work
from engine.limits.lines import Held, Lines
from engine.limits.turnstile import Postponed
from engine.model import Json
from engine.plan.spec import Spec
from engine.ports import Clock
from engine.remote.choosing import fits
from engine.remote.crew import Crew
from engine.remote.member import Member
from engine.remote.seat import Seat
from engine.remoteport import AgentCalls, Answer, Result, Running
from engine.toolport import Tool
from engine.turn import Claim

CODE = "no_agent"
LONGEST_WAIT_MS = 3_600_000
"""What is written as the expected start of a subtask that nobody can take: an agent calls it as soon as one comes."""
LAST_WORDS_SECONDS = 1.0
_log = structlog.get_logger("agents")


class Context(NamedTuple):
    """What an agent is told of a task beside the subtask."""

    name: str = ""
    tags: tuple[str, ...] = ()
    user_id: str = ""


class Dispatcher:
    """The executor of what requires capabilities.

    Args:
        crew: the agents.
        calls: the way to them.
        lines: who waits.
        clock: times.
        about: what agents are told of a task, by its id.
    """

    def __init__(
        self, crew: Crew, calls: AgentCalls, lines: Lines, clock: Clock, about: Callable[[str], Context]
    ) -> None:
        self.crew = crew
        self.calls = calls
        self.clock = clock
        self.about = about
        self._lines = lines
        self.seats: dict[str, Seat] = {}
        """By subtask, what runs at an agent, or is waited for after a restart."""
        self._orphans: dict[str, int] = {}
        """Tokens of subtasks that an agent may have since before a restart."""
        self._looks = False
        self._waited: set[str] = set()
        """Every line that somebody has stood in: as many as there are different wishes."""
        self.beside = Beside(lambda error: _log.error("an agent was not told", exc_info=error))
        crew.gone = self._gone
        crew.changed = self._look_soon
        crew.heard = self._heard

    def choose(self, tool: Tool, spec: Spec) -> Executor:  # noqa: ARG002 (another executor looks at the tool)
        """Who carries a call out: agents where the subtask requires capabilities, else this process."""
        return self if spec.capabilities else HERE

    async def close(self) -> None:
        """Tells agents what is still to be told, for a moment, and closes the connections."""
        await self.beside.finish(LAST_WORDS_SECONDS)
        await self.calls.close()

    # --- a place ------------------------------------------------------------------------------------------------------

    async def enter(self, work: Work) -> Place:
        """An agent for a call; raises ``Postponed`` where nobody is free."""
        claim, line = work.claim, line_of(work.spec.capabilities)
        if self._orphans.pop(claim.id, None) == claim.token:
            return self._sit(work, None)
        self._lines.arrived(claim.id)
        try:
            member = None if self._lines.must_wait(line, claim.id) else self.take(work)
            if member is None:
                raise self.nobody(work)
            return self._sit(work, member)
        finally:
            self._lines.through(line, claim.id)

    def take(self, work: Work) -> Member | None:
        """A free agent for a call, which has it from now on."""
        claim, spec = work.claim, work.spec
        return self.crew.take(spec.capabilities, work.tool.name, claim.task_id, claim.id, claim.token)

    def nobody(self, work: Work) -> Postponed:
        """It waits in line for an agent."""
        wanted = tuple(sorted(work.spec.capabilities))
        words = self.crew.why_not(wanted) or "others that need the same agents were first"
        line = line_of(wanted)

        async def room(_: int) -> tuple[int, float | None]:
            return self.crew.room(wanted), None

        self._waited.add(line)
        held = Held(line, CODE, words, self.clock.now() + LONGEST_WAIT_MS)
        self._lines.hold(work.claim.id, held, room)
        return Postponed(held, breaker=False)

    def _sit(self, work: Work, member: Member | None) -> Seat:
        seat = self.seats[work.claim.id] = Seat(self, work, member)
        return seat

    def _look_soon(self) -> None:
        """Somebody may be free: of all that say so in one pass of the event loop one look follows."""
        if self._waited and not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Who waits is called."""
        self._looks = False
        for line in self._waited:
            self._lines.look(line)

    # --- what agents say ----------------------------------------------------------------------------------------------

    def result(self, agent_id: str, result: Result) -> bool:
        """What came of a subtask; False when no attempt with that token waits for it here."""
        seat = self.seats.get(result.subtask_id)
        if seat is None or seat.token != result.token:
            return False
        if seat.member is not None and seat.agent_id != agent_id:
            raise Conflict(f"{result.subtask_id} is at {seat.agent_id}, not at {agent_id}: drop the result")
        seat.adopt(self.crew.members.get(agent_id), agent_id)
        return seat.ended(result)

    def _heard(self, member: Member) -> None:
        """An agent has said what it works on: what was waited for is found there, and what is not there is lost."""
        if member.running is None:
            return
        for running in member.running:
            seat = self.seats.get(running.subtask_id)
            if seat is not None and seat.token == running.token:
                seat.adopt(member, member.id)
                seat.alive()
        for id_ in list(member.held):
            seat = self.seats.get(id_)
            if seat is not None and Running(id_, seat.token) not in member.running:
                seat.missed()
        self._give_up()

    def _give_up(self) -> None:
        """What is waited for since a restart is lost once everybody who could have it has said that he has not."""
        for seat in [seat for seat in self.seats.values() if seat.member is None]:
            wanted = seat.work.spec.capabilities
            able = [one for one in self.crew.members.values() if fits(one.able, wanted)]
            if able and all(one.running is not None for one in able):
                seat.lost("no agent works on it since the engine was started again")

    def _gone(self, member: Member, why: str) -> None:
        for id_ in list(member.held):
            seat = self.seats.get(id_)
            if seat is not None and seat.member is member:
                seat.lost(f"the agent {member.id} is gone: {why}")
        member.held.clear()

    # --- after a restart ----------------------------------------------------------------------------------------------

    def may_have(self, claim: Claim, spec: Spec) -> bool:
        """Whether an agent may have a subtask since before a restart; then it is waited for."""
        wanted = spec.capabilities
        able = [one for one in self.crew.members.values() if fits(one.able, wanted)]
        if not wanted or spec.map is not None or not able:
            return False
        self._orphans[claim.id] = claim.token
        return True

    # --- telling agents -----------------------------------------------------------------------------------------------

    async def hand_over(self, member: Member, body: Json) -> bool:
        """Gives an agent a call; False when it does not take it, and then it gets nothing until its next heartbeat."""
        reply = await self.calls.execute(member.registration.url, body)
        if reply.answer in (Answer.ACCEPTED, Answer.UNKNOWN):
            if reply.answer is Answer.UNKNOWN:
                _log.warning("an agent gave no answer; it may work", agent_id=member.id, reason=reply.words)
            return True
        member.shut = reply.words or "it is busy"
        if reply.answer is not Answer.BUSY:
            _log.warning("an agent does not take work", agent_id=member.id, reason=reply.words)
        return False

    def tell_cancelled(self, member: Member, work: Work) -> None:
        """Tells an agent that nobody wants a call any more."""
        claim = work.claim
        body = {"task_id": claim.task_id, "subtask_id": claim.id, "token": claim.token}
        self.beside.start(self.calls.cancel(member.registration.url, body))


def line_of(required: Iterable[str]) -> str:
    """The line for agents with some capabilities."""
    return f"agents {' '.join(sorted(required))}"
