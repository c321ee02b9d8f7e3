"""An application of this process as the other end of an HTTP client.

The library's own transport hands an answer over when all of it is there, and a stream of events never is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message

PIECES = 16
"""Pieces of an answer that wait for their reader; the application waits with the next one."""
BROKEN = 500


class Inside(httpx2.AsyncBaseTransport):
    """Sends requests to ``app``.

    Args:
        app: answers them.
        client: address and port of whoever asks, as the application sees it.
    """

    def __init__(self, app: ASGIApp, client: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._app = app
        self._client = client

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer as soon as its head is there; its body comes while it is read."""
        call = _Call(await request.aread())
        call.begin(lambda: self._app(self._scope(request), call.receive, call.send))
        try:
            status, headers = await asyncio.shield(call.head)
        except BaseException:
            await call.aclose()
            raise
        return httpx2.Response(status, headers=headers, stream=call)

    def _scope(self, request: httpx2.Request) -> dict[str, Any]:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port or 80),
            "client": self._client,
            "root_path": "",
        }


class _Call(httpx2.AsyncByteStream):
    """One request on its way through the application, and the body of its answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES)
        self._left = asyncio.Event()
        self.head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()

    def begin(self, run: Callable[[], Any]) -> None:
        """Lets the application answer."""
        self._running = asyncio.create_task(self._run(run))

    async def _run(self, run: Callable[[], Any]) -> None:
        with contextlib.suppress(Exception):  # the application has logged it, and answers 500 where it still can
            await run()
        if not self.head.done():
            self.head.set_result((BROKEN, []))
        await self._pieces.put(None)

    async def receive(self) -> Message:
        """The request's body, then that its sender has left, once he has."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Takes the answer in."""
        if message["type"] == "http.response.start":
            self.head.set_result((message["status"], list(message.get("headers", []))))
        elif message["type"] == "http.response.body" and message.get("body"):
            await self._pieces.put(message["body"])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces of the answer."""
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def aclose(self) -> None:
        """Nobody reads any more."""
        self._left.set()
        self._running.cancel()
        await asyncio.wait([self._running])
