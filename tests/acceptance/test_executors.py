"""An engine that is killed takes its worker processes along, and what they have started; the next one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.executing import HAS_RAY, MODULE, gone
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import PROGRAM, ROOT


def engine(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    """``agent03 run`` of one subtask that stays."""
    body = plan(step("a", type="x_stay", input={"path": str(folder / "there"), "descendants": True}))
    (folder / "stay.json").write_text(json.dumps(body))
    settings = {"AGENT03_TOOLS": MODULE, "PYTHONPATH": str(ROOT), "EXECUTOR": kind, "RAY_ADDRESS": "local"}
    settings |= {"EXECUTOR_PROCESSES": "1", "NEO4J_URL": "", "REDIS_URL": "", "RAY_AUTH_MODE": "disabled"}
    with (folder / "engine.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "run", "stay.json"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **settings},
            stdout=log,
            stderr=log,
        )


@pytest.mark.parametrize("kind", ["processes", *(["ray"] if HAS_RAY else [])])
async def test_kill_9_of_the_engine_ends_its_workers_and_the_next_one_goes_on(kind: str, tmp_path: Path) -> None:
    there = tmp_path / "there"
    process = engine(tmp_path, kind)
    try:
        await eventually(there.exists, 60)
        pids = [int(pid) for pid in there.read_text().split()]
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        await gone(*pids, seconds=10.0)
        there.unlink()
        process = engine(tmp_path, kind)
        await eventually(there.exists, 60)
        Path(f"{there}.go").touch()
        await eventually(lambda: process.poll() is not None, 60)
        assert process.returncode == 0, (tmp_path / "engine.log").read_text()
    finally:
        process.kill()
        process.wait(10)
