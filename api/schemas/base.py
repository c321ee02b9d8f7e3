"""What all wire models have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.docstrings import described

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T10:15:30.123Z"])]


class Wire(BaseModel):
    """Base of all wire models: frozen, strict, and without fields that are not declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", json_schema_extra=described, defer_build=True)


class Fault(Wire):
    """What went wrong."""

    category: str | None = Field(examples=["configuration"])
    message: str
    suggestion: str | None
    """What to do about it."""
