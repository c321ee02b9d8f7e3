"""A server made with the library of the protocol: ``python mcp_good.py stdio`` or ``http PORT``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel

server = MCPServer("good")
LOG = Path(os.environ.get("MCP_LOG", os.devnull))


class Sum(BaseModel):
    """A sum, and how it was made."""

    total: int
    parts: list[int]


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(numbers: list[int]) -> Sum:
    """Adds numbers."""
    return Sum(total=sum(numbers), parts=numbers)


@server.tool(annotations=ToolAnnotations(destructive_hint=False))
def note(line: str) -> str:
    """Writes a line down."""
    with LOG.open("a") as log:
        log.write(line + "\n")
    return f"noted {line}"


@server.tool()
def environment() -> dict[str, str]:
    """What it was given."""
    return dict(os.environ) | {"cwd": os.getcwd()}


@server.tool()
def refuse(why: str) -> str:
    """Fails."""
    raise ValueError(why)


@server.tool()
async def grow(ctx: Context[Any, Any]) -> str:
    """Has one more tool from now on."""

    def grown() -> str:
        """Was not there before."""
        return "grown"

    server.add_tool(grown)
    server.remove_tool("grow")
    await ctx.notify_tools_changed()
    return "done"


@server.tool()
async def steps(count: int, ctx: Context[Any, Any]) -> int:
    """Tells of its progress."""
    for number in range(count):
        await ctx.report_progress(number, count)
    return count


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
