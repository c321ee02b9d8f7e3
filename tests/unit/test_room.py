"""Whoever writes asks first whether there is room: nothing is begun that does not fit."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.errors import Category, ToolError
from engine.room import SPARE_BYTES, NoSpace, free_bytes, require_room
from engine.tools.file_errors import explained
from engine.tools.process import Command, Limits, Processes
from engine.tools.roots import Roots
from engine.tools.rows.opening import _kept
from engine.tools.rows.source import Origin
from engine.tools.undo import UndoLog


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each disk has ten bytes left beside what is spared."""
    monkeypatch.setattr("engine.room.free_bytes", lambda _: SPARE_BYTES + 10)


def test_what_fits_may_be_written_and_a_byte_more_may_not(tmp_path: Path, little: None) -> None:
    require_room(tmp_path, 10)
    with pytest.raises(NoSpace, match="11 bytes do not fit on the disk, which has 1048586 bytes left") as caught:
        require_room(tmp_path, 11)
    assert caught.value.errno == errno.ENOSPC


def test_room_is_that_of_a_path_and_of_a_descriptor(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert free_bytes(descriptor) > 0
        assert free_bytes(tmp_path) > 0
    finally:
        os.close(descriptor)


def test_a_tool_says_how_much_there_was_to_be_written() -> None:
    with (
        pytest.raises(ToolError, match=r"a\.txt: 7 bytes do not fit on the disk, which has 3 bytes left") as caught,
        explained("a.txt"),
    ):
        raise NoSpace(7, 3)
    assert (caught.value.category, caught.value.suggestion) == (Category.RESOURCE, "Free some space.")


def test_no_copy_is_begun_of_a_file_that_is_to_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, little: None
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("x" * 11)
    roots = Roots([str(root)])
    undo = UndoLog(tmp_path / "undo", roots)

    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", no_link)
    with roots.open("a") as place, pytest.raises(NoSpace):
        undo.keep("T1", "S1", place, exists=True)
    assert os.listdir(tmp_path / "undo" / "T1") == []
    assert undo.changed("T1") == []

    (root / "b").write_text("x" * 10)
    with roots.open("b") as place:
        undo.keep("T1", "S1", place, exists=True)
    assert undo.changed("T1") == [str(root / "b")]


def test_what_is_put_back_has_to_fit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_text("before" * 10)
    roots = Roots([str(root)])
    undo = UndoLog(tmp_path / "undo", roots)
    with roots.open("a") as place:
        undo.keep("T1", "S1", place, exists=True)
    (root / "a").unlink()
    (root / "a").write_text("after")

    with monkeypatch.context() as full:
        full.setattr("engine.room.free_bytes", lambda _: SPARE_BYTES)
        undone = undo.roll_back("T1")
    assert "do not fit on the disk" in undone.failed[str(root / "a")]
    assert (root / "a").read_text() == "after"

    assert undo.roll_back("T1").restored == [str(root / "a")]
    assert (root / "a").read_text() == "before" * 10


async def test_input_for_a_process_has_to_fit(little: None) -> None:
    processes = Processes(0.1)
    with pytest.raises(ToolError, match="stdin: 11 bytes do not fit"):
        await processes.run(Command(["cat"], Limits(None, None, 100), stdin=b"x" * 11), lambda: None)
    ended = await processes.run(Command(["cat"], Limits(None, None, 100), stdin=b"x" * 10), lambda: None)
    assert ended.stdout == b"x" * 10
    await processes.close()


def test_rows_that_are_laid_down_have_to_fit(tmp_path: Path, little: None) -> None:
    with pytest.raises(ToolError, match="11 bytes do not fit"):
        _kept(b"a,b\n1,2\n3,4", Origin(format="csv", data="rows"), tmp_path, None)
    assert os.listdir(tmp_path) == []
