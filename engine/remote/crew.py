"""The agents of this engine: who is there, who is free, who is gone.

Heartbeats stay in memory. The graph has a node for each agent, written when it comes and when it goes; of all their
heartbeats together it is told once in half a minute, in one statement, so what they cost it does not grow with their
number. Whoever gives none for AGENT_TIMEOUT_SECONDS is gone, and what it had is lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection

import msgspec
import structlog

from engine.beside import Beside
from engine.errors import Conflict, EngineError, NotFound
from engine.ports import Alarm, Clock
from engine.remote import choosing
from engine.remote.choosing import Fitness
from engine.remote.member import Member, remembered
from engine.remoteport import HEARTBEATS, Places, Registration, Running
from engine.remotestore import RemoteStore, StoredAgent, Vitals

WRITE_SECONDS = 30.0
"""Between two writes of all heartbeats."""
MOST_TASKS = 10_000
"""Tasks of which is known who has worked for them."""
MOST_AGENTS = 5_000
_log = structlog.get_logger("agents")


class Crew:
    """The agents that are registered with one engine.

    Args:
        store: where they are kept.
        clock: times.
        engine: the id of this engine.
        timeout: seconds without a heartbeat after which an agent is gone.
    """

    def __init__(self, store: RemoteStore, clock: Clock, engine: Callable[[], str], timeout: float) -> None:
        self._store = store
        self._clock = clock
        self._engine = engine
        self.timeout = timeout
        self.members: dict[str, Member] = {}
        self._workers: OrderedDict[str, set[str]] = OrderedDict()
        self._alarm: Alarm | None = None
        self._written = 0.0
        self._beside = Beside(lambda error: _log.error("the agents are not written", exc_info=error))
        self.gone: Callable[[Member, str], None] = lambda _member, _why: None
        """Told of an agent that is gone, and why, while it still has what it had."""
        self.changed: Callable[[], None] = lambda: None
        """Told that an agent may be free that was not."""
        self.heard: Callable[[Member], None] = lambda _: None
        """Told of each heartbeat."""

    async def begin(self) -> None:
        """Takes the agents of this engine's earlier life up again; they need not register anew."""
        now = self._clock.monotonic()
        for stored in await self._store.remotes():
            if stored.engine == self._engine():
                self.members[stored.agent_id] = remembered(stored, now)
        self._arm()

    async def stop(self) -> None:
        """Writes what was heard last, if the graph answers."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        await self._beside.end()
        try:
            await self._write()
        except EngineError as error:
            _log.info("the last heartbeats are not written", reason=str(error))

    # --- who is there -----------------------------------------------------------------------------------------------

    async def register(self, wanted: Registration) -> Member:
        """An agent wants work; one that comes again from the same address goes on where it was.

        Raises:
            Conflict: another agent of that id is there, or there are too many.
        """
        id_, now = wanted.agent_id, self._clock.now()
        before = self.members.get(id_)
        if before is not None and before.registration.url != wanted.url:
            ago = self._clock.monotonic() - before.beaten
            raise Conflict(
                f"there is an agent {id_} already, at {before.registration.url}, last heard of {ago:.0f} s ago: give "
                f"this one another id, or wait until that one is gone, {self.timeout:g} s after its last heartbeat"
            )
        if before is None:
            await self._refuse_twin(wanted)
        member = before or Member(wanted, now, now, 0.0)
        member.enrol(wanted)
        member.seen_at, member.beaten = now, self._clock.monotonic()
        member.shut, member.vitals = "", msgspec.structs.replace(member.vitals, is_available=True)
        await self._store.put_remote(member.stored(self._engine()))
        self.members[id_] = member
        _log.info("agent registered", agent_id=id_, url=wanted.url, capabilities=list(wanted.capabilities))
        self._arm()
        self.changed()
        return member

    async def _refuse_twin(self, wanted: Registration) -> None:
        """Raises ``Conflict`` where another engine has an agent of that id, or there is no room for one more here."""
        if len(self.members) >= MOST_AGENTS:
            raise Conflict(f"{MOST_AGENTS:,} agents are registered here already: register with another engine")
        for other in await self.everybody():
            if other.agent_id == wanted.agent_id and other.url != wanted.url:
                raise Conflict(
                    f"there is an agent {wanted.agent_id} already, at {other.url}, registered with engine "
                    f"{other.engine}: give this one another id"
                )

    def beat(self, agent_id: str, vitals: Vitals, running: Collection[Running] | None) -> Member:
        """An agent gives a sign of life; raises ``NotFound`` for one that has to register first."""
        member = self.member(agent_id)
        member.vitals, member.seen_at, member.beaten = vitals, self._clock.now(), self._clock.monotonic()
        member.running = None if running is None else frozenset(running)
        member.shut, member.dirty = "", True
        self.heard(member)
        if member.free:
            self.changed()
        return member

    def member(self, agent_id: str) -> Member:
        """The agent of that id; raises ``NotFound``."""
        found = self.members.get(agent_id)
        if found is None:
            raise NotFound(f"no agent {agent_id[:100]!r} is registered here: register it with POST /agents")
        return found

    async def leave(self, agent_id: str, why: str = "it has signed off") -> None:
        """An agent goes; what it still has is lost. Raises ``NotFound``."""
        member = self.member(agent_id)
        del self.members[agent_id]
        _log.info("agent gone", agent_id=agent_id, reason=why, subtasks=len(member.held))
        self.gone(member, why)
        await self._store.drop_remote(agent_id, self._engine())

    async def everybody(self) -> list[StoredAgent]:
        """All agents of the namespace, by id: this engine's as they are now, those of others as the graph has them."""
        own = {id_: member.stored(self._engine()) for id_, member in self.members.items()}
        earliest = self._clock.now() - round(1000 * (self.timeout + WRITE_SECONDS))
        others = {
            agent.agent_id: agent
            for agent in await self._store.remotes()
            if agent.engine != self._engine() and agent.seen_at >= earliest
        }
        return [agent for _, agent in sorted((others | own).items())]

    # --- who gets what ----------------------------------------------------------------------------------------------

    def _able(self, required: Collection[str], type_: str, task_id: str) -> list[Fitness]:
        """The same of those that could begin now: of many agents most are busy, or can something else."""
        workers, wanted = self._workers.get(task_id, ()), frozenset(required)
        return [
            member.fitness(type_, id_ in workers)
            for id_, member in self.members.items()
            if wanted <= member.able and member.free
        ]

    def take(self, required: Collection[str], type_: str, task_id: str, id_: str, token: int) -> Member | None:
        """The agent that gets a subtask, which it has from now on; None where nobody can take it."""
        chosen = choosing.choose(required, self._able(required, type_, task_id))
        if chosen is None:
            return None
        member = self.members[chosen]
        self.give(member, task_id, id_, token)
        return member

    def give(self, member: Member, task_id: str, id_: str, token: int) -> None:
        """An agent has a subtask."""
        member.held[id_] = token
        member.used = self._clock.monotonic()
        self._workers.setdefault(task_id, set()).add(member.id)
        self._workers.move_to_end(task_id)
        if len(self._workers) > MOST_TASKS:
            self._workers.popitem(last=False)

    def give_back(self, member: Member, id_: str) -> None:
        """An agent has a subtask no more."""
        member.held.pop(id_, None)
        self.changed()

    def room(self, required: Collection[str]) -> int:
        """How many subtasks with such a wish could start now."""
        wanted = frozenset(required)
        return sum(member.free for member in self.members.values() if wanted <= member.able)

    def places(self, required: Collection[str]) -> Places:
        """What there is for whoever wishes that: slots, those that are taken, and why nobody takes it now."""
        able = [member for member in self.members.values() if choosing.fits(member.able, required)]
        slots, free = sum(member.registration.slots for member in able), sum(member.free for member in able)
        return Places(slots, slots - free, "" if free else self.why_not(required))

    def why_not(self, required: Collection[str]) -> str:
        """Why nobody takes it, in words; "" where somebody would."""
        agents = [member.fitness("", False) for member in self.members.values()]
        lacking = choosing.lacking(required, agents)
        return lacking or ("" if self.room(required) else choosing.busy(required, agents))

    def snapshot(self) -> dict[str, int]:
        """Plain numbers as of now, for metrics."""
        return {
            "agents": len(self.members),
            "agents_free": sum(1 for member in self.members.values() if member.free),
            "agents_running": sum(len(member.held) for member in self.members.values()),
        }

    # --- from time to time ------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._alarm is None and self.members:
            self._alarm = self._clock.call_later(self.timeout / HEARTBEATS, self._look)

    def _look(self) -> None:
        """Who is gone; and the heartbeats, when it is time to write them."""
        self._alarm = None
        now = self._clock.monotonic()
        late = [member for member in self.members.values() if now - member.beaten > self.timeout]
        for member in late:
            self._beside.start(self._miss(member.id))
        if now - self._written >= WRITE_SECONDS:
            self._written = now
            self._beside.start(self._write_quietly())
        self._arm()

    async def _miss(self, agent_id: str) -> None:
        try:
            await self.leave(agent_id, f"it gave no sign of life for {self.timeout:g} s")
        except NotFound:
            return
        except EngineError as error:  # what is still there is forgotten when it is listed
            _log.info("an agent that is gone stays in the graph", agent_id=agent_id, reason=str(error))

    async def _write_quietly(self) -> None:
        try:
            await self._write()
        except EngineError as error:
            _log.info("heartbeats wait for the graph", reason=str(error))

    async def _write(self) -> None:
        rows = [member.stored(self._engine()) for member in self.members.values() if member.dirty]
        for member in self.members.values():
            member.dirty = False
        if rows:
            await self._store.beat_remotes(rows)
