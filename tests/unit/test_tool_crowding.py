"""How the number of processes of a tool is held is found out from what the machine offers, the best first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.errors import Category
from engine.settings import Settings
from engine.tools.crowding import Crowding
from engine.tools.process import Ended, Limits
from engine.tools.process_failures import failed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has what is found here")


@pytest.fixture
def told(tmp_path: Path) -> tuple[Path, Path]:
    """Where a made-up system tells of processes and of groups."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "groups").mkdir()
    return tmp_path / "proc", tmp_path / "groups"


def _belongs(told: tuple[Path, Path], line: str) -> None:
    (told[0] / "self" / "cgroup").write_text(f"9:freezer:/x\n{line}\n")


def _crowding(told: tuple[Path, Path], **fields: object) -> Crowding:
    return Crowding(64, proc=told[0], cgroups=told[1], **fields)  # type: ignore[arg-type]


def _as(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_without_a_bound_nothing_is_looked_for(told: tuple[Path, Path]) -> None:
    held = Crowding(0, proc=told[0], cgroups=told[1]).held
    assert (held.how, held.packed(None)) == ("none", ["none", "", 0, 0, 0, 0, 0.0, ""])


def test_a_plain_user_is_held_by_the_kernel(told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _as(monkeypatch, 1000)
    held = _crowding(told, uids=(5000, 6000)).held
    assert (held.how, held.packed(None), held.packed(16)) == (
        "limit",
        ["limit", "", 0, 0, 64, 0, 0.0, ""],
        ["limit", "", 0, 0, 16, 0, 0.0, ""],
    )


def test_root_has_its_tools_run_as_others_or_watches_them(
    told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, 0)
    assert _crowding(told, uids=(5000, 6000)).held.packed(None) == ["user", "", 5000, 6000, 64, 0, 0.0, ""]
    watched = _crowding(told).held
    assert watched.how == "watch"
    assert "Set TOOL_UIDS or TOOL_CGROUP" in watched.words


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("8:pids:/job", "pids/job"),
        ("8:cpu,pids:/elsewhere", "pids"),
        ("0::/job", "job"),
        ("0::/a.service/x", "a.service"),
    ],
)
def test_a_group_that_cannot_hold_anything_is_passed_over(
    told: tuple[Path, Path], line: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, 1000)
    _belongs(told, line)
    folder = told[1] / place
    folder.mkdir(parents=True)
    assert folder in _crowding(told)._candidates()
    assert _crowding(told).held.how == "limit"
    assert list(folder.iterdir()) == []


def test_no_tool_is_put_outside_of_the_group_that_the_engine_is_in(told: tuple[Path, Path]) -> None:
    _belongs(told, "8:pids:/job")
    (told[1] / "pids").mkdir()
    assert _crowding(told)._candidates() == [told[1] / "pids"]
    (told[1] / "pids" / "job").mkdir()
    assert _crowding(told)._candidates() == [told[1] / "pids" / "job"]


def test_a_group_without_the_controller_is_passed_over(
    told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, 1000)
    _belongs(told, "0::/job")
    (told[1] / "job").mkdir()
    (told[1] / "job" / "cgroup.procs").write_text("")
    (told[1] / "job" / "cgroup.controllers").write_text("cpu memory\n")
    assert _crowding(told).held.how == "limit"


def test_a_group_that_was_asked_for_and_cannot_be_used_is_told(
    told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _as(monkeypatch, 1000)
    held = _crowding(told, group=told[1] / "missing").held
    assert held.how == "limit"
    assert "TOOL_CGROUP=" in held.fault


@pytest.mark.parametrize("value", ["5", "5-", "999-2000", "3000-2000", "1000-4294967295", "a-b", "-5-6"])
def test_users_that_cannot_be_are_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(tool_uids=value)


def test_the_settings_say_who_and_how_many() -> None:
    crowding = Crowding.of(Settings(tool_uids="400000-400099", tool_processes=32))
    assert (crowding._most, crowding._uids) == (32, (400_000, 400_099))
    assert Crowding.of(Settings())._uids is None


def test_processors_are_shared_out_where_a_group_can_do_it(
    told: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a made-up group: the kernel's own files are there as soon as a folder is made, here the parent's stand."""
    _as(monkeypatch, 1000)
    _belongs(told, "0::/job")
    group = told[1] / "job"
    group.mkdir()
    for name, text in {"procs": "", "controllers": "cpu pids", "subtree_control": "cpu pids"}.items():
        (group / f"cgroup.{name}").write_text(text)
    monkeypatch.setattr("engine.tools.crowding._usable", lambda _: True)
    held = _crowding(told, cpus=1.5).held
    assert (held.how, held.packed(None)[-2], held.fault) == ("group", 1.5, "")
    (group / "cgroup.controllers").write_text("pids")
    held = _crowding(told, cpus=1.5).held
    assert (held.packed(None)[-2], "TOOL_CPUS=1.5 needs a group" in held.fault) == (0.0, True)
    assert "TOOL_CPUS=2" in _crowding(told, group=told[1] / "none", cpus=2.0).held.fault


def test_one_that_wrote_too_much_ran_out_of_resources_and_did_not_crash() -> None:
    error = failed("make", Ended(-9, b"", b"", flooded=32 << 20), Limits(None, None, 1), None)
    assert (error.category, error.crashed) == (Category.RESOURCE, False)
    assert str(error) == "make wrote more than 32 MiB to disk and was stopped"
    assert "raise limits.disk_mb, TOOL_DISK_MB" in error.suggestion


def test_one_that_had_too_many_ran_out_of_resources_and_did_not_crash() -> None:
    error = failed("make", Ended(-9, b"", b"", crowded=32), Limits(None, None, 1), None)
    assert (error.category, error.crashed) == (Category.RESOURCE, False)
    assert str(error) == "make had 32 processes and was stopped"
    assert "raise limits.processes or TOOL_PROCESSES" in error.suggestion
