"""A TCP proxy that breaks connections at chosen moments: what a network does between a commit and its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

CHUNK = 1 << 16
LATE_SECONDS = 0.4
"""How long a late request lies in the network: longer than a client takes to come back."""
QUIET_SECONDS = 0.15
"""A server that has been silent for this long has answered to the end, and committed."""


class Cut(Enum):
    """When a connection breaks, seen from one request on it."""

    BEFORE = "the server never gets the request"
    AFTER = "the server gets it; nobody waits for the answer"
    ANSWERED = "the server has answered; the answer is lost"
    LATE = "the client sees the connection break; the server gets the request some time after that"


@dataclass
class Proxy:
    """Passes everything on to the server until told otherwise.

    ``decide`` is asked about every piece that a client sends, and says whether and how the connection breaks there.
    """

    host: str
    port: int
    own_port: int = 0
    decide: Callable[[bytes], Cut | None] = field(default=lambda _: None)
    cuts: Counter[Cut] = field(default_factory=Counter)
    _server: asyncio.Server | None = None
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The value for NEO4J_URL."""
        return f"bolt://127.0.0.1:{self.own_port}"

    async def listen(self) -> None:
        """Takes connections, on the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.own_port)
        self.own_port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Breaks every connection and refuses new ones until ``listen``."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def close(self) -> None:
        """Ends everything; late requests are delivered first."""
        await self.refuse()
        await asyncio.gather(*self._late)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        try:
            upstream = await asyncio.open_connection(self.host, self.port)
        except OSError:
            _drop(writer)
        else:
            with contextlib.suppress(asyncio.CancelledError):
                await self._both(reader, writer, *upstream)
        finally:
            self._pumps.discard(task)

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        """Runs both directions until one ends or the connection is cut."""
        muted = asyncio.Event()
        back = asyncio.create_task(_back(answers, writer, muted))
        forth = asyncio.create_task(self._forth(reader, server, muted))
        late = b""
        try:
            await asyncio.wait([back, forth], return_when=asyncio.FIRST_COMPLETED)
            if forth.done() and not forth.cancelled() and forth.exception() is None:
                late = forth.result()
        finally:
            for one in (back, forth):
                one.cancel()
            await asyncio.gather(back, forth, return_exceptions=True)
            _drop(writer)
            if late:
                self._deliver_late(server, late)
            else:
                _drop(server)

    async def _forth(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, muted: asyncio.Event) -> bytes:
        """Client to server; ends with what is still to be delivered when the connection was cut, often nothing."""
        while piece := await reader.read(CHUNK):
            cut = self.decide(piece)
            if cut is not None:
                self.cuts[cut] += 1
            if cut is Cut.BEFORE:
                return b""
            if cut is Cut.LATE:
                return piece
            if cut in (Cut.ANSWERED, Cut.AFTER):
                muted.set()  # an answer may be quicker than the cut
            server.write(piece)
            await server.drain()
            if cut is Cut.AFTER:
                return b""
        return b""

    def _deliver_late(self, server: asyncio.StreamWriter, piece: bytes) -> None:
        async def deliver() -> None:
            await asyncio.sleep(LATE_SECONDS)
            with contextlib.suppress(OSError):
                server.write(piece)
                await server.drain()
                await asyncio.sleep(LATE_SECONDS)
            _drop(server)

        task = asyncio.create_task(deliver())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _back(answers: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event) -> None:
    """Server to client; ends when an answer that is to be lost has come to its end."""
    while piece := await answers.read(CHUNK):
        if not muted.is_set():
            writer.write(piece)
            await writer.drain()
            continue
        with contextlib.suppress(TimeoutError):
            while await asyncio.wait_for(answers.read(CHUNK), QUIET_SECONDS):
                pass
        return


def _drop(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.transport.abort()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """A proxy on a free port of 127.0.0.1 to a ``bolt://host:port`` address."""
    place = urlsplit(url)
    proxy = Proxy(place.hostname or "127.0.0.1", place.port or 7687)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
