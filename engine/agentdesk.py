"""What agents ask of the engine, and what is asked about them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence

from engine.errors import Conflict, NotFound, NotYet
from engine.ledger import Ledger
from engine.limits.lines import Held
from engine.model import Json, Subtask, Value
from engine.plan.spec import Spec
from engine.ports import GraphReader
from engine.remote import choosing
from engine.remote.dispatcher import CODE, Dispatcher
from engine.remoteport import HEARTBEATS, Outcome, Registration, Result, Running
from engine.remotestore import StoredAgent, Vitals
from engine.scheduler import Scheduler
from engine.states import SubtaskStatus

REMEMBERED = 10_000
"""Results of which is known by heart that they are recorded."""
RECORD_SECONDS = 45.0
"""Longest wait until the graph has a result; whoever returned it then does so again."""
_SAME = {Outcome.COMPLETED: "completed", Outcome.FAILED: "failed", Outcome.INTERRUPTED: "interrupted"}


class Registered(Value, frozen=True):
    """What an agent is told when it has registered, in seconds."""

    agent_id: str
    heartbeat_seconds: float
    timeout_seconds: float


class Seen(Value, frozen=True):
    """An agent as it is at this moment. ``held`` are the subtasks that it has of this engine; ``own`` says that it is
    registered with this engine.
    """

    agent: StoredAgent
    is_available: bool
    held: tuple[str, ...]
    own: bool


class AgentDesk:
    """Answers for one engine.

    Args:
        graph: says what is recorded.
        ledger: what runs here.
        scheduler: records what comes back.
        dispatcher: hands subtasks out.
        takes: whether agents are asked for what subtasks of a type require.
    """

    def __init__(
        self,
        graph: GraphReader,
        ledger: Ledger,
        scheduler: Scheduler,
        dispatcher: Dispatcher,
        takes: Callable[[str], bool],
    ) -> None:
        self.takes = takes
        self._graph = graph
        self._ledger = ledger
        self._scheduler = scheduler
        self._dispatcher = dispatcher
        self._crew = dispatcher.crew
        self._recorded: OrderedDict[tuple[str, int], None] = OrderedDict()

    # --- what agents say ----------------------------------------------------------------------------------------------

    async def register(self, wanted: Registration) -> Registered:
        """An agent wants work; raises ``Conflict`` where there is another one of its id."""
        member = await self._crew.register(wanted)
        return Registered(member.id, self._crew.timeout / HEARTBEATS, self._crew.timeout)

    def beat(self, agent_id: str, vitals: Vitals, running: Collection[Running] | None) -> Registered:
        """An agent gives a sign of life; raises ``NotFound`` where it has to register first."""
        member = self._crew.beat(agent_id, vitals, running)
        return Registered(member.id, self._crew.timeout / HEARTBEATS, self._crew.timeout)

    async def leave(self, agent_id: str) -> None:
        """An agent signs off; raises ``NotFound``."""
        await self._crew.leave(agent_id)

    async def returned(self, agent_id: str, result: Result) -> None:
        """What came of a subtask at an agent; returns once the graph has it. A result that is recorded already is
        taken again without effect, so an agent may repeat it until it is told so.

        Raises:
            Conflict: the token is not the current one any more: nothing of it was taken, and nothing ever will be.
            NotFound: the agent is not registered.
            NotYet: it is to be sent again.
        """
        self._crew.member(agent_id)
        key = (result.subtask_id, result.token)
        if key in self._recorded:
            return
        if self._dispatcher.result(agent_id, result):
            await self._until_recorded(result)
            self._recorded[key] = None
            if len(self._recorded) > REMEMBERED:
                self._recorded.popitem(last=False)
        elif not await self._is_recorded(agent_id, result):
            raise Conflict(
                f"the token {result.token} of {result.subtask_id} is not the current one of a subtask that {agent_id} "
                "has: drop the result, the subtask was given to somebody else or is not wanted any more"
            )

    async def _until_recorded(self, result: Result) -> None:
        """Waits until the attempt has ended and the turn that records it is committed."""

        async def pending() -> bool:
            return self._ledger.settling(result.subtask_id)

        try:
            async with asyncio.timeout(RECORD_SECONDS):
                task = self._ledger.tasks.get(result.task_id)
                runner = task.running.get(result.subtask_id) if task else None
                if runner is not None:
                    await asyncio.wait({runner})
                while await self._scheduler.inside(pending):
                    continue
        except TimeoutError:
            raise NotYet("the graph has not taken the result yet: send it again") from None

    async def _is_recorded(self, agent_id: str, result: Result) -> bool:
        """Whether the graph has this very result; raises ``NotYet`` while that is open."""
        task = await self._graph.task(result.task_id)
        if task is None or result.subtask_id.partition(".")[0] != result.task_id:
            return False
        rows = await self._graph.outputs([result.subtask_id])
        found = await self._graph.subtask(result.task_id, rows[0].key) if rows else None
        if found is None:
            return False
        subtask, attempts, _ = found
        if subtask.token == result.token and subtask.status is SubtaskStatus.PROCESSING:
            raise NotYet("what becomes of this subtask is being settled: send the result again")
        ended = [attempt for attempt in attempts if attempt.token == result.token]
        return any(one.agent_id == agent_id and one.outcome == _SAME[result.status] for one in ended)

    # --- what is asked about them -------------------------------------------------------------------------------------

    async def seen(self, capability: str = "", *, available: bool = False) -> list[Seen]:
        """The agents of the namespace, by id; only those with a capability, only those that are free."""
        found = [self._as_seen(agent) for agent in await self._crew.everybody()]
        found = [one for one in found if not capability or capability in one.agent.capabilities]
        return [one for one in found if one.is_available or not available]

    async def one(self, agent_id: str) -> Seen:
        """One agent; raises ``NotFound``."""
        for agent in await self._crew.everybody():
            if agent.agent_id == agent_id:
                return self._as_seen(agent)
        raise NotFound(f"no agent {agent_id[:100]!r} is registered: GET /agents lists those there are")

    def _as_seen(self, agent: StoredAgent) -> Seen:
        member = self._crew.members.get(agent.agent_id)
        if member is None:
            return Seen(agent, agent.vitals.is_available, (), own=False)
        return Seen(agent, member.free > 0, tuple(member.held), own=True)

    def agent_of(self, subtask_id: str) -> str:
        """The agent at which a subtask runs at this moment; "" for none."""
        seat = self._dispatcher.seats.get(subtask_id)
        return "" if seat is None else seat.agent_id

    async def lacking(self, subtasks: Sequence[Subtask]) -> Mapping[str, str]:
        """Of some ready subtasks those that no agent can take, by id, with what is lacking in words."""
        agents = [member.fitness("", known=False) for member in self._crew.members.values()]
        ours = [subtask for subtask in subtasks if self.takes(subtask.type)]
        wants = {subtask.id: Spec.decode(subtask.spec).capabilities for subtask in ours}
        found = {id_: choosing.lacking(required, agents) for id_, required in wants.items() if required}
        return {id_: words for id_, words in found.items() if words}

    def waits(self, held: Callable[[str], Held | None]) -> Callable[[str], Held | None]:
        """What a subtask waits for, with why no agent takes it as that is now."""

        def now(id_: str) -> Held | None:
            found = held(id_)
            if found is None or found.code != CODE:
                return found
            words = self._crew.why_not(found.line.split(" ")[1:])
            return Held(found.line, CODE, words or found.words, found.until)

        return now

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics."""
        return dict(self._crew.snapshot())
