"""Agents in other processes."""

from __future__ import annotations

from pydantic import Field

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
