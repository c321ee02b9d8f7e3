"""Clients of the Model Context Protocol, from the library's own package, and how their answers are read."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

from tests.support.serving import PROGRAM, ROOT

OURS = (sys.executable, "-c", PROGRAM, "mcp")


@asynccontextmanager
async def over_http(url: str) -> AsyncIterator[Client]:
    """A client of a server's ``/mcp``."""
    async with Client(url) as client:
        yield client


@asynccontextmanager
async def over_stdio(
    environment: Mapping[str, str], folder: Path, *options: str, program: Sequence[str] = OURS
) -> AsyncIterator[Client]:
    """A client that has started ``agent03 mcp`` itself, or another ``program`` with these options."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command, *arguments = program
    started = StdioServerParameters(
        command=command,
        args=[*arguments, *options],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
    )
    with (folder / "mcp.log").open("a") as log:
        async with Client(stdio_client(started, errlog=log)) as client:
            yield client


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers; a refusal fails the test."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, said(result)
    return cast(dict[str, Any], result.structured_content)


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """Why a tool refuses; an answer fails the test."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, said(result)
    assert result.structured_content is None
    return said(result)


def said(result: CallToolResult) -> str:
    """An answer as text."""
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))
