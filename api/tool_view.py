"""A type of subtask as it goes over the wire."""

from __future__ import annotations

from api import schemas
from engine.model import Json
from engine.times import iso, iso_or_none


def tool_view(entry: dict[str, Json]) -> schemas.ToolView:
    """One entry of ``Engine.offered``: its times become text."""
    breakers = [
        {**breaker, "opened_at": iso(breaker["opened_at"]), "until": iso(breaker["until"])}
        for breaker in entry["breakers"]
    ]
    health = entry["health"]
    asked = {name: iso_or_none(health[name]) for name in ("checked_at", "next_at")}
    return schemas.ToolView.model_validate({**entry, "breakers": breakers, "health": health | asked})
