"""``agent03 serve`` as a real process that a test may kill, freeze, stop and start again on the same data."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx2
import psutil

from tests.support.services import eventually

PROGRAM = "from api.cli import main; main()"
ROOT = Path(__file__).parents[2]
MARK = "AGENT03_CHAOS"
"""An environment variable by which the processes of a test's tools are found."""
START_SECONDS = 60.0


def plain_client(port: int) -> httpx2.AsyncClient:
    """A client of a server here. It reads no certificates: that takes a hundred times as long as all else."""
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=START_SECONDS, verify=False)


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes(mark: str) -> list[psutil.Process]:
    """The living processes whose environment carries the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@dataclass
class Serving:
    """One server on ``folder``. ``settings`` are environment variables."""

    folder: Path
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    program: str = PROGRAM
    command: tuple[str, ...] = ("serve",)
    """What is started: the server, one without an engine, or an engine alone."""
    process: subprocess.Popen[bytes] | None = None
    spawned: float = 0.0
    """When it was last started, in monotonic seconds."""

    @property
    def log(self) -> Path:
        """Everything that it has written to stderr, in all its lives."""
        return self.folder / "serve.log"

    def spawn(self) -> None:
        """Starts it without waiting until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = inherited | {
            "DATA_PATH": str(self.folder),
            "BACKEND_PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
            "EMBEDDED_BUFFER_MB": "128",
            "SHUTDOWN_GRACE_SECONDS": "0.3",
            "PRESSURE_LOOK_SECONDS": "0",
            "AGENT03_TOOLS": "tests.support.chaos_tools",
        }
        self.spawned = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.program, *self.command],
                cwd=self.folder,
                env=environment | self.settings,
                stdout=log,
                stderr=log,
            )

    async def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.spawn()
        await self.ready()

    async def ready(self) -> None:
        """Waits until it takes work."""
        await eventually(self._is_ready, START_SECONDS)

    async def _is_ready(self) -> bool:
        assert self.process is not None
        if (code := self.process.poll()) is not None:
            raise RuntimeError(f"the server ended with {code}: {self.log.read_text()[-2000:]}")
        with contextlib.suppress(httpx2.HTTPError):
            return (await self.call("GET", "/health/ready", check=False)).status_code == 200
        return False

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Waits for its end; its exit code."""
        assert self.process is not None
        return self.process.wait(30)

    async def stop(self) -> int:
        """A clean stop; the exit code."""
        self.signal(signal.SIGTERM)
        return await asyncio.to_thread(self.wait)

    def discard(self) -> None:
        """Ends it, however it stands."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    async def call(self, method: str, path: str, body: Any = None, *, check: bool = True) -> httpx2.Response:
        """One request; anything but success fails the test when ``check``."""
        async with plain_client(self.port) as client:
            response = await client.request(method, path, json=body)
        if check and response.status_code >= 300:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text[:2000]}")
        return response

    async def submit(self, body: Any) -> str:
        """The id of the new task."""
        return cast(str, (await self.call("POST", "/tasks", body)).json()["task_id"])

    async def task(self, task_id: str) -> dict[str, Any]:
        """A task as the API shows it."""
        return cast(dict[str, Any], (await self.call("GET", f"/tasks/{task_id}")).json()["task"])
