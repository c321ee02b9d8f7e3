"""``agent03 serve``: the API on uvicorn around one engine.

The port is taken before the graph is opened, so that a second start by mistake ends at once and touches nothing.
A signal drains: the engine stops claiming and lets running subtasks end while the API still answers (not ready), then
the server closes. A second signal ends the process where it stands; the graph is made for that.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

import structlog
import uvicorn
from starlette.applications import Starlette

from api.app import Api, create_app, create_probes
from api.cli.exits import FAILED, UNREACHABLE, Stop
from api.cli.output import say
from api.cli.signals import stop_signal
from api.door import refuse_an_open_door
from api.logging import told_to
from api.metrics import Metrics
from api.wiring import open_engine
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.service import Engine

CLOSE_SECONDS = 5
"""Time that open connections get at the very end."""
SWITCH_SECONDS = 0.0005
"""How long a thread that computes, such as a forecast, keeps the interpreter from the event loop each time the loop has
written to a socket. With Python's own 5 ms a crowd of viewers waits for seconds.
"""
GARBAGE = (10_000, 20, 50)
"""Objects more, and rounds, until the collector looks at the young, the middle-aged and all. With Python's own
(700, 10, 10) an engine of 30,000 open subtasks stands still for 80 ms each second to look at what it will not find.
"""
WS_MESSAGE_BYTES = 4096
"""Longest message that a client of a WebSocket may send; none has anything to say."""
SILENT_SECONDS = 30
"""A connection whose other end takes nothing for so long is cut by the system, so that it cannot hold up a stop."""
_log = structlog.get_logger("serve")


async def serve_api(settings: Settings) -> None:
    """Serves the whole API until a signal comes; raises as ``_serve`` does."""
    await _serve(settings, create_app)


async def serve_probes(settings: Settings) -> None:
    """Runs an engine, and serves what probes and monitoring ask and nothing else; raises as ``_serve`` does."""
    await _serve(settings, create_probes)


async def _serve(settings: Settings, create: Callable[[Engine, Settings, Metrics], Api]) -> None:
    """Serves an application until a signal comes.

    Raises:
        SettingsError: when it would listen beyond this machine and ask nobody for a key.
        Stop: with exit code 3 when the port cannot be had; with 1 when a fault inside has ended the engine, so that
            whoever supervises the process starts it again.
    """
    metrics = Metrics()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GARBAGE)
    with bound_socket(settings.backend_host, settings.backend_port) as sock:
        async with AsyncExitStack() as last, open_engine(settings, observer=metrics) as engine:
            refuse_an_open_door(settings, keys=engine.keyring.active)
            metrics.watch(engine.snapshot)
            blobs = {"blobs": settings.blob_folder} if settings.blob_folder else {}
            metrics.watch_places({"data": settings.data_path, **blobs})
            last.enter_context(metrics.watch_loop())
            last.enter_context(told_to(engine.logbook.hear))
            server = Server(configured(create(engine, settings, metrics)))
            gc.freeze()  # what is there now stays: modules, routes, schemas
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            last.push_async_callback(_close, server, serving)
            if fault := await _first_signal(serving, engine):
                raise Stop(f"the engine has ended by a fault of its own, {fault}: start it again, it goes on", FAILED)
            # The engine is drained here, and so far the API has answered.


def configured(app: Starlette) -> uvicorn.Config:
    """How the server is run."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws_max_size=WS_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )


async def _close(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """Ends the server, open connections first; raises what it raised."""
    server.should_exit = True
    await serving


async def _first_signal(serving: asyncio.Task[None], engine: Engine) -> str:
    """Waits for SIGTERM or SIGINT, or for the server or the engine to fail; from then on a signal ends the process at
    once. Returns what has ended the engine.
    """
    called = stop_signal(lambda: _log.info("draining; a second signal ends it at once"))
    waiting, broken = asyncio.create_task(called.wait()), asyncio.create_task(engine.broken())
    await asyncio.wait((waiting, broken, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    broken.cancel()
    return broken.result() if broken.done() else ""


class Server(uvicorn.Server):
    """uvicorn that leaves the signals to us and says in one line where it listens."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: its own handler would end the process before the engine has stopped."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then announces the address on stderr."""
        assert sockets
        try:
            await super().startup(sockets)
        except OSError as error:
            raise refused(sockets[0].getsockname()[:2], error) from None
        say(f"agent03 listens on {url_of(sockets[0])}")


@contextmanager
def bound_socket(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that holds the address and does not listen yet; raises ``Stop``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise refused((host, port), error) from None
    with socket.socket(family, kind, protocol) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_SECONDS * 1000)
        try:
            sock.bind(address)
        except OSError as error:
            raise refused((host, port), error) from None
        yield sock


def refused(address: tuple[str, int], error: OSError) -> Stop:
    """Why the address cannot be had, and what to do."""
    host, port = address
    if error.errno == errno.EADDRINUSE:
        return Stop(
            f"port {port} on {host} is taken; stop what listens there, or choose another with --port or BACKEND_PORT",
            UNREACHABLE,
        )
    return Stop(f"cannot listen on {host} port {port}: {error.strerror}; see --host and --port", UNREACHABLE)


def url_of(sock: socket.socket) -> str:
    """The base URL of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
