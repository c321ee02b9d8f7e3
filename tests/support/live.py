"""A real server around an engine, and clients that look on: over Server-Sent Events and over a WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.app import create_app
from api.cli.serve import CLOSE_SECONDS, Server, bound_socket, configured
from api.cli.sse import Reader
from api.live.hub import Hub
from api.metrics import Metrics
from engine.service import Engine
from tests.support.services import eventually

SECONDS = 60.0
"""Longest wait, generous: a test that fails by it fails for good."""


async def soon(condition: Callable[[], object]) -> object:
    """Waits until something is true."""
    return await eventually(condition, SECONDS)


@dataclass
class Live:
    """A server; ``port`` stays the same when another one takes its place."""

    port: int
    hub: Hub
    server: uvicorn.Server
    serving: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Ends it, open connections first."""
        self.server.should_exit = True
        await self.serving


@asynccontextmanager
async def live_server(engine: Engine, *, port: int = 0, keep: int = 0, buffer: int = 0) -> AsyncIterator[Live]:
    """The API of an engine on a port; ``keep`` is that of its hub, ``buffer`` the system's for each connection."""
    app = create_app(engine, engine.settings, Metrics())
    if keep:
        app.state.hub = Hub(engine, keep)
    with bound_socket("127.0.0.1", port) as sock:
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        server = Server(configured(app))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        made = Live(sock.getsockname()[1], app.state.hub, server, serving)
        while not server.started:
            await asyncio.sleep(0)
        try:
            yield made
        finally:
            async with asyncio.timeout(CLOSE_SECONDS + 5):
                await made.close()


@dataclass
class Seen:
    """What a viewer has got: numbers of events, progress, and what else was said, each with its data."""

    seqs: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    last_id: str = ""
    code: int = 0
    """With which a WebSocket was closed."""

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """Takes one message in."""
        if kind == "event":
            self.seqs.append(data["seq"])
            self.events.append(data)
        elif kind == "end":
            self.end = data
        else:
            {"progress": self.progress, "snapshot": self.snapshots, "task": self.tasks}[kind].append(data)


@dataclass
class Viewer:
    """A client that looks on in the background."""

    seen: Seen
    looking: asyncio.Task[None]

    async def leave(self) -> Seen:
        """Goes away at once."""
        self.looking.cancel()
        with suppress(asyncio.CancelledError):
            await self.looking
        return self.seen

    async def over(self) -> Seen:
        """Waits until the stream ends by itself."""
        async with asyncio.timeout(SECONDS):
            await self.looking
        return self.seen


def look(url: str, path: str, last_id: str = "", seen: Seen | None = None) -> Viewer:
    """Looks at a stream of Server-Sent Events."""
    seen = seen or Seen()
    return Viewer(seen, asyncio.create_task(_read(url, path, last_id, seen)))


def look_by_socket(url: str, path: str, seen: Seen | None = None) -> Viewer:
    """The same over a WebSocket."""
    seen = seen or Seen()
    return Viewer(seen, asyncio.create_task(_receive(url, path, seen)))


def ask_and_never_read(port: int, path: str, *headers: str) -> socket.socket:
    """A client that asks for a stream and takes nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect(("127.0.0.1", port))
    client.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())
    return client


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)


async def _read(url: str, path: str, last_id: str, seen: Seen) -> None:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    reader = Reader()
    async with (
        httpx2.AsyncClient(base_url=url, timeout=None) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        async for piece in response.aiter_raw():
            for message in reader.feed(piece):
                kind = "event" if message.name == "message" else message.name
                seen.take(kind, json.loads(message.data))
            seen.last_id = reader.last_id


async def _receive(url: str, path: str, seen: Seen) -> None:
    async with connect(url.replace("http", "ws", 1) + path) as connection:
        try:
            async for text in connection:
                data = cast(dict[str, Any], json.loads(text))
                seen.take(data.pop("type"), data)
        except ConnectionClosed:
            pass
        seen.code = connection.close_code or 0
