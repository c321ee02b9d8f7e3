"""What engine and workers tell each other, as JSON: one event starts an agent, one says how it ended. Pure."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from engine.agents.result import AgentResult
from engine.agentstore import Step
from engine.errors import (
    AgentExecutionError,
    Category,
    ContextLoadError,
    ExecutionTimeoutError,
    RateLimitError,
    ToolError,
    ToolExecutionError,
)
from engine.language import Usage
from engine.model import Json, Value

MOST_BYTES = 4 * 1024 * 1024
"""A larger event is refused: what is that large belongs into a file, named by ``context_path``."""
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_KINDS: dict[str, type[ToolError]] = {
    kind.__name__: kind for kind in (AgentExecutionError, ContextLoadError, ExecutionTimeoutError, RateLimitError)
}


class Started(Value, frozen=True, omit_defaults=True, tag="AGENT_STARTED", tag_field="type"):
    """An agent is to be run. ``token`` is that of the attempt: a higher one replaces a lower one of its subtask."""

    event_id: str
    task_id: str
    subtask_id: str
    role: str
    prompt: str
    key: str = "agent"
    token: int = 0
    context: dict[str, Json] | None = None
    context_path: str | None = None
    output_schema: dict[str, Json] | None = None
    budget: dict[str, Json] | None = None

    def input(self) -> dict[str, Json]:
        """The input of the type ``agent``."""
        names = ("role", "prompt", "context", "context_path", "output_schema", "budget")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Failure(Value, frozen=True):
    """Why an agent ended without a result; ``output`` is what it had done until then."""

    category: str
    message: str
    suggestion: str = ""
    kind: str = "AgentExecutionError"
    repeat: bool | None = None
    delay: float | None = None
    output: Json = None

    def error(self) -> ToolError:
        """As the error that it was."""
        found = _KINDS.get(self.kind, AgentExecutionError)(
            self.message,
            category=Category(self.category) if self.category in set(Category) else Category.LOGIC,
            suggestion=self.suggestion,
            delay=self.delay,
            output=self.output,
        )
        found.repeat = self.repeat
        return found


class Told(Value, frozen=True, omit_defaults=True):
    """How an agent ended: ``result`` of a completed one, else ``error``."""

    event_id: str
    type: Literal["AGENT_COMPLETED", "AGENT_FAILED"]
    task_id: str = ""
    subtask_id: str = ""
    key: str = ""
    token: int = 0
    result: AgentResult | None = None
    error: Failure | None = None
    usage: Usage | None = None
    worker: str = ""


class Stepped(Value, frozen=True, tag="AGENT_STEP", tag_field="type"):
    """A step of a talk, as the graph will have it."""

    event_id: str
    step: Step
    worker: str = ""


class Logged(Value, frozen=True, tag="AGENT_LOG", tag_field="type", omit_defaults=True):
    """What an agent logs."""

    event_id: str
    level: str
    message: str
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    worker: str = ""


class NoEvent(ValueError):
    """An entry of the stream is no event that can be run; ``event_id`` is its own, where that can be read."""

    def __init__(self, why: str, event_id: str = "") -> None:
        super().__init__(why)
        self.event_id = event_id


def read_started(text: str) -> Started:
    """The event in an entry; raises ``NoEvent``, which says what is wrong with it."""
    if len(text) > MOST_BYTES:
        raise NoEvent(f"it has {len(text):,} characters, and {MOST_BYTES:,} are the most: put the context into a file")
    try:
        event = msgspec.json.decode(text, type=Started)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        why = f"it is no JSON object of the type AGENT_STARTED: {error}" if text else "it has no field called event"
        raise NoEvent(why, _event_id(text)) from None
    for name in ("event_id", "task_id", "subtask_id"):
        if not _SAFE.fullmatch(getattr(event, name)):
            where = event.event_id if name != "event_id" else ""
            raise NoEvent(f"its {name} should be 1 to 200 letters, digits, _ - and ., and not begin with a dot", where)
    return event


def completed(event: Started, result: AgentResult, worker: str) -> str:
    """The event of a result, as JSON text."""
    return _text(
        Told(
            event.event_id,
            "AGENT_COMPLETED",
            event.task_id,
            event.subtask_id,
            event.key,
            event.token,
            result=result,
            usage=result.usage,
            worker=worker,
        )
    )


def failed(event: Started, error: ToolError, worker: str) -> str:
    """The event of a failure, as JSON text; what was used until then stands beside it."""
    found = failure_of(error)
    used = found.output.get("usage") if isinstance(found.output, dict) else None
    usage = msgspec.convert(used, Usage) if isinstance(used, dict) else None
    return _text(
        Told(
            event.event_id,
            "AGENT_FAILED",
            event.task_id,
            event.subtask_id,
            event.key,
            event.token,
            error=found,
            usage=usage,
            worker=worker,
        )
    )


def refused(fault: NoEvent, worker: str) -> str:
    """What is told of an entry that is no event, as JSON text."""
    found = Failure(Category.CONFIGURATION.value, f"an entry of agent:events is no event: {fault}", "Correct it.")
    return _text(Told(fault.event_id, "AGENT_FAILED", error=found, worker=worker))


def failure_of(error: ToolError) -> Failure:
    """An error, so that the other side can make it again."""
    kind = type(error).__name__ if not isinstance(error, ToolExecutionError) else "AgentExecutionError"
    output = msgspec.to_builtins(error.output)
    return Failure(error.category.value, str(error), error.suggestion, kind, error.repeat, error.delay, output)


def read_told(text: str | bytes) -> Told | None:
    """What a worker has told; None for what is nothing of the kind."""
    try:
        return msgspec.json.decode(text, type=Told)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def read_progress(text: str | bytes) -> Stepped | Logged | None:
    """What a worker has told of an agent that runs; None for what is nothing of the kind."""
    try:
        return msgspec.json.decode(text, type=Stepped | Logged)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _text(told: Told) -> str:
    return msgspec.json.encode(told).decode()


def _event_id(text: str) -> str:
    """The id of what is no event for another reason."""

    class Named(msgspec.Struct):
        event_id: str = ""

    try:
        return msgspec.json.decode(text, type=Named).event_id[:200]
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""
