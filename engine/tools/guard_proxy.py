"""A proxy for one browser: it connects only where an ``AddressPolicy`` allows, and only so much passes.

A browser follows redirects, opens WebSockets and resolves names by itself; what is asked of it before a request says
little about where the connection goes in the end. So it gets no network but this proxy: every name is resolved here,
each address is judged, and the connection goes to the judged address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from engine.tools.addresses import AddressPolicy

_HEAD_BYTES = 65_536
_CHUNK = 65_536
_CONNECT_SECONDS = 10.0
_NOT_ON = ("proxy-", "connection:", "keep-alive:")
"""Beginnings of header lines that are for the proxy alone."""


class GuardProxy:
    """Open within ``serving``; ``refused`` are the places that it did not connect to.

    Args:
        policy: where it may connect.
        most: bytes that may come in, all connections together; then it closes them.
    """

    def __init__(self, policy: AddressPolicy, most: int) -> None:
        self._policy, self._left = policy, most
        self._working: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        self.port = 0
        self.overflow = asyncio.Event()
        """Set once more came in than may."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[GuardProxy]:
        """Listens on a port of 127.0.0.1; at the end every connection is closed."""
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=_HEAD_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for work in list(self._working):
                work.cancel()
            if self._working:
                await asyncio.wait(self._working)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = asyncio.current_task()
        assert work is not None
        self._working.add(work)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            self._working.discard(work)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, version = head.partition("\r\n")[0].split(" ")
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or 80
        found = await self._connected(host, port) if tunnel or parts.scheme == "http" else None
        if found is None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        inner, outer = found
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                outer.write(_origin_form(head, method, parts._replace(scheme="", netloc="").geturl() or "/", version))
            await _either(self._pump(reader, outer, counted=False), self._pump(inner, writer, counted=True))
        finally:
            outer.close()

    async def _connected(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to an allowed address of a host; None when there is none."""
        try:
            rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return None
        addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        allowed = [address for address in addresses if self._policy.allows(host, port, address)]
        if not allowed:
            self.refused.append(f"{host}:{port}")
        for address in allowed:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(address, port)
        return None

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool) -> None:
        while data := await source.read(_CHUNK):
            if counted:
                self._left -= len(data)
                if self._left < 0:
                    self.overflow.set()
                    return
            target.write(data)
            await target.drain()


def _origin_form(head: str, method: str, path: str, version: str) -> bytes:
    """The request as the server itself wants it; one to a connection."""
    _, *lines = head.rstrip("\r\n").split("\r\n")
    kept = [line for line in lines if not line.lower().startswith(_NOT_ON)]
    upgrade = any(line.lower().startswith("upgrade:") for line in kept)
    kept.append("Connection: Upgrade" if upgrade else "Connection: close")
    return "\r\n".join([f"{method} {path} {version}", *kept, "", ""]).encode("latin-1")


async def _either(*pumps: Coroutine[Any, Any, None]) -> None:
    """Runs until one of them ends."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
