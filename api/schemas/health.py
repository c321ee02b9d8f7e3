"""How the engine stands."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from api.schemas.base import Wire


class Health(Wire):
    """How the engine is, for people."""

    model_config = ConfigDict(extra="allow")

    status: Literal["healthy", "degraded", "unhealthy"]
    graph: dict[str, Any]
    redis: dict[str, Any]
    engine: dict[str, Any]


class Alive(Wire):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Wire):
    """The engine takes work."""

    status: Literal["ready"] = "ready"
