"""A worker: takes one event after the other, runs its agent, and tells how it ended, once.

What it has begun is never lost: an event stays in its stream until its result is told. While the worker lives it says
so; when it does not any more, another goes on from the last step. When it is stopped it ends its turn and hands back.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress

import structlog

from engine.adapters.agent_streams import EVENTS, AgentStreams, Entry, Hold, stream_of
from engine.adapters.redis import RedisUnavailable
from engine.agents.result import AgentResult
from engine.agents.runner import HandedBack
from engine.agents.tool import Agent
from engine.beside import Beside
from engine.errors import AgentExecutionError, Category, EngineError, Fenced, ToolError
from engine.workers.config import BEATS_PER_LEASE, WorkerConfig
from engine.workers.events import NoEvent, Started, completed, failed, read_started, refused
from engine.workers.running import RedisTalks, WorkerContext

MOST_TAKEN = 5
"""How many workers may die of one event before it is given up."""
_log = structlog.get_logger("worker")


class Worker:
    """One worker: one agent at a time.

    Args:
        name: unique; its place in the consumer group.
        config: of its pool.
        streams: of its own connection, on which it waits for work.
        agent: the type ``agent`` of this process.
        covered: covers secrets in a text.
    """

    def __init__(
        self, name: str, config: WorkerConfig, streams: AgentStreams, agent: Agent, covered: Callable[[str], str]
    ) -> None:
        self.name, self.config = name, config
        self.current: Started | None = None
        self.done = self.failed = 0
        self._streams, self._agent, self._covered = streams, agent, covered
        self._stopping = asyncio.Event()
        self._beside = Beside(lambda error: _log.debug("a line was not told", worker=name, error=str(error)))
        roles = config.roles or sorted(config.known)
        self._from = [*(stream_of(role) for role in roles), EVENTS]

    @property
    def stopping(self) -> bool:
        """Whether it takes nothing more."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Takes nothing more; what runs ends its turn and goes back. ``run`` returns then."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until it is stopped.

        Raises:
            RedisUnavailable: Redis does not answer. What it had begun stays in its stream.
        """
        try:
            while not self._stopping.is_set():
                found = await self._streams.next(self._from, self.name, round(1000 * self.config.lease))
                if isinstance(found, Entry):
                    await self._handle(found)
                else:
                    await self._idle(found)
        finally:
            await self._beside.end()
            with suppress(RedisUnavailable):
                await self._streams.tidy(self._from, self.name)

    async def _idle(self, after: list[bytes]) -> None:
        """Waits for something new, or to be stopped."""
        waits = asyncio.create_task(self._streams.wait(self._from, after))
        stops = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({waits, stops}, return_when=asyncio.FIRST_COMPLETED)
            if waits.done():
                waits.result()
        finally:
            for task in (waits, stops):
                task.cancel()
            await asyncio.gather(waits, stops, return_exceptions=True)

    async def _handle(self, entry: Entry) -> None:
        try:
            event = read_started(entry.text)
        except NoEvent as fault:
            _log.warning("an entry is no event", worker=self.name, entry=entry.id, reason=str(fault))
            await self._streams.refuse(entry, refused(fault, self.name))
            return
        if event.role in self.config.known and not self.config.serves(event.role):
            await self._streams.forward(entry, event.event_id, stream_of(event.role))
            return
        hold = Hold(entry, event.event_id, event.subtask_id, f"{self.name}/{uuid.uuid4().hex[:12]}")
        word, times = await self._streams.take(hold, event.token)
        if word != "taken":
            self._say("nothing to do", event, reason=word)
            return
        self.current = event
        try:
            await self._perform(event, hold, times)
        finally:
            self.current = None

    async def _perform(self, event: Started, hold: Hold, times: int) -> None:
        """Runs it and tells how it ended, unless it is somebody else's by then."""
        self._say("agent started", event, role=event.role, taken=times)
        running = asyncio.create_task(self._result(event, hold, times))
        beating = asyncio.create_task(self._beat(hold, running))
        grace = asyncio.create_task(self._grace(running))
        try:
            told = await running
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            told = None
        except Fenced:
            told = None
        finally:
            for task in (running, beating, grace):
                task.cancel()
            await asyncio.gather(running, beating, grace, return_exceptions=True)
        if told is None:
            await self._let_go(event, hold)
            return
        word = await self._streams.finish(hold, told[0])
        self.done, self.failed = self.done + told[1], self.failed + (not told[1])
        self._say("agent ended", event, told=word, well=told[1])

    async def _result(self, event: Started, hold: Hold, times: int) -> tuple[str, bool] | None:
        """What is to be told, and whether it went well; None when it goes back."""
        try:
            if times > MOST_TAKEN:
                raise AgentExecutionError(
                    f"{times - 1} workers in a row have died with it",
                    category=Category.RESOURCE,
                    suggestion="Look at the logs of the workers, and at the memory that its tools take.",
                )
            return completed(event, await self._work(event, hold), self.name), True
        except HandedBack:
            return None
        except ToolError as error:
            return failed(event, self._hidden(error), self.name), False
        except (RedisUnavailable, Fenced):
            raise
        except EngineError as error:
            return failed(event, AgentExecutionError(str(error), category=Category.CONFIGURATION), self.name), False
        except Exception as error:  # a bug of ours or of a tool's must not take the worker with it
            _log.error("an agent raised", worker=self.name, task_id=event.task_id, exc_info=error)
            return failed(event, AgentExecutionError(f"the worker failed ({type(error).__name__})"), self.name), False

    async def _work(self, event: Started, hold: Hold) -> AgentResult:
        value = event.input()
        if faults := self._agent.check(value):
            listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults[:5])
            raise AgentExecutionError(
                f"the event does not fit: {listed}",
                category=Category.CONFIGURATION,
                suggestion="Correct role, prompt, context, output_schema or budget.",
            )
        context = WorkerContext(event, self.name, self._streams, self._beside, self._covered)
        talks = RedisTalks(self._streams, hold, self.name)
        return await self._agent.work(self._agent.read(value), context, talks, self._stopping.is_set)

    def _hidden(self, error: ToolError) -> ToolError:
        """An error without secrets in its words; those in its output are covered where they came in."""
        error.args = (self._covered(str(error)),)
        error.suggestion = self._covered(error.suggestion)
        return error

    async def _beat(self, hold: Hold, running: asyncio.Task[tuple[str, bool] | None]) -> None:
        """Says that it lives, and ends what runs once it is not its own any more.

        A client of Redis may swallow a cancellation that comes just as its answer does: so it looks for itself.
        """
        while not running.done():
            await asyncio.sleep(min(1.0, self.config.lease / BEATS_PER_LEASE))
            with suppress(RedisUnavailable):
                if not await self._streams.renew(hold, self.name):
                    running.cancel()
                    return

    async def _grace(self, running: asyncio.Task[tuple[str, bool] | None]) -> None:
        """Once it is to stop, a turn has this long to end; then it is cut off, and its steps are safe."""
        await self._stopping.wait()
        await asyncio.sleep(self.config.grace)
        while not running.done():
            running.cancel()
            await asyncio.sleep(0.1)

    async def _let_go(self, event: Started, hold: Hold) -> None:
        if self._stopping.is_set() and await self._streams.hand_back(hold):
            self._say("agent handed back", event)
            return
        word = await self._streams.finish(hold, "")
        self._say("agent is another's by now", event, reason=word)

    def _say(self, message: str, event: Started, **fields: object) -> None:
        place = {"task_id": event.task_id, "subtask": event.key, "event_id": event.event_id}
        _log.info(message, worker=self.name, **place, **fields)
