"""One tool of a server as a subtask type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Declared, Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.addresses import endpoint_of
from engine.tools.faults import Faults, closest
from engine.tools.json_schema import SchemaChecker, schema_checker
from engine.tools.mcp.answers import Lost
from engine.tools.mcp.link import Link
from engine.tools.mcp.sheets import Sheet

PREFIX = "mcp."
_OUTPUT: dict[str, Json] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "structured": {},
        "content": {"type": "array", "items": {"type": "object"}},
    },
}


class McpTool(Declared):
    """A tool of a server; its output is ``{"text", "structured", "content"}``.

    Args:
        link: the server.
        name: of the tool, as part of the type.
        sheet: what the server has said of it; None while it has said nothing, which claims the worst.
    """

    breaker = True

    def __init__(self, link: Link, name: str, sheet: Sheet | None) -> None:
        self.name = f"{PREFIX}{link.name}.{name}"
        self._link, self._short, self.sheet = link, name, sheet
        bounds = link.server.limits
        self.untrusted = link.server.untrusted
        self.limits = ToolLimits(bounds.parallel, bounds.per_minute, bounds.attempt_seconds, bounds.idle_seconds)
        self.risk: Risk = "dangerous" if sheet is None else sheet.risk
        self.idempotent = sheet is not None and sheet.idempotent
        self.version = "0" if sheet is None else sheet.version

    @property
    def remote(self) -> bool:
        """Whether its server is elsewhere: what it calls a path is no path of this machine."""
        return self._link.server.remote

    @property
    def description(self) -> str:
        """What the server says of it."""
        return f"A tool of the MCP server {self._link.name}" if self.sheet is None else self.sheet.description

    @cached_property
    def _checker(self) -> SchemaChecker | None:
        return None if self.sheet is None else schema_checker(self.sheet.input_schema)

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input, as the server has it."""
        known: Mapping[str, Json] = {"type": "object"} if self.sheet is None else self.sheet.input_schema
        return {**known, "title": self.name, "description": self.description}

    def output_schema(self) -> dict[str, Json]:
        """JSON Schema of the output."""
        if self.sheet is None or not self.sheet.output_schema:
            return _OUTPUT
        properties = _OUTPUT["properties"]
        assert isinstance(properties, dict)
        return {**_OUTPUT, "properties": {**properties, "structured": self.sheet.output_schema}}

    def check(self, value: Json) -> Faults:
        """Where an input does not fit the schema."""
        if not isinstance(value, dict):
            return [((), "must be an object")]
        return [] if self._checker is None else self._checker.faults(value)

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """Where the server listens; nowhere for a process of this machine."""
        return endpoint_of(self._link.server.url)

    async def known(self) -> McpTool:
        """The same once its server has said what it is. Raises ``ToolError``."""
        if self.sheet is not None:
            return self
        sheets = await self._link.sheets()
        if self._short not in sheets:
            raise ToolError(
                f"the MCP server {self._link.name} has no tool {self._short}{closest(self._short, sheets)}",
                category=Category.CONFIGURATION,
                suggestion="GET /tools lists those that it has.",
            )
        return McpTool(self._link, self._short, sheets[self._short])

    async def run(self, value: Json, context: RunContext) -> Json:
        """Calls it; raises ``ToolError``."""
        tool = await self.known()
        if faults := tool.check(value):
            listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults[:5])
            raise ToolError(f"the input does not fit {self.name}: {listed}", category=Category.CONFIGURATION)
        assert tool.sheet is not None
        assert isinstance(value, dict)
        try:
            return await self._link.call(tool.sheet, value, context.progress)
        except Lost as error:
            if not tool.idempotent:
                error.repeat = False
            raise
        except ToolError as error:
            if error.delay:
                context.limited(error.delay)
            raise

    async def health_check(self) -> ToolHealth:
        """How its server is."""
        return self._link.health(self._short)

    async def refresh_credentials(self) -> None:
        """Has the secrets of its server read anew."""
        self._link.renew()
