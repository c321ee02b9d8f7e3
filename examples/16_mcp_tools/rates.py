"""A server of the Model Context Protocol, as anybody may write one: what an amount is in another currency."""

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

RATES = {"EUR": 1.0, "CHF": 0.94, "JPY": 160.0}
server = MCPServer("rates", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def convert(amount: float, to: str) -> dict[str, float]:
    """Converts euros into another currency."""
    return {"amount": round(amount * RATES[to], 2)}


server.run("stdio")
