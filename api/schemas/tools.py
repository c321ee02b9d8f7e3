"""Types of subtasks, and the tools behind them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas.base import Time, Wire


class ToolProfile(Wire):
    """What was learned about a type in its present version, by all engines. Durations are seconds; null without one."""

    count: int
    """Attempts that succeeded: what the durations rest on."""
    p10: float | None
    median: float | None
    p90: float | None
    attempts: int
    failures: int
    failure_rate: float | None
    cost: float
    """US dollars, in all."""
    regressed: bool
    """Whether its recent median is above its earlier P90."""


class ToolResources(Wire):
    """What one run takes at most; null where the tool sets no bound."""

    memory_mb: int | None
    """MiB of one process."""
    cpu_seconds: float | None
    """Processor time of one process."""
    output_bytes: int | None


class ToolBounds(Wire):
    """The bounds that a tool sets itself; null where it sets none."""

    parallel: int | None
    """Attempts at once in one engine; TYPE_LIMITS goes before it."""
    per_minute: float | None
    """Attempts that begin in a minute."""
    attempt_seconds: float | None
    """Longest attempt."""
    idle_seconds: float | None
    """Longest time without a sign of life."""


class ToolCondition(Wire):
    """How a tool was when it was last asked; it is asked now and then, never before a run."""

    ok: bool | None
    """Null while it has not been asked."""
    detail: str
    suggestion: str
    """What to do about it."""
    checked_at: Time | None
    next_at: Time | None


class BreakerView(Wire):
    """A breaker that is not closed: what it guards is not called, or by one call only."""

    key: str = Field(examples=["http_request@api.example.com"])
    tool: str
    endpoint: str
    """What the tool talks to; empty where the whole type is meant."""
    state: Literal["open", "half_open"]
    """``half_open``: one call may try it now."""
    reason: str
    """What opened it."""
    opened_at: Time
    until: Time
    """When one call may try it."""


class ToolView(Wire):
    """A type that a subtask may have."""

    name: str = Field(examples=["http_request"])
    description: str
    version: str
    """Counts up when equal input may give another output than before."""
    deterministic: bool
    """Equal input gives equal output: it may be cached."""
    idempotent: bool
    """Running it twice does no more than running it once: it is repeated after a crash."""
    expands: bool
    """It may add subtasks to its task while it runs."""
    risk: Literal["read", "write", "dangerous"]
    """What it can do to the world at worst: look, change something of its own kind, anything."""
    untrusted: bool
    """Its output may come from outside: the web, mail, a model."""
    refuses_tainted: bool
    """What came from outside must not reach it unless a person has looked."""
    resources: ToolResources
    """The most that one run takes, unless its subtask says otherwise."""
    limits: ToolBounds
    """How hard it may be driven, unless its subtask or a setting says otherwise."""
    executor: Literal["asyncio", "threads", "processes", "ray"]
    """Where it runs here: TYPE_EXECUTORS, or what the tool says, or EXECUTOR."""
    literal: list[str]
    """Fields of the input in which references are never resolved."""
    input_schema: dict[str, Any]
    """JSON Schema of the input; unknown fields are refused."""
    output_schema: dict[str, Any]
    """JSON Schema of the output; empty where that may be any value."""
    health: ToolCondition
    running: int
    """Attempts that run in this engine now."""
    limit: int | None
    """How many of them may run at once: TYPE_LIMITS, or less after a shortage; null for no limit of its own."""
    rate: str | None
    """How often it may be called, such as ``10/minute``: RATE_LIMITS, or what the tool says; null for any number."""
    breakers: list[BreakerView]
    """Those of its breakers that are not closed; while nothing is broken there are none."""
    profile: ToolProfile | None
    """Null while nothing of it has run."""


class Tools(Wire):
    """What this engine can do."""

    tools: list[ToolView]
    """By name."""
