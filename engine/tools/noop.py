"""``noop``: returns its input. Thousands run per second, so nothing here looks at the value."""

from __future__ import annotations

from engine.model import Json
from engine.toolport import Declared, Risk, RunContext
from engine.tools.faults import Faults


class Noop(Declared):
    """Takes anything and returns it unchanged."""

    name = "noop"
    deterministic = True
    idempotent = True
    risk: Risk = "read"

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input: anything."""
        return {"title": "noop", "description": "Anything; it is returned unchanged."}

    def check(self, value: Json) -> Faults:  # noqa: ARG002
        """No input has a fault."""
        return []

    async def run(self, value: Json, context: RunContext) -> Json:  # noqa: ARG002
        """The input."""
        return value

    def cacheable(self, value: Json) -> bool:  # noqa: ARG002
        """Never by itself: to look it up would cost more than to run it."""
        return False
