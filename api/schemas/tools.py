"""Types of subtasks, and the tools behind them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.schemas.base import Wire


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
    literal: list[str]
    """Fields of the input in which references are never resolved."""
    input_schema: dict[str, Any]
    """JSON Schema of the input; unknown fields are refused."""
    running: int
    """Attempts that run in this engine now."""
    limit: int | None
    """How many of them may run at once: TYPE_LIMITS, or less after a shortage; null for no limit of its own."""
    profile: ToolProfile | None
    """Null while nothing of it has run."""


class Tools(Wire):
    """What this engine can do."""

    tools: list[ToolView]
    """By name."""
