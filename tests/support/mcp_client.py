"""What tests of the engine as an MCP client need: real servers, and the engine's side of them without an engine."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.model import Json
from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.mcp.source import McpServers, mcp_servers
from tests.support.tools_context import RecordingContext

HERE = Path(__file__).parent
GOOD, RAW = HERE / "mcp_good.py", HERE / "mcp_raw.py"


def good(**fields: Any) -> dict[str, Any]:
    """A server made with the library, on stdin and stdout."""
    return {"command": sys.executable, "args": ["-P", str(GOOD), "stdio"], **fields}


def raw(mode: str = "fine", **fields: Any) -> dict[str, Any]:
    """A server that misbehaves as it is told."""
    return {"command": sys.executable, "args": ["-I", "-S", str(RAW), mode], **fields}


def configured(folder: Path, servers: Mapping[str, Mapping[str, Any]]) -> Path:
    """The file that names these servers."""
    path = folder / "mcp_servers.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


@asynccontextmanager
async def connected(
    folder: Path, vault: Vault | None = None, **servers: Mapping[str, Any]
) -> AsyncIterator[McpServers]:
    """The engine's side of servers that are running."""
    settings = Settings(
        mcp_servers=configured(folder, servers),
        data_path=folder / "data",
        file_roots=[str(folder)],
        cancel_grace_seconds=0.2,
    )
    found = mcp_servers(settings, vault or Vault())
    assert found is not None
    found.begin(lambda _: None)
    try:
        yield found
    finally:
        await found.close()


async def called(servers: McpServers, name: str, context: RecordingContext | None = None, **given: Json) -> Any:
    """What a tool gives."""
    return await tool_of(servers, name).run(given, context or RecordingContext())


def tool_of(servers: McpServers, name: str) -> Tool:
    """The tool of a type."""
    found = servers.get(name)
    assert found is not None, name
    return found
