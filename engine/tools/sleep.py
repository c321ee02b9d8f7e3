"""``sleep``: waits on the event loop, so that thousands may sleep at once and a cancellation ends each at once."""

from __future__ import annotations

import asyncio

from pydantic import Field

from engine.model import Json
from engine.ports import RunContext
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
    model = SleepInput

    async def perform(self, value: SleepInput, context: RunContext) -> Json:  # noqa: ARG002
        """The wait."""
        await asyncio.sleep(value.seconds)
        return value.output if "output" in value.model_fields_set else {"slept": value.seconds}
