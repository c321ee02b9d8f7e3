"""The two ways to a viewer: Server-Sent Events and a WebSocket. Who takes nothing for long is let go of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live.parts import Part

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2000
"""A page connects again after so long."""
SEND_SECONDS = 20.0
"""A viewer that takes nothing for so long is not there any more; if he is, he connects again and misses nothing."""
GOING_AWAY, UNEXPECTED = 1001, 1003
DONE, NOT_ALLOWED = 1000, 1008

Parts = AsyncGenerator[Sequence[Part]]


class EventStream(StreamingResponse):
    """Parts as Server-Sent Events, until there are no more, or its reader may not read any more (``good``)."""

    def __init__(self, parts: Parts, good: Callable[[], bool] = lambda: True) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}
        super().__init__((), headers=headers, media_type=MEDIA_TYPE)
        self._parts = parts
        self._good = good

    async def stream_response(self, send: Send) -> None:
        """Sends all of it; raises ``ClientDisconnect`` when nobody takes it."""
        async with aclosing(self._parts) as stream:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._send(send, f"retry: {RETRY_MS}\n\n".encode())
            async for parts in stream:
                if not self._good():
                    break
                await self._send(send, parts[0].sse if len(parts) == 1 else b"".join([part.sse for part in parts]))
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, data: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            raise ClientDisconnect from None


async def send_texts(socket: WebSocket, parts: Parts, good: Callable[[], bool] = lambda: True) -> None:
    """Parts as messages of an accepted WebSocket, then its end: 1000 after that of the task, 1001 when the engine
    stops, 1003 to a client that says something, 1008 to one that may not read any more (``good``).
    """
    sending = asyncio.create_task(_texts(socket, parts, good))
    listening = asyncio.create_task(_silence(socket))
    try:
        await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
        code = listening.result() if listening.done() else sending.result()
    finally:
        sending.cancel()
        listening.cancel()
    if code:
        await socket.close(code)


async def _texts(socket: WebSocket, parts: Parts, good: Callable[[], bool]) -> int:
    """Sends all of it; the code to close with, 0 when nobody is there."""
    last = ""
    async with aclosing(parts) as stream:
        async for some in stream:
            if not good():
                return NOT_ALLOWED
            last = some[-1].kind
            for text in (text for part in some for text in part.texts):
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await socket.send_text(text)
                except (TimeoutError, WebSocketDisconnect):
                    return 0
    return DONE if last == "end" else GOING_AWAY


async def _silence(socket: WebSocket) -> int:
    """Waits until the client goes, or says something; the code to close with."""
    message = await socket.receive()
    return UNEXPECTED if message["type"] == "websocket.receive" else 0
