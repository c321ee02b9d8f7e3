"""Tools that take all they can get, on a real server: each is ended by its own limit, the others finish, and whoever
asks the API meanwhile hardly notices.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model import Json
from engine.tools.crowding import Crowding
from graph.ladybug.store import LadybugGraph
from tests.support.disks import small_disk
from tests.support.graphs import BUFFER_MB, breaches
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import Serving, plain_client
from tests.support.storm import BOMB

PROCESSES = 150
OTHERS = 30
ALONE, BESIDE_OTHERS = 0.2, 2.0
"""Seconds in which the API answers 95 of 100 requests: on a machine that does nothing else, and on one that runs other
tests.
"""
ONCE: dict[str, Json] = {"max_attempts": 1}
SAID = {
    "memory": "MemoryError",
    "processor": "was ended by SIGXCPU",
    "output": "wrote more than 1048576 bytes to stdout and was stopped",
    "open": "Too many open files",
    "full": "No space left on device",
    "late": "1000000 bytes do not fit on the disk",
    "files": "No space left on device",
    "storm": f"had {PROCESSES} processes and was stopped",
}
"""What the error of each hog says."""
ASKED = {"open", "full", "files"}
"""These are refused by the system and say so themselves: their exit code is that of any fault."""
pytestmark = pytest.mark.timeout(180)

MEMORY = "x = []\nwhile True: x.append(bytearray(1 << 20))"
PROCESSOR = "while True: pass"
OUTPUT = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
OPEN = "import os\nheld = []\nwhile True: held.append(open(os.devnull))"
FILES = "n = 0\nwhile True:\n    open(f'flood-{n}', 'w').close()\n    n += 1"
FULL = "f = open('full', 'wb', buffering=0)\nwhile True: f.write(b'x' * 65536)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes and some hundred files, for the tools."""
    with small_disk(tmp_path / "disk", "size=8m,nr_inodes=500") as folder:
        yield folder


@pytest.fixture
async def server(tmp_path: Path, namespace: str, disk: Path) -> AsyncIterator[Serving]:
    """A server with the small disk for its tools."""
    settings = {
        "NAMESPACE": namespace,
        "FILE_ROOTS": str(disk),
        "UNDO_PATH": str(tmp_path / "undo"),
        "TOOL_PROCESSES": str(PROCESSES),
        "MAX_PARALLEL_TASKS": "12",
        "PRESSURE_LOOK_SECONDS": "0.2",
    }
    server = Serving(tmp_path / "data", settings)
    await server.start()
    yield server
    server.discard()


def _hog(key: str, code: str, *needs: str, cwd: str | None = None, **limits: Json) -> dict[str, Json]:
    value: dict[str, Json] = {"argv": [sys.executable, "-c", code], "limits": limits}
    value |= {} if cwd is None else {"cwd": cwd}
    return step(key, *needs, type="shell", input=value, retry=ONCE, critical=False)


def _hogs(disk: Path) -> list[dict[str, Json]]:
    """One of each kind. A storm of processes only where the kernel holds it: whatever is wrong here harms nobody."""
    after: dict[str, Json] = {"run_if": "all_settled", "retry": ONCE, "critical": False}
    late = {"path": "late.txt", "content": "x" * 1_000_000}
    found = [
        _hog("memory", MEMORY, memory_mb=128),
        _hog("processor", PROCESSOR, cpu_seconds=1),
        _hog("output", OUTPUT),
        _hog("open", OPEN, open_files=64),
        _hog("full", FULL, cwd=str(disk)),
        step("late", "full", type="write_file", input=late, **after),
        _hog("files", FILES, "full", cwd=str(disk)) | {"run_if": "all_settled"},
    ]
    if Crowding(PROCESSES).held.how in ("group", "limit"):
        found.append(_hog("storm", BOMB))
    return found


async def _asked(server: Serving, task_id: str, over: asyncio.Event) -> list[float]:
    """How long the API took, asked without a pause until all is over."""
    taken: list[float] = []
    async with plain_client(server.port) as client:
        while not over.is_set():
            for path in (f"/tasks/{task_id}", "/tasks", "/health/live"):
                begun = time.monotonic()
                assert (await client.get(path)).status_code == 200
                taken.append(time.monotonic() - begun)
            await asyncio.sleep(0)
    return sorted(taken)


async def _ended(server: Serving, task_id: str) -> dict[str, Any]:
    async def over() -> bool:
        return (await server.task(task_id))["status"] not in ("pending", "processing")

    await eventually(over, 90)
    return await server.task(task_id)


async def _error(server: Serving, task_id: str, key: str) -> str:
    error = (await server.call("GET", f"/tasks/{task_id}/subtasks/{key}")).json()["subtask"]["error"]
    return f"{error['category']}: {error['message']}"


@pytest.mark.parametrize("within", [BESIDE_OTHERS, pytest.param(ALONE, marks=pytest.mark.long)])
async def test_hogs_end_by_their_limits_and_nobody_else_notices(
    server: Serving, disk: Path, within: float, record_property: Any
) -> None:
    hogs = _hogs(disk)
    others = [step(f"o{n}", type="shell", input={"argv": ["true"]}) for n in range(OTHERS)]
    first = await server.submit(plan(*hogs))
    second = await server.submit(plan(*others))
    over = asyncio.Event()
    asking = asyncio.create_task(_asked(server, first, over))
    assert (await _ended(server, second))["subtasks"] == {"completed": OTHERS}
    await _ended(server, first)
    over.set()
    taken = await asking

    errors = {key: await _error(server, first, key) for key in [str(hog["key"]) for hog in hogs]}
    for key, words in SAID.items():
        if key in errors:
            category, _, message = errors[key].partition(": ")
            assert (category, words in message) == ("logic" if key in ASKED else "resource", True), errors[key]
    p95 = taken[int(0.95 * len(taken))]
    record_property("api_p95_ms", round(1000 * p95, 1))
    print(f"p95 {1000 * p95:.1f} ms of {len(taken)} requests, longest {1000 * taken[-1]:.1f} ms")
    assert p95 < within
    assert await server.stop() == 0
    graph = LadybugGraph(server.folder, "looker", BUFFER_MB)
    await graph.open()
    try:
        assert await breaches(graph) == {}
    finally:
        await graph.close()
