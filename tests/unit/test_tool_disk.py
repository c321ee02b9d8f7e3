"""What a tool may write to disk is bound, and which share of the processors it may take."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.tools.crowding import Crowding
from engine.tools.process import Processes
from engine.tools.roots import Roots
from engine.tools.shell import Shell
from tests.support.tools_context import RecordingContext

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much a process has written")
FILES = """
i=0
while :; do i=$((i+1)); head -c 1048576 /dev/zero > f$((i % 50)); done
"""
"""Fifty files of a MiB, over and over, each by a process of its own that ends at once."""
APART = """
for n in 1 2 3 4; do (setsid sh -c "i=0; while :; do i=\\$((i+1)); head -c 262144 /dev/zero > p$n-\\$i; done" &) ; done
sleep 60
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """On a disk that counts: where files are kept in memory nothing is written to any."""
    before = _written()
    (tmp_path / "probe").write_bytes(b"x" * (1 << 20))
    if _written() - before < 1 << 20:
        pytest.skip(f"nothing counts what is written below {tmp_path}")
    return tmp_path


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


@pytest.fixture
async def shell(folder: Path) -> AsyncIterator[Shell]:
    made = Shell(Processes(0.1, Crowding(256, disk_mb=32)), Roots([str(folder)]))
    yield made
    await made.close()


async def fail(shell: Shell, text: str, **limits: Any) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await shell.run({"argv": ["sh", "-c", text], "cwd": ".", "limits": limits}, RecordingContext())
    return caught.value


@pytest.mark.parametrize("text", [FILES, APART])
async def test_a_flood_of_files_is_stopped(shell: Shell, folder: Path, text: str) -> None:
    error = await fail(shell, text)
    assert str(error).startswith("sh wrote more than 32 MiB to disk and was stopped"), "its last words may follow"
    assert error.category is Category.RESOURCE
    assert not error.crashed
    left = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == left, "nobody of it goes on"


async def test_one_file_ends_at_the_bound_by_the_kernel(shell: Shell, folder: Path) -> None:
    error = await fail(shell, "exec head -c 100000000 /dev/zero > large", disk_mb=4)
    assert "SIGXFSZ" in str(error)
    assert (error.category, "limits.disk_mb" in error.suggestion) == (Category.RESOURCE, True)
    assert (folder / "large").stat().st_size <= 4 << 20


async def test_what_stays_below_it_is_left_alone_and_a_subtask_may_ask_for_more(shell: Shell, folder: Path) -> None:
    for text, limits in (
        ("head -c 20000000 /dev/zero > a", {}),
        ("head -c 60000000 /dev/zero > b; sleep 0.5", {"disk_mb": 128}),
    ):
        value: Mapping[str, Any] = {"argv": ["sh", "-c", text], "cwd": ".", "limits": limits}
        output: Any = await shell.run(value, RecordingContext())
        assert output["exit_code"] == 0
    assert os.stat(folder / "b").st_size == 60_000_000


async def test_processors_are_shared_out(tmp_path: Path) -> None:
    """Two busy processes that may take half a processor together; a real group."""
    crowding = Crowding(64, cpus=0.5)
    if crowding.held.fault:
        pytest.skip(crowding.held.fault)
    shell = Shell(Processes(0.1, crowding), Roots([str(tmp_path)]))
    context = RecordingContext()
    busy = "timeout 2 sh -c 'while :; do :; done' & timeout 2 sh -c 'while :; do :; done'; wait; exit 0"
    try:
        await shell.run({"argv": ["sh", "-c", busy]}, context)
    finally:
        await shell.close()
    ((_, seconds),) = context.measures
    assert 0.1 < seconds < 1.7, "half of two seconds; without a bound it would be up to four"


def test_the_bound_is_said_in_words() -> None:
    assert Crowding(0, disk_mb=64).held.on_disk.startswith("64 MiB of a tool at most; ")
    assert Crowding(8).held.on_disk == "no bound (TOOL_DISK_MB=0)"
