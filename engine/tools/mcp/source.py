"""All servers of one engine, and the types that their tools are.

What a server has listed is kept in a file: so a restarted engine knows at once which of its types may be repeated, and
takes tasks before it has connected. Of a server that has never answered every name is taken, and the subtask finds out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog

from engine.secrets.vault import Vault
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.crowding import Crowding
from engine.tools.mcp.config import Server, read_servers
from engine.tools.mcp.link import Link
from engine.tools.mcp.tool import PREFIX, McpTool
from engine.tools.process import Processes
from engine.tools.roots import Roots
from engine.tools.threads import to_the_end

_log = structlog.get_logger("mcp")

FILE = "mcp_tools.json"
MOST_BYTES = 64 * 1024 * 1024
"""A larger file of remembered tools is not read."""


class McpServers:
    """The servers. ``begin`` connects, ``close`` ends it.

    Args:
        servers: by name.
        vault: has the secrets that they need.
        folder: in which their processes work.
        kept: the file in which their tools are remembered.
        grace: seconds that a process gets to end.
        processes: start them.
    """

    def __init__(
        self, servers: Mapping[str, Server], vault: Vault, folder: str, kept: Path, grace: float, processes: Processes
    ) -> None:
        self._processes = processes
        self._kept = kept
        self._links = {name: Link(name, server, processes, folder, grace, vault) for name, server in servers.items()}
        self._tools: dict[str, McpTool] = {}
        self._raw: dict[str, list[Any]] = {}
        self._met: Callable[[Tool], None] = lambda _: None
        self._writing: asyncio.Task[None] | None = None
        for name, tools in _remembered(kept, servers).items():
            self._links[name].remember(tools)
            self._raw[name] = tools
            self._take(self._links[name])
        for link in self._links.values():
            link.listed = partial(self._listed, link)

    def get(self, name: str) -> Tool | None:
        """The tool of a type; None where no server has it."""
        if (found := self._tools.get(name)) is not None or not name.startswith(PREFIX):
            return found
        server, _, short = name.removeprefix(PREFIX).partition(".")
        link = self._links.get(server)
        return McpTool(link, short, None) if link is not None and link.listing is None and short else None

    def names(self) -> list[str]:
        """The types that are known."""
        return list(self._tools)

    def begin(self, met: Callable[[Tool], None]) -> None:
        """Connects to all, beside the loop; ``met`` is told of every type that was not there before."""
        self._met = met
        for link in self._links.values():
            link.begin()

    async def close(self) -> None:
        """Lets go of all of them at once."""
        if self._links:
            await to_the_end(_all(*(link.close() for link in self._links.values())))
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self._processes.close()

    def _listed(self, link: Link, tools: list[Any]) -> None:
        self._take(link)
        if self._raw.get(link.name) != tools:
            self._raw[link.name] = tools
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())

    def _take(self, link: Link) -> None:
        """Makes types of what a server has, and lets go of those that it has no more."""
        assert link.listing is not None
        made = {tool.name: tool for tool in (McpTool(link, *entry) for entry in link.listing.sheets.items())}
        for gone in [name for name in self._tools if name.startswith(f"{PREFIX}{link.name}.") and name not in made]:
            del self._tools[gone]
        fresh = [tool for name, tool in made.items() if name not in self._tools]
        known = {name: tool for name, tool in made.items() if _same(self._tools.get(name), tool)}
        self._tools |= {name: tool for name, tool in made.items() if name not in known}
        for tool in fresh:
            self._met(tool)

    async def _write(self) -> None:
        """Keeps what is known now; what has changed meanwhile is written after it."""
        written: dict[str, list[Any]] | None = None
        while written != self._raw:
            written = dict(self._raw)
            stamped = {name: (self._links[name].server.stamp(), tools) for name, tools in written.items()}
            try:
                await asyncio.to_thread(_replace, self._kept, msgspec.json.encode(stamped))
            except OSError as error:
                _log.warning("mcp.not_kept", file=str(self._kept), reason=error.strerror or str(error))
        self._writing = None


def mcp_servers(settings: Settings, vault: Vault) -> McpServers | None:
    """The servers of MCP_SERVERS; None where it is empty. Raises ``SettingsError``."""
    if settings.mcp_servers is None:
        return None
    servers = read_servers(settings.mcp_servers)
    first = next(iter(Roots(settings.file_roots).folders), None)
    folder = os.path.realpath(first) if first is not None and Path(first).is_dir() else ""
    grace = settings.cancel_grace_seconds
    processes = Processes(grace, Crowding.of(settings))
    return McpServers(servers, vault, folder, settings.data_path / FILE, grace, processes)


def _same(before: McpTool | None, tool: McpTool) -> bool:
    return before is not None and before.sheet == tool.sheet


async def _all(*work: Any) -> None:
    await asyncio.gather(*work)


def _remembered(path: Path, servers: Mapping[str, Server]) -> dict[str, list[Any]]:
    """The lists that were kept of these servers; none of one that is another one now, none where it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[str, list[Any]]])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: tools for name, (stamp, tools) in found.items() if name in servers and servers[name].stamp() == stamp}


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
