"""A real Ray cluster on this machine, for tests: one head, and nodes that come and go, each a raylet of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.serving import free_port
from tests.support.transcripts import REPOSITORY

RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 200_000_000
ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
}
"""Ray asks for a token by default; on one machine, for a test, nobody needs to be kept out. The last one has a node
kill what a killed worker had started.
"""


@dataclass
class RayNode:
    """One ``ray start --block`` with all that it has started."""

    process: subprocess.Popen[bytes]

    def family(self) -> list[psutil.Process]:
        """Its processes, workers included."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def kill(self) -> None:
        """Ends all of it with SIGKILL."""
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@dataclass
class RayCluster:
    """The cluster at ``address``."""

    folder: Path
    port: int
    nodes: list[RayNode] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def head(self, cpus: int) -> RayNode:
        """Starts the head; it forgets whatever an earlier one has known."""
        more = ["--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self.folder}"]
        return self._start("head", cpus, *more)

    def add(self, cpus: int, resources: str = "{}", labels: str = "") -> RayNode:
        """Starts another node."""
        more = [f"--address={self.address}", f"--resources={resources}", *([f"--labels={labels}"] if labels else [])]
        return self._start(f"node{len(self.nodes)}", cpus, *more)

    def _start(self, name: str, cpus: int, *more: str) -> RayNode:
        command = [sys.executable, str(RAY), "start", "--block", "--node-ip-address=127.0.0.1", f"--num-cpus={cpus}"]
        command += [f"--object-store-memory={STORE_BYTES}", "--disable-usage-stats", *more]
        environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)}
        with (self.folder.parent / f"{self.folder.name}.{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        node = RayNode(process)
        self.nodes.append(node)
        return node

    def workers(self) -> list[int]:
        """The ids of the processes that run calls now."""
        found = []
        for node in self.nodes:
            for process in node.family():
                with suppress(psutil.NoSuchProcess):
                    if process.name() == "ray::carry" or (process.cmdline() or [""])[0].startswith("ray::carry"):
                        found.append(process.pid)
        return found

    def kill(self) -> None:
        """Ends all nodes at once, the way a machine does that loses its power."""
        for node in self.nodes:
            node.kill()
        self.nodes.clear()


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster without any node yet; its files are gone at the end. Paths of sockets have to be short."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    cluster = RayCluster(folder / "s", free_port())
    cluster.folder.mkdir()
    try:
        yield cluster
    finally:
        cluster.kill()
        shutil.rmtree(folder, ignore_errors=True)
