"""What the engine and an agent say to each other, as values, and the way to an agent as a Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from engine.model import Json, Value

AGENT = "agent:"
"""Begins the capability that an agent has by its name: what requires ``agent:ID`` goes to that one."""
HEARTBEATS = 6
"""Heartbeats that an agent is to give within the time after which it is taken for gone."""


class Registration(Value, frozen=True):
    """An agent that wants work: ``url`` is where the engine reaches it, ``slots`` how many it runs at once."""

    agent_id: str
    url: str
    capabilities: tuple[str, ...] = ()
    slots: int = 1
    version: str = ""


class Running(Value, frozen=True):
    """What an agent says that it works on, and has no acknowledged result of."""

    subtask_id: str
    token: int


class LogEntry(Value, frozen=True):
    """A line that a subtask has logged at an agent."""

    level: str
    message: str
    fields: Mapping[str, Json] = {}


class Fault(Value, frozen=True):
    """What a subtask failed with at an agent; see ``ToolError``."""

    message: str
    category: str = "logic"
    suggestion: str = ""
    delay: float | None = None
    crashed: bool = False


class Usage(Value, frozen=True):
    """What a subtask took at an agent, as far as it says."""

    memory_bytes: int | None = None
    cpu_seconds: float | None = None


class Outcome(StrEnum):
    """How a subtask ended at an agent."""

    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The agent had to stop before it ended."""


class Result(Value, frozen=True):
    """What came of a subtask at an agent. ``output`` of one that failed is what it had produced until then."""

    task_id: str
    subtask_id: str
    token: int
    status: Outcome
    output: Json = None
    error: Fault | None = None
    usage: Usage = Usage()
    logs: tuple[LogEntry, ...] = ()


class Places(Value, frozen=True):
    """What the agents that fit have: ``slots``, how many of these are ``taken``, and ``why`` none of them takes a
    subtask now, "" where one does.
    """

    slots: int = 0
    taken: int = 0
    why: str = "there are no agents"


class Answer(StrEnum):
    """What came of asking an agent to run something."""

    ACCEPTED = "accepted"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    """It was certainly not told."""
    REFUSED = "refused"
    """It answers something else than it should: another token, another program."""
    UNKNOWN = "unknown"
    """It may have been told: there was no answer."""


class Reply(msgspec.Struct, frozen=True):
    """An answer, and what was said, for people."""

    answer: Answer
    words: str = ""


class AgentCalls(Protocol):
    """The way from the engine to agents. Never raises but ``CancelledError``."""

    async def execute(self, url: str, body: Json) -> Reply:
        """Asks an agent to run a subtask."""

    async def cancel(self, url: str, body: Json) -> None:
        """Tells an agent that nobody wants a subtask any more. It may not know the word, and then its result comes."""

    async def close(self) -> None:
        """Closes the connections."""
