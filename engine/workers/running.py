"""One agent that a worker runs: its context, and its talk in Redis, which whoever takes it over goes on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from engine.adapters.agent_streams import AgentStreams, Hold
from engine.agentstore import Step, Talked
from engine.beside import Beside
from engine.model import Json
from engine.workers.events import Logged, Started, Stepped

_log = structlog.get_logger("worker")
_LEVELS = ("debug", "info", "warning", "error")


class WorkerContext:
    """What an agent may use in a worker; see ``engine.toolport.RunContext``.

    Nobody can have approved it: an engine runs those itself that a person has approved.
    """

    deadline = float("inf")
    approved = False
    reduction = 0

    def __init__(
        self, event: Started, worker: str, streams: AgentStreams, beside: Beside, covered: Callable[[str], str]
    ) -> None:
        self.task_id, self.subtask_id, self.key, self.token = event.task_id, event.subtask_id, event.key, event.token
        self._event_id, self._worker, self._streams, self._beside = event.event_id, worker, streams, beside
        self._covered = covered

    def log(self, level: str, message: str, **fields: Json) -> None:
        """Writes a line, and tells the engine of it, which keeps it with the task."""
        message = self._covered(message)
        fields = msgspec.json.decode(self._covered(msgspec.json.encode(fields).decode()))
        level = level if level in _LEVELS else "info"
        write: Callable[..., Any] = getattr(_log, level)
        write(message, task_id=self.task_id, subtask=self.key, attempt=self.token, worker=self._worker, **fields)
        told = Logged(self._event_id, level, message, fields, self._worker)
        self._beside.start(self._streams.tell(msgspec.json.encode(told).decode()))

    def covered(self, text: str, /) -> str:
        """The text with every secret covered that this process knows."""
        return self._covered(text)

    def progress(self) -> None:
        """Nothing: the engine hears of each step."""

    def measured(self, memory_bytes: int, cpu_seconds: float, /) -> None:
        """Nothing: what tools of agents take is not learned."""

    def limited(self, seconds: float, /) -> None:
        """Nothing: the error says how long to wait, and the engine waits."""


class RedisTalks:
    """The talks of one event in Redis: a port ``AgentStore``. Each step is told to the engine as well, for the graph.

    Args:
        streams: where they are kept.
        hold: of the worker that runs it: once another has it, nothing more is kept.
        worker: for the record.
    """

    def __init__(self, streams: AgentStreams, hold: Hold, worker: str) -> None:
        self._streams, self._hold, self._worker = streams, hold, worker

    async def put_agent_step(self, step: Step) -> bool:
        """Stores a step; False when somebody else has the subtask by now."""
        body = msgspec.json.encode(step).decode()
        told = msgspec.json.encode(Stepped(self._hold.event_id, step, self._worker)).decode()
        return await self._streams.put_step(self._hold, step.id, body, told)

    async def agent_usage(self, task_id: str) -> list[Talked]:  # noqa: ARG002
        """Nothing: agents that share a budget are run by their engine."""
        return []

    async def agent_steps(self, subtask_id: str, talk: str) -> list[Step]:
        """The steps of one talk, in the order of the turns."""
        found = [msgspec.json.decode(text, type=Step) for text in await self._streams.steps(subtask_id)]
        return sorted((step for step in found if step.talk == talk), key=lambda step: (step.turn, step.id))
