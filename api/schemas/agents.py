"""Agents in other processes."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from api.schemas.base import Time, Wire


class AgentView(Wire):
    """An agent."""

    agent_id: str
    url: str
    port: int | None
    """Of its address."""
    is_available: bool
    """Whether it would take a subtask now."""
    current_task: str | None
    """What it works on: the id of a subtask of this engine, else what it says itself."""
    running: list[str]
    """Every subtask of this engine that it has, by id."""
    slots: int
    """How many it runs at once."""
    capabilities: list[str]
    cpu_usage: float | None
    """Percent of one core; null where it does not say."""
    memory_usage: float | None
    """MiB; null where it does not say."""
    tasks_completed: int
    """Since its process began."""
    version: str
    registered_at: Time
    last_heartbeat: Time
    engine: str
    """The engine that it is registered with; only that one gives it work."""


class Agents(Wire):
    """The agents of the namespace, by id."""

    agents: list[AgentView]


class AvailableAgents(Wire):
    """Those that would take a subtask now."""

    available_agents: list[AgentView]


class PoolWorker(Wire):
    """A worker of a pool."""

    model_config = ConfigDict(extra="allow")

    worker: str
    state: str
    """idle, working, stopping or restarting."""
    current: dict[str, Any] | None = None
    """What it works on: task_id, subtask, role."""
    trouble: str = ""
    """Why it is started again."""


class PoolView(Wire):
    """A pool of workers, as it said of itself within the last seconds."""

    model_config = ConfigDict(extra="allow")

    pool: str
    status: str
    """healthy, or degraded while a worker is down."""
    roles: list[str]
    """Whom it runs; ``*`` for all."""
    wanted: int
    """How many workers it should have."""
    busy: int
    done: int
    failed: int
    restarts: int
    workers: list[PoolWorker]
    """Those that are there, the leaving ones as well."""


class Pools(Wire):
    """The pools of workers behind the engine's Redis, by name."""

    pools: list[PoolView]


class PoolScaled(Wire):
    """A pool has been told."""

    pool: str
    workers: int
    """How many it will have, within about a second; those that go end their turn first."""
    before: int


class RegisteredAgent(Wire):
    """What an agent is told."""

    agent_id: str
    heartbeat_seconds: float = Field(examples=[10.0])
    """How often it is to give a sign of life."""
    timeout_seconds: float = Field(examples=[60.0])
    """Without one for so long it is gone, and what it had is lost."""


class TakenResult(Wire):
    """The result is recorded."""

    subtask_id: str
    token: int
