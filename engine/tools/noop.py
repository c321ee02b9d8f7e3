"""``noop``: returns its input. Thousands run per second, so nothing here looks at the value."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import Json
from engine.ports import RunContext
from engine.tools.faults import Faults


class Noop:
    """Takes anything and returns it unchanged."""

    name = "noop"
    version = "1"
    deterministic = True
    idempotent = True
    grows = False
    literal: frozenset[str] = frozenset()

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input: anything."""
        return {"title": "noop", "description": "Anything; it is returned unchanged."}

    def check(self, value: Json) -> Faults:  # noqa: ARG002
        """No input has a fault."""
        return []

    async def run(self, value: Json, context: RunContext) -> Json:  # noqa: ARG002
        """The input."""
        return value

    def repeatable(self, value: Json) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def cacheable(self, value: Json) -> bool:  # noqa: ARG002
        """Never by itself: to look it up would cost more than to run it."""
        return False

    def environment(self, value: Json) -> Mapping[str, str]:  # noqa: ARG002
        """Nothing."""
        return {}

    async def refresh_credentials(self) -> None:
        """It has none."""

    async def close(self) -> None:
        """Nothing to let go of."""
