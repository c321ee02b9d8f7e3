"""What this engine can do: each type of subtask, what its tool says of itself, what runs, and what was learned of it.

One entry per type, put together from what each part knows; whatever else is to be told of a type joins here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from engine.errors import NotFound
from engine.estimates.learning import Learner
from engine.ledger import Ledger
from engine.limits.turnstile import Turnstile
from engine.model import Json
from engine.statistics import learned
from engine.toolhealth import ToolWatch
from engine.toolport import Tool
from engine.tools.registry import ToolRegistry


class Offer:
    """Reads what the parts know of each type at this moment."""

    def __init__(
        self,
        tools: ToolRegistry,
        ledger: Ledger,
        learner: Learner,
        watch: ToolWatch,
        turnstile: Turnstile,
        carried_by: Callable[[Tool], str],
    ) -> None:
        self._carried_by = carried_by
        self._turnstile = turnstile
        self._tools = tools
        self._ledger = ledger
        self._learner = learner
        self._watch = watch

    def reset(self, name: str, endpoint: str) -> dict[str, Json]:
        """Closes the breakers of a type, or that of one endpoint ("" for all), and lets what they held back go on.

        Raises:
            NotFound: when there is no such type.
        """
        if self._tools.get(name) is None:
            raise NotFound(f"no tool is called {name!r}: GET /tools lists those there are")
        self._turnstile.reset(name, endpoint)
        return self._entry(name, self._ledger.running_by_type, self._ledger.throttle.limits())

    def meet(self, tool: Tool) -> None:
        """A tool has come that was not there at the start."""
        self._ledger.throttle.meet(tool.name, tool.limits.parallel)
        self._watch.follow(tool.name)

    async def tools(self) -> list[dict[str, Json]]:
        """Every type by name. What other engines have learned may be a minute old."""
        await self._learner.refresh()
        running, limits = self._ledger.running_by_type, self._ledger.throttle.limits()
        return [self._entry(name, running, limits) for name in self._tools.names()]

    def _entry(self, name: str, running: Mapping[str, int], limits: Mapping[str, int]) -> dict[str, Json]:
        tool = self._tools.get(name)
        assert tool is not None
        schema = tool.schema()
        return {
            "name": name,
            "description": schema.get("description", ""),
            "version": tool.version,
            "deterministic": tool.deterministic,
            "idempotent": tool.idempotent,
            "expands": tool.grows,
            "risk": tool.risk,
            "untrusted": tool.untrusted,
            "refuses_tainted": tool.refuses_tainted,
            "resources": msgspec.to_builtins(tool.resources),
            "limits": msgspec.to_builtins(tool.limits),
            "executor": self._carried_by(tool),
            "literal": sorted(tool.literal),
            "input_schema": schema,
            "output_schema": tool.output_schema(),
            "health": self._watch.of(name),
            "running": running.get(name, 0),
            "limit": limits.get(name),
            "rate": self._turnstile.rate_of(tool),
            "breakers": [msgspec.to_builtins(shown) for shown in self._turnstile.breakers.shown(name)],
            "profile": learned(self._learner.of_kind(name)),
        }
