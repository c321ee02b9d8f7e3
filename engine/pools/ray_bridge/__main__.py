"""The bridge to Ray. A script: the engine starts it below a guardian, and talks with it over pipes.

Ray ends its own process when it loses its cluster, and holds threads, signals and hundreds of MiB; none of that belongs
into the engine. So a lost cluster is a bridge that has ended, and an engine that was killed takes its bridge along,
whereupon Ray stops what it ran for it.

A message begins with eight bytes, the number of a call, or 0 for what concerns the cluster. Here come: the address, to
begin with; calls, their options in a line before them; ``cancel``. Back go what the far side says of a call (see
``engine/pools/calls.py``), ``failed`` where Ray says it, and every second how the cluster is.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

HEADER = 8
ABOUT = 0
"""The number of what concerns the cluster."""
BY_REFERENCE = 32 * 1024
"""A call of more bytes than this is put into Ray's store and named in the call."""
PULSE_SECONDS = 1.0
CONNECT_SECONDS = "10"


def main() -> None:
    """Connects, and serves calls until the engine sends none any more."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    start = json.loads(read(asked) or b"{}")
    sys.path[:] = start["path"]
    writing = threading.Lock()

    def tell(number: int, data: bytes) -> None:
        message = number.to_bytes(HEADER, "big") + data
        message = len(message).to_bytes(HEADER, "big") + message
        with writing:
            while message:
                message = message[os.write(answers, message) :]

    try:
        ray = connected(start["address"], start["processors"])
    except BaseException as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        tell(ABOUT, json.dumps({"down": words}).encode())
        os._exit(3)
    try:
        asyncio.run(Bridge(ray, start, tell).serve(asked))
    finally:
        with suppress(Exception):
            ray.shutdown()


def connected(address: str, processors: int) -> Any:
    """Ray, connected. Raises whatever it raises."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_gcs_rpc_server_connect_timeout_s", CONNECT_SECONDS)
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    if address == "local":  # what a killed worker had started is killed too
        os.environ.setdefault("RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper", "true")
    import ray

    if address == "local":
        ray.init(
            address="local",
            num_cpus=processors or None,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="warning",
        )
    else:
        reach(address)
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    return ray


def reach(address: str) -> None:
    """Says at once that nobody listens there: Ray itself would try for a long time."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=5.0).close()


class Bridge:
    """The calls that are under way."""

    def __init__(self, ray: Any, start: dict[str, Any], tell: Callable[[int, bytes], None]) -> None:
        self._ray, self._tell = ray, tell
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._remote = ray.remote(max_retries=0, num_returns="streaming")(carrier(start["path"], start["settings"]))
        self._options: dict[str, Any] = {}

    async def serve(self, asked: Any) -> None:
        """Takes messages until there are no more."""
        loop = asyncio.get_running_loop()
        pulse = asyncio.create_task(self._pulse())
        try:
            while (message := await loop.run_in_executor(None, read, asked)) is not None:
                self._take(int.from_bytes(message[:HEADER], "big"), message[HEADER:])
        finally:
            pulse.cancel()
            for call in self._calls.values():
                call.cancel()
            if self._calls:
                await asyncio.wait(list(self._calls.values()), timeout=1.0)

    def _take(self, number: int, data: bytes) -> None:
        if data == b"cancel":
            call = self._calls.get(number)
            if call is not None:
                call.cancel()
            return
        options, _, body = data.partition(b"\n")
        call = self._calls[number] = asyncio.create_task(self._carry(number, options.decode(), body))
        call.add_done_callback(lambda _: self._calls.pop(number, None))

    async def _carry(self, number: int, options: str, body: bytes) -> None:
        remote = self._options.get(options)
        if remote is None:
            remote = self._options[options] = self._remote.options(**json.loads(options))
        stream = None
        try:
            payload = self._ray.put(body) if len(body) > BY_REFERENCE else body
            stream = remote.remote(payload)
            async for reference in stream:
                self._tell(number, await reference)
        except asyncio.CancelledError:
            if stream is not None:
                self._ray.cancel(stream, force=True)
            raise
        except Exception as error:
            self._tell(number, json.dumps({"type": "failed", "how": how(error), "words": words_of(error)}).encode())

    async def _pulse(self) -> None:
        """Says every second how the cluster is. While it does not answer, nothing is said."""
        while True:
            nodes = await asyncio.to_thread(self._ray.nodes)
            self._tell(ABOUT, json.dumps({"up": [seen(node) for node in nodes if node["Alive"]]}).encode())
            await asyncio.sleep(PULSE_SECONDS)


def seen(node: dict[str, Any]) -> dict[str, Any]:
    """What the engine wants to know of a node."""
    resources = {name: amount for name, amount in node["Resources"].items() if not name.startswith("node:")}
    labels = {name: value for name, value in node.get("Labels", {}).items() if not name.startswith("ray.io/")}
    return {"id": node["NodeID"][:12], "address": node["NodeManagerAddress"], "resources": resources, "labels": labels}


_HOW = {
    "WorkerCrashedError": "worker",
    "NodeDiedError": "node",
    "LocalRayletDiedError": "node",
    "OutOfMemoryError": "memory",
    "TaskUnschedulableError": "unschedulable",
    "TaskCancelledError": "cancelled",
    "RuntimeEnvSetupError": "setup",
    "RayTaskError": "code",
    "ObjectLostError": "lost",
    "RayActorError": "worker",
}


def how(error: BaseException) -> str:
    """What has failed, in one word; "cluster" where nothing better is known."""
    return next((_HOW[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _HOW), "cluster")


def words_of(error: BaseException) -> str:
    """The last that an error says, without colours."""
    text = str(error).replace("\x1b[36m", "").replace("\x1b[39m", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if how(error) == "code" and lines else " ".join(lines)
    return (last or type(error).__name__)[:500]


def carrier(path: list[str], settings: dict[str, Any]) -> Callable[[bytes], Iterator[bytes]]:
    """The function that Ray runs. It goes there by value, so a node needs the engine's packages and nothing else."""

    def carry(body: bytes) -> Iterator[bytes]:
        here = [entry for entry in path if os.path.isdir(entry)]  # noqa: PTH112 (it runs where nothing is imported)
        sys.path[:] = [*here, *(entry for entry in sys.path if entry not in here)]
        import ray

        from engine.pools.streaming import stream

        yield from stream(body, settings, ray.get_runtime_context().get_node_id()[:12])

    return carry


def read(asked: Any) -> bytes | None:
    """The next message; None when no more comes."""
    header = asked.read(HEADER)
    if len(header) < HEADER:
        return None
    data: bytes = asked.read(int.from_bytes(header, "big"))
    return data


if __name__ == "__main__":
    main()
