"""Two hundred agents on one engine: how many subtasks a second go to them and back, and what their heartbeats cost.

    python -m tests.bench.agents [--agents 200] [--subtasks 4000] [--idle 60]
    python -m tests.bench.agents --real 5 [--subtasks 4000] [--idle 60]

The engine is a real ``agent03 serve`` on the embedded graph. The agents are stubs that speak the protocol, all of them
in one other process: each takes a subtask, and returns its result at once. With ``--real`` each is an ``agent03 agent``
of its own that runs noops.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import Serving

SLOTS = 4
HEARTBEAT = 10.0
ROOT = Path(__file__).parents[2]
PROGRAM = "from api.cli import main; main()"
Agents = Callable[[int, int], contextlib.AbstractContextManager[Callable[[], bool]]]
"""Starts so many agents of the engine at a port."""


def stubs(port: int, number: int) -> None:
    """The process of the agents; runs until it is ended."""
    asyncio.run(_stubs(port, number))


async def _stubs(port: int, number: int) -> None:
    limits = httpx2.Limits(max_connections=100)
    client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60, verify=False)
    await asyncio.gather(*(_stub(client, f"stub-{one:03}") for one in range(number)))
    await asyncio.gather(*(_beat(client, f"stub-{one:03}", one / number) for one in range(number)))


async def _beat(client: httpx2.AsyncClient, id_: str, part: float) -> None:
    """Beats for ever, each at its own moment: they were not all started at the same one."""
    said = {"is_available": True, "cpu_usage": 1.0, "memory_usage": 50.0, "tasks_completed": 0}
    await asyncio.sleep(part * HEARTBEAT)
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            await client.put(f"/agents/{id_}/heartbeat", json=said)
        await asyncio.sleep(HEARTBEAT)


async def _stub(client: httpx2.AsyncClient, id_: str) -> None:
    working: set[asyncio.Task[None]] = set()

    async def returned(body: Any) -> None:
        subtask = body["subtask"]
        result = {"task_id": body["task_id"], "subtask_id": subtask["subtask_id"], "token": subtask["token"]}
        result |= {"status": "completed", "output": id_}
        while True:  # until the engine has it, as the protocol has it
            with contextlib.suppress(httpx2.HTTPError):
                if (await client.post(f"/agents/{id_}/results", json=result)).status_code in (200, 409):
                    return
            await asyncio.sleep(0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            length = 0
            while (line := await reader.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = json.loads(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            task = asyncio.create_task(returned(body))
            working.add(task)
            task.add_done_callback(working.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    answer = await client.post("/agents", json={"agent_id": id_, "url": url, "capabilities": ["STUB"], "slots": SLOTS})
    assert answer.status_code == 200, answer.text


@contextlib.contextmanager
def in_one_process(port: int, number: int) -> Iterator[Callable[[], bool]]:
    """The stubs; yields whether they are there."""
    process = multiprocessing.get_context("spawn").Process(target=stubs, args=(port, number), daemon=True)
    process.start()
    try:
        yield process.is_alive
    finally:
        process.terminate()
        process.join()


@contextlib.contextmanager
def in_their_own(port: int, number: int) -> Iterator[Callable[[], bool]]:
    """As many real agents; yields whether all of them are there."""
    command = [sys.executable, "-c", PROGRAM, "agent", "--capabilities", "STUB", "--slots", str(SLOTS), "--port", "0"]
    command += ["--engine", f"http://127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = inherited | {"PYTHONPATH": str(ROOT), "DATA_PATH": folder, "LOG_LEVEL": "warning"}
        processes = [
            subprocess.Popen([*command, "--id", f"agent-{one}"], env=environment, stderr=subprocess.DEVNULL)
            for one in range(number)
        ]
        try:
            yield lambda: all(process.poll() is None for process in processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()


async def measure(agents: int, subtasks: int, idle: float, start: Agents) -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = Serving(Path(folder), {"NEO4J_URL": "", "REDIS_URL": "", "LOG_LEVEL": "warning"})
        server.settings["MAX_PARALLEL_TASKS"] = str(agents * SLOTS)
        try:
            await server.start()
            assert server.process is not None
            engine = psutil.Process(server.process.pid)
            alone = await _share(engine, idle / 2)
            alive = stack.enter_context(start(server.port, agents))

            async def there() -> bool:
                return len((await server.call("GET", "/agents")).json()["agents"]) == agents

            begun = time.monotonic()
            await eventually(there, 120, poll=0.2)
            print(f"{agents} agents registered after {time.monotonic() - begun:.1f} s")
            with_agents = await _share(engine, idle)
            print(
                f"idle engine: {alone:.1%} of a core without agents, {with_agents:.1%} with {agents} that beat every "
                f"{HEARTBEAT:g} s; the graph hears of them twice a minute"
            )
            await _work(server, engine, subtasks, alive)
            if start is in_their_own:
                rows = (await server.call("GET", "/agents")).json()["agents"]
                print(f"memory of an agent: {max(row['memory_usage'] for row in rows):.0f} MiB at most")
        finally:
            server.discard()


async def _share(process: psutil.Process, seconds: float) -> float:
    """What share of a core a process uses."""
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return float((sum(process.cpu_times()[:2]) - before) / seconds)


async def _work(server: Serving, engine: psutil.Process, number: int, alive: Callable[[], bool]) -> None:
    fields: dict[str, Any] = {"required_capabilities": ["STUB"], "cache": False}
    body = plan(*(step(f"s{place}", **fields) for place in range(number)))
    begun, used = time.monotonic(), sum(engine.cpu_times()[:2])
    task_id = await server.submit(body)
    stored = time.monotonic()
    taken: list[float] = []
    while (await server.task(task_id))["status"] not in ("completed", "failed"):
        for path in ("/agents", f"/tasks/{task_id}/subtasks?limit=20", "/health"):
            at = time.monotonic()
            await server.call("GET", path)
            taken.append(1000 * (time.monotonic() - at))
        assert alive(), "the process of the agents has ended"
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - stored
    assert (await server.task(task_id))["status"] == "completed"
    cpu = sum(engine.cpu_times()[:2]) - used
    print(
        f"{number} subtasks stored in {stored - begun:.1f} s, to agents and back "
        f"in {seconds:.1f} s: {number / seconds:.0f}/s"
    )
    print(
        f"engine: {1000 * cpu / number:.2f} ms of processor time a subtask, {engine.memory_info().rss / 2**20:.0f} MiB"
    )
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    percentile = statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
    print(f"API meanwhile ({len(taken)} requests): median {statistics.median(taken):.0f} ms, p95 {percentile:.0f} ms")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--real", type=int, default=0, help="so many agents in processes of their own instead")
    parser.add_argument("--subtasks", type=int, default=4000)
    parser.add_argument("--idle", type=float, default=60.0)
    given = parser.parse_args()
    start = in_their_own if given.real else in_one_process
    asyncio.run(measure(given.real or given.agents, given.subtasks, given.idle, start))


if __name__ == "__main__":
    main()
