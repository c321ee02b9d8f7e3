"""How the engine stands."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.schemas.base import Wire


class Health(Wire):
    """How the engine is, for people."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"]
    graph: dict[str, Any]
    redis: dict[str, Any]
    engine: dict[str, Any]
    pressure: dict[str, Any] = Field(default_factory=dict)
    """What the machine is short of, and what is lowered for it."""


class Alive(Wire):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Wire):
    """The engine takes work."""

    status: Literal["ready"] = "ready"
