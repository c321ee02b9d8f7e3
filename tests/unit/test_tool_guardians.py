"""The engine's side of a guardian, and how the end of a process becomes an error."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from engine.errors import Category, ToolError
from engine.tools import guardian
from engine.tools.crowding import Crowding
from engine.tools.guardians import Control, Guardians, NotStarted
from engine.tools.process import Command, Ended, Limits, Processes
from engine.tools.process_failures import category_of, crashed, failed, last_line, not_started
from engine.tools.python import Python
from engine.tools.shell import ProcessLimits
from engine.tools.sweep import kill_tree
from tests.support.tools_context import RecordingContext, until

UNBOUND = Crowding().held
LIMITS = Limits(memory_mb=100, cpu_seconds=2, output_bytes=10)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Control, socket.socket]]:
    """A control, and the guardian's end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    control = Control(ours)
    yield control, theirs
    control.close()
    theirs.close()


async def test_hello_tells_the_guardians_id(pair: tuple[Control, socket.socket]) -> None:
    control, guardian_end = pair
    guardian_end.send(b"P12")
    waiting = asyncio.create_task(control.hello())
    await asyncio.wait([waiting], timeout=0.01)
    guardian_end.send(b"34 X0:1500:1750:4096:0:0 ")
    assert await waiting is True
    assert control.pid == 1234
    guardian_end.close()
    assert await control.outcome() == (0, 1.5, 1.75, 4096, 0, 0)


async def test_hello_may_be_that_there_is_no_process_left(pair: tuple[Control, socket.socket]) -> None:
    control, guardian_end = pair
    guardian_end.send(f"E{errno.EAGAIN} ".encode())
    with pytest.raises(NotStarted) as caught:
        await control.hello()
    assert caught.value.errno == errno.EAGAIN


async def test_a_guardian_that_never_came_is_noticed(pair: tuple[Control, socket.socket]) -> None:
    control, guardian_end = pair
    guardian_end.close()
    assert await control.hello() is False


@pytest.mark.parametrize(
    ("said", "exit_code"), [(b"X0:0:0:0:0 ", 0), (b"X768:20:20:9:0 ", 3), (b"X9:1:1:9:64 ", -9), (b"", -9)]
)
async def test_the_outcome_is_read(pair: tuple[Control, socket.socket], said: bytes, exit_code: int) -> None:
    control, guardian_end = pair
    guardian_end.send(b"P1 " + said)
    guardian_end.close()
    assert await control.hello()
    assert (await control.outcome()).exit_code == exit_code


async def test_a_program_that_could_not_be_run_is_told(pair: tuple[Control, socket.socket]) -> None:
    control, guardian_end = pair
    guardian_end.send(b"E2 X32512:0:0:0:0 ")
    guardian_end.close()
    with pytest.raises(NotStarted) as caught:
        await control.outcome()
    assert caught.value.errno == errno.ENOENT


async def test_a_guardian_that_is_gone_can_be_told_anything(pair: tuple[Control, socket.socket]) -> None:
    control, guardian_end = pair
    guardian_end.close()
    assert await control.start((0, 1, 2), b"{}") is False
    control.ask_to_end()
    control.kill()
    await control.gone()
    control.close()
    control.kill()


async def test_an_interpreter_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    tool = Python(Processes(0.1))
    with pytest.raises(ToolError, match="there is no such program") as caught:
        await tool.run({"code": "pass"}, RecordingContext())
    assert caught.value.category is Category.CONFIGURATION
    await tool.close()


async def test_a_helper_that_dies_twice_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dead.py").write_text("")
    monkeypatch.setattr("engine.tools.guardians._SCRIPT", tmp_path / "dead.py")
    found = Guardians()
    with pytest.raises(NotStarted) as caught:
        await found.start((0, 1, 2), b"{}")
    assert caught.value.errno == errno.EAGAIN
    await found.close()


async def test_a_helper_that_does_not_end_is_killed() -> None:
    found = Guardians()
    control = await found.start((0, 1, 2), Command(["true"], LIMITS).packed(UNBOUND))
    await control.gone()
    control.close()
    helper = found._helper
    assert helper is not None
    helper.send_signal(signal.SIGSTOP)
    await found.close()
    assert helper.returncode == -signal.SIGKILL


def test_descendants_are_found_whatever_their_names(tmp_path: Path) -> None:
    odd = tmp_path / "a) b (c"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", odd)
    parent = subprocess.Popen(["sh", "-c", f"'{odd}' 60 & '{odd}' 60 & wait"])
    try:
        found: list[int] = []
        for _ in range(1000):
            found = guardian.descendants(parent.pid)
            if len(found) == 2:
                break
            os.sched_yield()
        assert len(found) == 2
        assert [guardian.parent_of(str(pid)) for pid in found] == [parent.pid] * 2
        assert parent.pid in guardian.descendants(os.getpid())
        assert guardian.parent_of("0") == 0
    finally:
        assert kill_tree(parent.pid) == 3
        parent.wait()
    assert guardian.descendants(parent.pid) == []


async def test_killing_from_outside(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    parent = subprocess.Popen(["sh", "-c", f"setsid sleep 73001.5 & touch {marker}; sleep 73001.5"])
    await until(marker.exists)
    assert kill_tree(parent.pid) >= 2
    assert parent.wait() in (-signal.SIGKILL, 128 + signal.SIGKILL), "its shell may see the end of the child first"
    assert kill_tree(parent.pid) == 0


def test_a_machine_at_its_limit_is_a_matter_of_resources() -> None:
    error = not_started("tool", errno.EAGAIN)
    assert (error.category, "MAX_PARALLEL_TASKS" in error.suggestion) == (Category.RESOURCE, True)
    error = not_started("tool", errno.ETXTBSY)
    assert (error.category, str(error)) == (Category.CONFIGURATION, "tool: it cannot be run (ETXTBSY)")


@pytest.mark.parametrize(
    ("exit_code", "stderr", "category", "hint"),
    [
        (-signal.SIGXCPU, b"", Category.RESOURCE, "processor time"),
        (128 + signal.SIGXCPU, b"", Category.RESOURCE, "processor time"),
        (-signal.SIGXFSZ, b"", Category.RESOURCE, "ulimit -f"),
        (-signal.SIGKILL, b"", Category.RESOURCE, "killed from outside"),
        (1, b"std::bad_alloc", Category.RESOURCE, "memory_mb (now 100)"),
        (126, b"", Category.CONFIGURATION, "install it"),
        (1, b"plain", Category.LOGIC, ""),
    ],
)
def test_each_end_says_what_to_do(exit_code: int, stderr: bytes, category: Category, hint: str) -> None:
    error = failed("tool", Ended(exit_code, b"", stderr), LIMITS, None)
    assert (error.category, hint in error.suggestion) == (category, True)


def test_odd_ends_are_told_too() -> None:
    assert str(failed("tool", Ended(-63, b"", b""), LIMITS, None)) == "tool was ended by signal 63"
    unlimited = Limits(memory_mb=None, cpu_seconds=None, output_bytes=1)
    assert category_of(Ended(1, b"", b"MemoryError"), unlimited) is Category.LOGIC
    assert unlimited.as_resources() == [("RLIMIT_CORE", 0, 0)]
    assert last_line(b"first\nlast \xff\n\n") == "last \ufffd"
    assert len(last_line(b"x" * 9999)) == 300


@pytest.mark.parametrize(
    ("exit_code", "stderr", "cpu_seconds", "expected"),
    [
        (-signal.SIGSEGV, b"", 0.0, True),
        (-signal.SIGABRT, b"", 0.0, True),
        (-signal.SIGBUS, b"", 0.0, True),
        (-signal.SIGILL, b"", 0.0, True),
        (-signal.SIGFPE, b"", 0.0, True),
        (128 + signal.SIGSEGV, b"", 0.0, True),
        (-signal.SIGKILL, b"", 0.1, True),
        (-signal.SIGKILL, b"", 3.0, False),
        (-signal.SIGABRT, b"terminate called: std::bad_alloc", 0.0, False),
        (-signal.SIGXCPU, b"", 2.0, False),
        (-signal.SIGTERM, b"", 0.0, False),
        (1, b"", 0.0, False),
        (75, b"", 0.0, False),
    ],
)
def test_a_crash_is_what_no_limit_explains(exit_code: int, stderr: bytes, cpu_seconds: float, expected: bool) -> None:
    ended = Ended(exit_code, b"", stderr, cpu_seconds)
    assert crashed(ended, LIMITS) is expected
    assert failed("tool", ended, LIMITS, None).crashed is expected


def test_a_killer_outside_is_told_from_the_limit_of_time() -> None:
    assert "cpu_seconds" in failed("tool", Ended(-9, b"", b"", 3.0), LIMITS, None).suggestion
    assert "from outside" in failed("tool", Ended(-9, b"", b"", 0.0), LIMITS, None).suggestion


def test_reduced_limits_are_halved_down_to_what_a_start_needs() -> None:
    limits = Limits(memory_mb=2048, cpu_seconds=8.0, output_bytes=1 << 20)
    assert limits.reduced(0) == limits
    assert limits.reduced(2) == Limits(512, 2.0, 1 << 18)
    assert limits.reduced(50) == Limits(64, 1.0, 65_536)
    assert Limits(None, None, 1 << 20).reduced(1) == Limits(None, None, 1 << 19)


def test_limits_that_the_subtask_gives_are_not_reduced() -> None:
    given = ProcessLimits(memory_mb=300)
    assert given.resolved(Limits(2048, None, 1 << 20), 3) == Limits(300, None, 1 << 17)


async def test_a_spare_that_was_killed_is_passed_over() -> None:
    processes = Processes(0.1)
    command = Command(["true"], LIMITS)
    await processes.run(command, lambda: None)
    spares = list(processes._guardians._spares)
    for spare in spares:
        assert await spare.hello()
        os.kill(spare.pid, signal.SIGKILL)
        await spare.gone()
    assert (await processes.run(command, lambda: None)).exit_code == 0
    await processes.close()


async def test_the_spares_end_with_the_helper() -> None:
    processes = Processes(0.1)
    await processes.run(Command(["true"], LIMITS), lambda: None)
    spares = [spare for spare in processes._guardians._spares if await spare.hello()]
    assert spares
    await processes.close()
    await until(lambda: not any(psutil.pid_exists(spare.pid) for spare in spares), 2)
