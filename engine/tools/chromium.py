"""One Chromium for one subtask, driven by playwright. The only user of it; imported with the first run.

Its whole network is a ``GuardProxy``: neither a redirect nor a WebSocket nor a name that changes its address leads
inside. It keeps nothing, downloads nothing, and is gone when the block ends, also when that is cancelled.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import Browser, Error, Page, Playwright, async_playwright

from engine.errors import Category, ToolError
from engine.tools.guard_proxy import GuardProxy
from engine.tools.threads import to_the_end

__all__ = ["Driver", "Error", "Page"]

_ARGUMENTS = (
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--no-first-run",
)
_CLOSE_SECONDS = 3.0
_LAUNCH_SECONDS = 20.0


class Driver:
    """Starts browsers. The driver's own process begins with the first one."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def page(self, path: str, proxy: GuardProxy) -> AsyncIterator[Page]:
        """An empty page of a browser of its own.

        Args:
            path: of the Chromium.
            proxy: its network.

        Raises:
            ToolError: it does not start (configuration).
        """
        playwright = await self._started()
        browser = await _launched(playwright, path)
        try:
            context = await browser.new_context(
                proxy={"server": f"http://127.0.0.1:{proxy.port}", "bypass": "<-loopback>"},
                accept_downloads=False,
                service_workers="block",
                permissions=[],
                viewport={"width": 1280, "height": 800},
            )
            yield await context.new_page()
        finally:
            await to_the_end(_closed(browser))

    async def _started(self) -> Playwright:
        async with self._opening:
            if self._playwright is None:
                self._playwright = await asyncio.shield(asyncio.ensure_future(async_playwright().start()))
        return self._playwright

    async def close(self) -> None:
        """Ends the driver's process."""
        playwright, self._playwright = self._playwright, None
        if playwright is not None:
            with suppress(Error):
                await playwright.stop()


async def _launched(playwright: Playwright, path: str) -> Browser:
    """Starts a browser; when cancelled meanwhile, it is ended as soon as it has started."""
    launching = asyncio.ensure_future(
        playwright.chromium.launch(
            executable_path=path,
            args=list(_ARGUMENTS),
            chromium_sandbox=os.geteuid() != 0,
            timeout=1000 * _LAUNCH_SECONDS,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
    )
    try:
        return await asyncio.shield(launching)
    except asyncio.CancelledError:
        await to_the_end(_ended_once_started(launching))
        raise
    except Error as error:
        raise ToolError(
            f"{path} does not start: {error.message.splitlines()[0]}",
            category=Category.CONFIGURATION,
            suggestion="Correct BROWSER_PATH; in a container it may need the right to make user namespaces.",
        ) from None


async def _ended_once_started(launching: asyncio.Future[Browser]) -> None:
    with suppress(Error):
        await _closed(await launching)


async def _closed(browser: Browser) -> None:
    """Ends a browser; one that does not want to end is left to the driver."""
    closing: asyncio.Future[Any] = asyncio.ensure_future(browser.close())
    await asyncio.wait([closing], timeout=_CLOSE_SECONDS)
    if closing.done() and not closing.cancelled():
        closing.exception()
