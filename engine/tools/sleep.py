"""``sleep``: waits on the event loop, so that thousands may sleep at once and a cancellation ends each at once."""

from __future__ import annotations

import asyncio

from pydantic import Field

from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.base import Input, ModelTool


class SleepInput(Input):
    """How long to wait and what to return."""

    seconds: float = Field(ge=0, le=31_536_000)
    """Seconds to wait, a year at most."""
    output: Json = None
    """Returned instead of ``{"slept": seconds}`` when given."""


class Sleep(ModelTool[SleepInput]):
    """Waits, then returns ``output`` or ``{"slept": seconds}``."""

    name = "sleep"
    idempotent = True
    risk: Risk = "read"
    model = SleepInput

    def estimate_duration(self, value: Json) -> float | None:
        """What it says, unless that is a reference still."""
        seconds = value.get("seconds") if isinstance(value, dict) else None
        return float(seconds) if isinstance(seconds, (int, float)) else None

    async def perform(self, value: SleepInput, context: RunContext) -> Json:  # noqa: ARG002
        """The wait."""
        await asyncio.sleep(value.seconds)
        return value.output if "output" in value.model_fields_set else {"slept": value.seconds}
