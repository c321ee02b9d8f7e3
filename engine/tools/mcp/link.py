"""The connection to one server: opened beside the loop, opened again when it has broken, shared by all calls.

One coroutine holds it from beginning to end, because what the library opens has to be closed where it was opened. It
waits longer after each failure; a call that finds no connection has it try at once. Nothing here holds up the start of
an engine: a server that is missing is known to be away, and that is all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from engine.errors import ToolError
from engine.model import Json
from engine.references import with_secrets
from engine.secrets.vault import Vault
from engine.toolport import ToolHealth
from engine.tools.mcp.answers import away, lost, output_of
from engine.tools.mcp.config import Server
from engine.tools.mcp.failing import breaks, in_call, not_as_promised, once_more, why_away
from engine.tools.mcp.sheets import MOST_TOOLS, Listing, Sheet, listing
from engine.tools.process import OPEN_FILES, Command, Limits, Processes

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client._transport import TransportStreams

    from engine.tools.mcp.pipes import Ending

_log = structlog.get_logger("mcp")

WAITS = (1.0, 60.0)
"""Seconds between two tries to connect: the first, and the longest."""
AT_ONCE_SECONDS = 1.0
"""A call that comes so soon after a failure is told of that instead of a new try."""
LIST_AGE_SECONDS = 60.0
"""An older list of tools is asked for again when somebody wants to know how a tool is."""
PROBE_SECONDS = 10.0
"""A server that does not list its tools in that time, after a call that it has not ended, is left and started anew;
not while it works on others: it may answer one after the other.
"""
_PAGES = 100


class Link:
    """One server.

    Args:
        name: of the server.
        server: how it is reached.
        processes: start its own.
        folder: that it works in unless it has one of its own.
        grace: seconds that its process gets to end.
        vault: has the secrets that it needs.
    """

    def __init__(
        self, name: str, server: Server, processes: Processes, folder: str, grace: float, vault: Vault
    ) -> None:
        self.name, self.server = name, server
        self._processes, self._folder, self._grace, self._vault = processes, folder, grace, vault
        self.listing: Listing | None = None
        """Its tools, as they were listed last; None before anything is known."""
        self.listed: Callable[[list[Any]], None] = lambda _: None
        """Is told of each list, as the server has sent it."""
        self._client: Client | None = None
        self._ending: Ending | None = None
        self._failure: ToolError | None = None
        self._failed_at = self._listed_at = float("-inf")
        self._tried, self._news, self._nudge = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._wanted: set[str] = set()
        self._calls = 0
        self._slots = asyncio.Semaphore(server.limits.parallel)
        self._keeper: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Connects, and stays connected; nobody waits for it."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Lets go of the server."""
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():  # the library may take a cancellation for one of its own
            keeper.cancel()
            await asyncio.wait([keeper], timeout=1.0)

    def remember(self, tools: list[Any]) -> None:
        """Takes the tools that it had in an earlier life of the engine for those that it has."""
        self.listing = listing((tool for tool in tools if isinstance(tool, dict)), self.server)

    # --- what is asked of it ----------------------------------------------------------------------------------------

    async def sheets(self) -> Mapping[str, Sheet]:
        """Its tools; waits for the first connection where nothing is known. Raises ``ToolError``."""
        if self.listing is None:
            await self._opened()
        assert self.listing is not None
        return self.listing.sheets

    async def call(self, sheet: Sheet, arguments: Mapping[str, Json], alive: Callable[[], None]) -> dict[str, Json]:
        """Calls a tool and returns its output; ``alive`` is called for each progress. Raises ``ToolError``."""
        from mcp.shared.exceptions import MCPError

        async def told(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
            alive()

        async with self._slots:
            client = await self._opened()
            self._calls += 1
            try:
                result = await client.call_tool(sheet.called, dict(arguments), progress_callback=told)
            except MCPError as error:
                raise self._refused(error) from None
            except asyncio.CancelledError:
                if self._calls == 1:  # it may hang, and all calls that come after this one with it
                    self._want("probe")
                raise
            except Exception as error:
                raise self._broken(error) from None
            finally:
                self._calls -= 1
        try:
            return output_of(result.model_dump(mode="json", by_alias=True, exclude_none=True))
        except ToolError as error:
            raise once_more(error, f"{self.name}.{sheet.called}: {error}") from None

    def health(self, name: str) -> ToolHealth:
        """How it is, and whether it has a tool of that name."""
        if self._client is None:
            failure = self._failure
            if failure is None:
                return ToolHealth(False, f"the MCP server {self.name} has not answered yet", "Wait a moment.")
            return ToolHealth(False, self._vault.text(str(failure)), failure.suggestion)
        if time.monotonic() - self._listed_at > LIST_AGE_SECONDS:
            self._want("list")
        if self.listing is not None and name not in self.listing.sheets:
            return ToolHealth(False, f"the MCP server {self.name} has no such tool any more", "Use another one.")
        return ToolHealth()

    def renew(self) -> None:
        """Connects anew, with the secrets as they are now."""
        self._want("leave")
        self._nudge.set()

    async def _opened(self) -> Client:
        """The connection; tries at once where there is none. Raises ``ToolError``."""
        if self._client is None and self._keeper is None:
            raise away(self.name, "nobody connects to it now")
        if self._client is None and self._tried.is_set():
            if self._failure is not None and time.monotonic() - self._failed_at < AT_ONCE_SECONDS:
                raise once_more(self._failure)
            self._tried.clear()
            self._nudge.set()
        await self._tried.wait()
        if self._client is None:
            raise once_more(self._failure) if self._failure is not None else away(self.name, "it is not connected")
        return self._client

    def _refused(self, error: Any) -> ToolError:
        """What an error of the protocol means; a connection that is none any more is left."""
        if breaks(error):
            self._want("leave")
        return in_call(self.name, error, self._ending)

    def _broken(self, error: Exception) -> ToolError:
        """What the library raises where an answer is none, or where there is no connection any more."""
        if isinstance(error, RuntimeError | ValueError):
            return not_as_promised(self.name, error)
        self._want("leave")
        return lost(self.name, f"{type(error).__name__}: {error}")

    def _want(self, what: str) -> None:
        self._wanted.add(what)
        self._news.set()
        if what == "leave":  # whoever calls from now on waits for the next connection
            self._client = None
            self._tried.clear()

    # --- its life ---------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        await asyncio.to_thread(_load)
        first, longest = WAITS
        wait, quick_at = first, float("-inf")
        while self._keeper is not None:
            began = time.monotonic()
            ending: Ending | None = None
            failure: ToolError | None = None
            try:
                async with self._connected() as (client, ending):
                    await self._stand(client)
            except Exception as error:  # whatever it is, the next try may do better
                failure = why_away(self.name, error, ending)
            now = time.monotonic()
            wait = first if now - began > longest else wait
            quick = ending is not None and now - quick_at > AT_ONCE_SECONDS
            self._fell(failure or self._ended(ending), again=quick)
            if quick:  # it was there, so it is likely to be there again
                quick_at = now
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._nudge.wait()
            wait = min(2 * wait, longest)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[Client, Ending]]:
        """A connection over which the tools have been listed."""
        from mcp import Client
        from mcp_types import Implementation

        from engine.tools.mcp.pipes import Ending

        self._wanted.clear()
        self._news.clear()
        self._nudge.clear()
        self._tried.clear()
        ending = self._ending = Ending()
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self.server.limits.connect_seconds):
                    secrets = await self._vault.take(self.server.secrets)
                    transport = await self._transport(secrets, ending, stack)
                    about = Implementation(name="agent03-core-engine", version="1")
                    made = Client(transport, message_handler=self._heard, client_info=about, cache=None)
                    client = await stack.enter_async_context(made)
                    await self._list(client)
            except Exception as error:
                raise why_away(self.name, error, ending) from None
            self._rise(client)
            yield client, ending

    async def _transport(self, secrets: Mapping[str, str], ending: Ending, stack: AsyncExitStack) -> Any:
        server = self.server
        if server.url is not None:
            from mcp.client.streamable_http import streamable_http_client

            from engine.tools.mcp.web import WebClient

            headers = {name: str(with_secrets(text, secrets)) for name, text in server.headers.items()}
            most = server.limits.output_bytes
            http = await stack.enter_async_context(WebClient(server.url, headers, most))
            return streamable_http_client(server.url, http_client=http, max_sse_event_size=most)
        return self._process(secrets, ending)

    def _process(self, secrets: Mapping[str, str], ending: Ending) -> AbstractAsyncContextManager[TransportStreams]:
        from engine.tools.mcp.pipes import piped

        server = self.server
        inherited = {name: os.environ[name] for name in server.inherit if name in os.environ}
        given = {name: str(with_secrets(text, secrets)) for name, text in server.env.items()}
        limits = Limits(server.limits.memory_mb, None, server.limits.output_bytes, OPEN_FILES)
        argv, cwd = [server.command or "", *server.args], server.cwd or self._folder
        command = Command(argv, limits, cwd=cwd, env=inherited | given)
        return piped(self.name, command, self._processes, self._grace, ending, lambda: self._want("leave"))

    async def _list(self, client: Client) -> None:
        """Asks for all tools."""
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
            cursor = page.next_cursor
            if not cursor or len(found) > MOST_TOOLS:
                break
        before, self.listing = self.listing, listing(found, self.server)
        self._listed_at = time.monotonic()
        if self.listing.left_out and (before is None or before.left_out != self.listing.left_out):
            _log.warning("mcp.left_out", server=self.name, tools=self.listing.left_out[:20])
        self.listed(found)

    async def _stand(self, client: Client) -> None:
        """Holds the connection until it is to be left. Raises what says that it has broken."""
        async with asyncio.TaskGroup() as beside:
            listening = beside.create_task(self._listen(client))
            try:
                while "leave" not in self._wanted:
                    await self._news.wait()
                    self._news.clear()
                    wanted, self._wanted = self._wanted, self._wanted & {"leave"}
                    if wanted & {"list", "probe"} and "leave" not in wanted:
                        async with asyncio.timeout(PROBE_SECONDS):
                            await self._list(client)
            finally:
                listening.cancel()

    async def _listen(self, client: Client) -> None:
        """Hears of changed tools where the protocol has a subscription for it; ``_heard`` does where it has none."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        with contextlib.suppress(Exception):  # who cannot subscribe asks again later
            async with client.listen(tools_list_changed=True) as changes:
                self._want("list")  # what changed between the first list and now was told to nobody
                async for _ in changes:
                    self._want("list")

    async def _heard(self, message: object) -> None:
        if type(message).__name__ == "ToolListChangedNotification":
            self._want("list")

    def _rise(self, client: Client) -> None:
        self._client, self._failure = client, None
        assert self.listing is not None
        _log.info("mcp.up", server=self.name, tools=len(self.listing.sheets))
        self._tried.set()

    def _ended(self, ending: Ending | None) -> ToolError | None:
        """Why a connection that was left by itself is none any more; None when it was given up."""
        if ending is None or (ending.error is None and ending.exit_code is None):
            return None
        return why_away(self.name, ending.error or away(self.name, ending.why()), ending)

    def _fell(self, failure: ToolError | None, *, again: bool) -> None:
        """There is no connection any more, or none yet. Where it is tried ``again`` at once whoever calls waits."""
        before, self._client = self._failure, None
        self._failure, self._failed_at = failure, time.monotonic()
        if failure is not None and (before is None or str(before) != str(failure)):
            _log.warning("mcp.away", server=self.name, reason=str(failure), suggestion=failure.suggestion)
        if again:
            self._tried.clear()
        else:
            self._tried.set()


def _load() -> None:
    """Half a second that the loop does not have."""
    import mcp
    import mcp.client.streamable_http  # noqa: F401
