"""The server's process: who it is, and that it really ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from graph.server.process import ProcessId, launch

OBEDIENT = "import signal, sys; open(sys.argv[1], 'w').write('ready'); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {OBEDIENT}"


@pytest.fixture
def started() -> Iterator[list[ProcessId]]:
    """Processes that are ended after the test."""
    processes: list[ProcessId] = []
    yield processes
    for process in processes:
        process.kill()


def run(code: str, folder: Path, started: list[ProcessId]) -> ProcessId:
    """Launches Python and returns when it has set its signals."""
    ready = folder / "ready"
    os.mkfifo(ready)
    process = launch([sys.executable, "-S", "-c", code, str(ready)], dict(os.environ), folder, folder / "log")
    started.append(process)
    assert ready.read_text() == "ready"
    return process


def test_it_runs_in_a_session_of_its_own(tmp_path: Path, started: list[ProcessId]) -> None:
    process = run(OBEDIENT, tmp_path, started)

    assert process.alive()
    assert os.getsid(process.pid) == process.pid != os.getsid(0)


def test_a_request_ends_it(tmp_path: Path, started: list[ProcessId]) -> None:
    process = run(OBEDIENT, tmp_path, started)

    assert process.end(10)
    assert not process.alive()
    assert process.end(10), "ending it again is no fault"


def test_force_ends_what_does_not_listen(tmp_path: Path, started: list[ProcessId]) -> None:
    process = run(STUBBORN, tmp_path, started)

    assert not process.end(0.05)
    assert not process.alive()


def test_a_frozen_one_ends_on_request(tmp_path: Path, started: list[ProcessId]) -> None:
    process = run(OBEDIENT, tmp_path, started)
    psutil.Process(process.pid).suspend()

    assert process.end(10)


def test_another_process_with_its_number_is_left_alone(tmp_path: Path, started: list[ProcessId]) -> None:
    process = run(OBEDIENT, tmp_path, started)
    earlier = ProcessId(process.pid, process.started - 1000)

    assert not earlier.alive()
    earlier.kill()
    assert earlier.end(10)
    assert process.alive()
