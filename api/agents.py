"""What agents send, as models, and how agents are shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api import schemas
from api.verbs import VerbBody
from engine import remoteport
from engine.agentdesk import Registered, Seen
from engine.docstrings import described
from engine.plan.schema import Capability
from engine.pooldesk import MOST_WORKERS
from engine.remotestore import Vitals
from engine.times import iso

AGENT_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
LARGEST = 2**53
SUBTASK_ID = Annotated[str, Field(min_length=1, max_length=300)]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.username or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("should be an address such as http://127.0.0.1:8101, without user and query")
    return url.rstrip("/")


class AgentBody(BaseModel):
    """Base of what agents send: strict. Fields that are not known here are left out, so that agents may be newer."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", json_schema_extra=described)


class Registration(AgentBody):
    """An agent that wants work."""

    agent_id: str = Field(pattern=AGENT_ID)
    url: Annotated[str, Field(max_length=500), AfterValidator(_address)]
    """Where the engine reaches it."""
    capabilities: list[Capability] = Field(default_factory=list, max_length=100)
    """What it can do: it gets subtasks that require some of these."""
    slots: int = Field(1, ge=1, le=1000)
    """How many subtasks it runs at once."""
    version: str = Field("", max_length=100)

    def value(self) -> remoteport.Registration:
        """For the engine."""
        able = tuple(dict.fromkeys(self.capabilities))
        return remoteport.Registration(self.agent_id, self.url, able, self.slots, self.version)


class Scale(VerbBody):
    """How large a pool of workers is to be."""

    pool: str = Field("", max_length=200)
    """Its name, as ``GET /agents/pool`` has it; may be left out where there is only one."""
    workers: int = Field(ge=0, le=MOST_WORKERS)


class RunningItem(AgentBody):
    """A subtask that an agent works on, or whose result is not acknowledged yet."""

    subtask_id: SUBTASK_ID
    token: int = Field(ge=0, le=LARGEST)


class Beat(AgentBody):
    """A sign of life."""

    is_available: bool
    current_task: str | None = Field(None, max_length=300)
    cpu_usage: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Percent of one core."""
    memory_usage: float | None = Field(None, ge=0, allow_inf_nan=False)
    """MiB."""
    tasks_completed: int = Field(0, ge=0, le=LARGEST)
    running: list[RunningItem] | None = Field(None, max_length=1000)
    """Everything that it works on: what it should have and does not name is taken for lost at once. Leave it out where
    you do not know."""

    def vitals(self) -> Vitals:
        """What is kept of it."""
        return Vitals(self.is_available, self.current_task, self.cpu_usage, self.memory_usage, self.tasks_completed)

    def works_on(self) -> list[remoteport.Running] | None:
        """For the engine."""
        return None if self.running is None else [remoteport.Running(one.subtask_id, one.token) for one in self.running]


class FailureBody(AgentBody):
    """What a subtask failed with."""

    message: str = Field(max_length=10_000)
    category: Literal["transient", "configuration", "permission", "resource", "logic", "timeout", "cancelled"] = "logic"
    """Decides whether it is repeated."""
    suggestion: str = Field("", max_length=2_000)
    delay: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Seconds to wait before a repeat."""
    crashed: bool = False
    """The process that did the work has died."""


class UsageBody(AgentBody):
    """What it took."""

    memory_bytes: int | None = Field(None, ge=0, le=LARGEST)
    cpu_seconds: float | None = Field(None, ge=0, allow_inf_nan=False)


class LogBody(AgentBody):
    """A line that it has logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    message: str = Field(max_length=10_000)
    fields: dict[str, Any] = Field(default_factory=dict)


class ResultBody(AgentBody):
    """What came of a subtask."""

    task_id: str = Field(min_length=1, max_length=100)
    subtask_id: SUBTASK_ID
    token: int = Field(ge=0, le=LARGEST)
    """That of the subtask as it was handed over."""
    status: Literal["completed", "failed", "interrupted"]
    """``interrupted``: the agent had to stop; the engine decides whether it runs again."""
    output: Any = None
    """Of one that failed: what it had produced until then."""
    error: FailureBody | None = None
    usage: UsageBody = Field(default_factory=UsageBody)
    logs: list[LogBody] = Field(default_factory=list, max_length=1000)

    def value(self) -> remoteport.Result:
        """For the engine."""
        error = self.error
        return remoteport.Result(
            task_id=self.task_id,
            subtask_id=self.subtask_id,
            token=self.token,
            status=remoteport.Outcome(self.status),
            output=self.output,
            error=None if error is None else remoteport.Fault(**error.model_dump()),
            usage=remoteport.Usage(**self.usage.model_dump()),
            logs=tuple(remoteport.LogEntry(line.level, line.message, line.fields) for line in self.logs),
        )


def agent_view(seen: Seen) -> schemas.AgentView:
    """One agent."""
    agent, vitals = seen.agent, seen.agent.vitals
    return schemas.AgentView(
        agent_id=agent.agent_id,
        url=agent.url,
        port=urlsplit(agent.url).port,
        is_available=seen.is_available,
        current_task=seen.held[0] if seen.held else vitals.current_task,
        running=list(seen.held),
        slots=agent.slots,
        capabilities=list(agent.capabilities),
        cpu_usage=vitals.cpu_usage,
        memory_usage=vitals.memory_usage,
        tasks_completed=vitals.tasks_completed,
        version=agent.version,
        registered_at=iso(agent.registered_at),
        last_heartbeat=iso(agent.seen_at),
        engine=agent.engine,
    )


def registered_view(told: Registered) -> schemas.RegisteredAgent:
    """What an agent is told."""
    return schemas.RegisteredAgent(
        agent_id=told.agent_id, heartbeat_seconds=told.heartbeat_seconds, timeout_seconds=told.timeout_seconds
    )
