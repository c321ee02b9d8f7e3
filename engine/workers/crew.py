"""The engine's side of workers: sends an agent as an event, and waits for its result by the token of its attempt.

What comes back for an attempt that is not waited for any more is passed over. An event that Redis has lost is sent
again, and the steps that its workers tell are put into the graph, so that Redis holds nothing that cannot be lost.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import NamedTuple

import msgspec
import structlog

from engine.adapters.agent_streams import PROGRESS, RESULTS, AgentStreams
from engine.adapters.redis import RedisConnection, RedisUnavailable
from engine.agents.result import AgentResult
from engine.agents.tool import AgentInput, name_of
from engine.agentstore import AgentStore
from engine.errors import AgentExecutionError, Category, EngineError
from engine.model import Json
from engine.toolport import RunContext
from engine.workers.events import Logged, Started, Stepped, Told, read_progress, read_told

LOOK_SECONDS = 5.0
"""How often it looks whether an event is still there, and whether its result was missed."""
AWAY_SECONDS = 1.0
WITHDRAW_SECONDS = 2.0
WANTED_SECONDS = 60
"""How long it lies there for a pool how large it should be: one that does not look in that time is gone."""
_log = structlog.get_logger("crew")


class Waiting(NamedTuple):
    """An event whose result is waited for."""

    event: Started
    text: str
    talk: str
    context: RunContext
    told: asyncio.Future[Told]


class Crew:
    """The workers behind one Redis, as an engine sees them.

    Args:
        connection: to Redis; opened by whoever made it.
        listening: another one to the same Redis, on which it waits; opened and closed here.
        graph: keeps the steps that workers tell.
        keep_seconds: how long Redis remembers an event.
    """

    def __init__(
        self, connection: RedisConnection, listening: RedisConnection, graph: AgentStore, keep_seconds: int
    ) -> None:
        self._streams = AgentStreams(connection, keep_seconds)
        self._listening, self._heard = listening, AgentStreams(listening, keep_seconds)
        self._graph = graph
        self._waiting: dict[str, Waiting] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._beginning = asyncio.Lock()
        self._after: dict[str, bytes] = {}

    async def run(self, value: AgentInput, context: RunContext) -> AgentResult:
        """The result that a worker tells.

        Raises:
            ToolError: what the worker told, or that Redis is away (transient).
        """
        event = _event(value, context)
        waiting = Waiting(
            event, msgspec.json.encode(event).decode(), name_of(value, context), context, asyncio.Future()
        )
        try:
            await self._begin()
            self._waiting[event.event_id] = waiting
            await self._send(waiting)
            told = await waiting.told
        except RedisUnavailable as error:
            raise AgentExecutionError(str(error), category=Category.TRANSIENT) from None
        except asyncio.CancelledError:
            await self._withdraw(event)
            raise
        finally:
            self._waiting.pop(event.event_id, None)
        if told.error is not None:
            raise told.error.error()
        if told.result is None:
            raise AgentExecutionError("a worker told neither a result nor an error")
        return told.result

    async def pools(self) -> list[Json]:
        """How every pool is; raises ``RedisUnavailable``."""
        return [msgspec.json.decode(text) for text in await self._streams.pools()]

    async def scale(self, pool: str, workers: int) -> None:
        """Leaves it for a pool how many workers it should have; raises ``RedisUnavailable``."""
        await self._streams.want(pool, workers, WANTED_SECONDS)

    async def close(self) -> None:
        """Waits for nothing any more."""
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._listening.close()

    async def _begin(self) -> None:
        """Begins to listen, before the first event is sent."""
        async with self._beginning:
            if self._loops:
                return
            await self._listening.open()
            for stream in (PROGRESS, RESULTS):  # so that the last steps are in the graph before the result
                self._after[stream] = await self._streams.last(stream)
            self._loops = [asyncio.create_task(self._listen()), asyncio.create_task(self._look_after())]

    async def _listen(self) -> None:
        away = False
        while True:
            try:
                for stream, id_, text in await self._heard.told(self._after):
                    self._after[stream] = id_
                    await self._hear(stream, text)
                away = False
            except RedisUnavailable as error:
                if not away:
                    _log.warning("no word of the workers", reason=str(error))
                away = True
                await asyncio.sleep(AWAY_SECONDS)
            except Exception as error:  # whoever waits must not wait for ever
                _log.error("what a worker has told is passed over", exc_info=error)
                await asyncio.sleep(AWAY_SECONDS)

    async def _hear(self, stream: str, text: bytes) -> None:
        if stream == RESULTS:
            told = read_told(text)
            if told is not None:
                self._settle(told)
            return
        found = read_progress(text)
        waiting = None if found is None else self._waiting.get(found.event_id)
        if isinstance(found, Logged) and waiting is not None:
            waiting.context.log(found.level, found.message, **(found.fields | {"worker": found.worker}))
        elif isinstance(found, Stepped) and waiting is not None and _belongs(found, waiting.event):
            waiting.context.progress()
            try:
                await self._graph.put_agent_step(found.step)
            except EngineError as error:  # Redis has it too; only a loss of both would cost it
                _log.warning("a step of an agent is not in the graph", reason=str(error))

    def _settle(self, told: Told) -> None:
        """Hands a result to whoever waits for it: the attempt with this token, and nobody else."""
        waiting = self._waiting.get(told.event_id)
        if waiting is None or waiting.told.done():
            return
        if (told.subtask_id, told.token) == (waiting.event.subtask_id, waiting.event.token):
            waiting.told.set_result(told)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for waiting in list(self._waiting.values()):
                try:
                    await self._look(waiting)
                except EngineError:  # Redis or the graph is away; it looks again
                    break

    async def _send(self, waiting: Waiting) -> None:
        """Sends an event, with the steps that the graph has of its talk: Redis may have lost its own."""
        steps = await self._graph.agent_steps(waiting.event.subtask_id, waiting.talk)
        kept = {step.id: msgspec.json.encode(step).decode() for step in steps}
        await self._streams.keep_steps(waiting.event.subtask_id, kept)
        await self._streams.send(waiting.event.event_id, waiting.text)

    async def _look(self, waiting: Waiting) -> None:
        """Sends an event again that is not there any more, and takes a result that was missed."""
        word, text = await self._streams.look(waiting.event.event_id)
        if word == "gone":
            _log.warning("Redis has lost an event; it is sent again", event_id=waiting.event.event_id)
            await self._send(waiting)
        elif word == "result" and not waiting.told.done():
            if (told := read_told(text)) is not None:
                self._settle(told)
                return
            why = "its result came while Redis was away, too long ago"
            waiting.told.set_exception(AgentExecutionError(why, category=Category.TRANSIENT))

    async def _withdraw(self, event: Started) -> None:
        try:
            async with asyncio.timeout(WITHDRAW_SECONDS):
                await self._streams.withdraw(event.event_id, event.subtask_id)
        except (RedisUnavailable, TimeoutError):
            _log.warning("an agent goes on although nobody waits for it", event_id=event.event_id)


def _event(value: AgentInput, context: RunContext) -> Started:
    """The event of an attempt, secrets covered: the model never sees one either."""
    given = value.model_dump(mode="json", exclude={"run_by"}, exclude_none=True)
    given = msgspec.json.decode(context.covered(msgspec.json.encode(given).decode()))
    return Started(
        event_id=f"{context.subtask_id}-{context.token}-{uuid.uuid4().hex[:8]}",
        task_id=context.task_id,
        subtask_id=context.subtask_id,
        key=context.key,
        token=context.token,
        **given,
    )


def _belongs(found: Stepped, event: Started) -> bool:
    step = found.step
    return (step.task_id, step.subtask_id, step.token) == (event.task_id, event.subtask_id, event.token)
