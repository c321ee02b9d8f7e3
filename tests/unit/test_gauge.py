"""What a machine and a container say of themselves is read as it stands, and what is missing is not known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.adapters.machine import Machine, _room

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of itself in files")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def told(tmp_path: Path) -> tuple[Path, Path]:
    """A machine of 1,000 MiB of which 400 are left."""
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    _write(proc / "meminfo", "MemTotal:       1024000 kB\nMemFree:  1 kB\nMemAvailable:    409600 kB\n")
    _write(proc / "self" / "cgroup", "0::/job\n")
    _write(proc / "self" / "statm", "1000 25 9 1 0 1 0\n")
    return proc, groups


@LINUX
def test_the_memory_of_the_machine(told: tuple[Path, Path]) -> None:
    seen = Machine([], *told).read()
    assert (seen.memory, seen.own) == (pytest.approx(0.6), 25 * os.sysconf("SC_PAGE_SIZE"))
    assert (seen.disk, seen.place) == (None, "")


@LINUX
@pytest.mark.parametrize(
    ("line", "folder", "limit", "used", "unused"),
    [
        ("0::/job", "job", "memory.max", "memory.current", "inactive_file"),
        ("0::/elsewhere", ".", "memory.max", "memory.current", "inactive_file"),
        ("4:memory:/job", "memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ("4:cpu,memory:/job", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_the_memory_of_the_container_counts_where_it_is_nearer_to_its_end(
    told: tuple[Path, Path], line: str, folder: str, limit: str, used: str, unused: str
) -> None:
    proc, groups = told
    _write(proc / "self" / "cgroup", f"9:freezer:/x\n{line}\n")
    place = groups / folder
    _write(place / limit, "1000\n")
    _write(place / used, "950\n")
    _write(place / "memory.stat", f"anon 1\n{unused} 150\n")
    assert Machine([], proc, groups).read().memory == pytest.approx(0.8)
    _write(place / limit, "max\n")
    assert Machine([], proc, groups).read().memory == pytest.approx(0.6)


@LINUX
def test_what_the_system_does_not_tell_is_not_known(tmp_path: Path) -> None:
    seen = Machine([tmp_path], tmp_path / "none", tmp_path / "none").read()
    assert (seen.memory, seen.own) == (None, None)
    assert seen.disk is not None


def test_this_machine_is_read() -> None:
    seen = Machine([Path("/")]).read()
    assert seen.memory is not None
    assert 0 < seen.memory < 1
    assert seen.load is not None
    assert seen.load >= 0
    assert seen.place == "/"


def test_the_room_of_a_folder_that_is_not_made_yet_is_that_above_it(tmp_path: Path) -> None:
    assert _room(tmp_path / "not" / "yet") is not None
    (tmp_path / "file").write_text("")
    assert _room(tmp_path / "file" / "below") is None
