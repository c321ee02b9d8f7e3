"""A storm of processes below a guardian, in a world of its own: what is left of it cannot outlive this program.

``python -m tests.support.storm HOW MOST ROOM`` is started in a namespace of processes that ends with its first one, and
in a group that the kernel bounds to far more than the storm may have. It prints what became of the tool, and of the
event loop meanwhile, as JSON.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
import time
from pathlib import Path

from engine.errors import ToolError
from engine.tools.crowding import Crowding, Held
from engine.tools.guardian import stat_of, step_down
from engine.tools.process import Command, Limits, Processes
from engine.tools.roots import Roots
from engine.tools.shell import Shell
from tests.support.tools_context import RecordingContext

BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
"""Each process goes on forking; when the system refuses, it asks again."""
ORPHANS = ["bash", "-c", ":(){ :|:& };:"]
"""The classic one: its first process ends at once, and all the others have no parent."""
DYING_SECONDS = 5.0
"""What was killed may take so long to be gone."""
USERS = (420_000, 429_999)


def crowding(how: str, most: int, room: Path) -> Crowding:
    """What holds the tools in that way."""
    if how == "group":
        return Crowding(most, group=room)
    nowhere = Path("/nowhere")
    if how == "user":
        return Crowding(most, uids=USERS, cgroups=nowhere)
    return Crowding(most, cgroups=nowhere)


async def _storm(shell: Shell, argv: list[str]) -> dict[str, object]:
    """Runs it to its end beside a loop that looks at how late it is."""
    late: list[float] = []

    async def look() -> None:
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.005)
            late.append(time.monotonic() - begun - 0.005)

    looking = asyncio.create_task(look())
    begun = time.monotonic()
    error = ""
    try:
        await asyncio.wait_for(shell.run({"argv": argv}, RecordingContext()), 30)
    except ToolError as raised:
        error = f"{raised.category}: {raised}"
    seconds = time.monotonic() - begun
    looking.cancel()
    late.sort()
    return {"error": error, "seconds": round(seconds, 3), "late_p95": round(late[int(0.95 * len(late))], 4)}


async def _main(how: str, most: int, room: Path) -> None:
    if how == "limit":
        step_down(12_345, ctypes.CDLL(None))
    found = crowding(how, most, room)
    held: Held = found.held
    processes = Processes(0.2, found)
    shell = Shell(processes, Roots(["/"]))
    told: dict[str, object] = {"how": held.how}
    for name, argv in (("bomb", [sys.executable, "-c", BOMB]), ("orphans", ORPHANS)):
        told[name] = await _storm(shell, argv)
    after = await processes.run(Command(["true"], Limits(None, None, 1)), lambda: None)
    told["after"] = after.exit_code
    await shell.close()
    told["left"] = await _left()
    print(json.dumps(told))


async def _left() -> list[str]:
    """Who is still there when those that were killed have had time to end."""
    until = time.monotonic() + DYING_SECONDS
    while (left := _living()) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return left


def _living() -> list[str]:
    """Who else lives in this world; the dead that nobody buries do not count."""
    names = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    return [name for name in names if (fields := stat_of(name)) and fields[0] != b"Z"]


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
