"""The file tools against real files, and undoing what they did."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.toolport import Tool
from engine.tools.atomic import replacement
from engine.tools.delete_file import DeleteFile
from engine.tools.list_files import MAX_DEPTH, ListFiles
from engine.tools.read_file import ReadFile
from engine.tools.roots import Roots
from engine.tools.undo import UndoLog
from engine.tools.write_file import WriteFile
from tests.support.tools_context import RecordingContext, until


class Desk:
    """The four tools on one folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "files"
        self.root.mkdir()
        self.undo_folder = folder / "undo"
        roots = Roots([str(self.root)])
        self.log = UndoLog(self.undo_folder, roots)
        self.tools: dict[str, Tool] = {
            "read": ReadFile(roots, 0.5),
            "write": WriteFile(roots, self.log, 0.5),
            "list": ListFiles(roots, 0.5),
            "delete": DeleteFile(roots, self.log, 0.5),
        }

    async def do(self, tool: str, path: str = ".", /, task: str = "T1", **fields: Any) -> Any:
        """Runs one tool."""
        value = {"path": path, **fields}
        assert self.tools[tool].check(value) == []
        return await self.tools[tool].run(value, RecordingContext(task_id=task))

    async def fail(self, tool: str, path: str, **fields: Any) -> ToolError:
        """Runs one tool that must fail."""
        with pytest.raises(ToolError) as caught:
            await self.do(tool, path, **fields)
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The tools on a folder of the test."""
    return Desk(tmp_path)


async def test_text_is_written_and_read(desk: Desk) -> None:
    found = await desk.do("write", "a/b/note.txt", content="grün\n")
    data = "grün\n".encode()
    digest = hashlib.sha256(data).hexdigest()
    assert found == {"path": "a/b/note.txt", "bytes": len(data), "sha256": digest, "created": True}
    assert (desk.root / "a/b/note.txt").read_bytes() == data
    found = await desk.do("read", "a/b/note.txt")
    assert found == {"path": "a/b/note.txt", "content": "grün\n", "encoding": "utf-8", "bytes": len(data)}


async def test_bytes_travel_as_base64(desk: Desk) -> None:
    data = bytes(range(256))
    await desk.do("write", "raw", content=base64.b64encode(data).decode(), encoding="base64")
    assert (desk.root / "raw").read_bytes() == data
    assert base64.b64decode((await desk.do("read", "raw", encoding="base64"))["content"]) == data
    error = await desk.fail("read", "raw")
    assert (error.category, "base64" in error.suggestion) == (Category.LOGIC, True)


async def test_other_values_are_written_as_json(desk: Desk) -> None:
    await desk.do("write", "data.json", content={"a": [1, "é"]})
    assert (desk.root / "data.json").read_text() == '{\n  "a": [\n    1,\n    "é"\n  ]\n}\n'
    await desk.do("write", "null.json", content=None)
    assert (desk.root / "null.json").read_text() == "null\n"


async def test_a_replaced_file_keeps_its_mode(desk: Desk) -> None:
    (desk.root / "tool.sh").write_text("old")
    (desk.root / "tool.sh").chmod(0o750)
    assert (await desk.do("write", "tool.sh", content="new"))["created"] is False
    assert (desk.root / "tool.sh").stat().st_mode & 0o777 == 0o750


async def test_an_existing_file_can_be_protected(desk: Desk) -> None:
    await desk.do("write", "a", content="1", overwrite=False)
    error = await desk.fail("write", "a", content="2", overwrite=False)
    assert (error.category, "exists already" in str(error)) == (Category.CONFIGURATION, True)
    assert (desk.root / "a").read_text() == "1"
    tool = desk.tools["write"]
    assert isinstance(tool, WriteFile)
    assert tool.repeatable({"path": "a", "content": ""})
    assert not tool.repeatable({"path": "a", "content": "", "overwrite": False})
    assert not tool.repeatable("{{input}}")


async def test_a_write_that_fails_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.root / "a").write_text("old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.tools.atomic.os.fsync", full)
    error = await desk.fail("write", "a", content="new")
    assert (error.category, "disk is full" in str(error)) == (Category.RESOURCE, True)
    assert os.listdir(desk.root) == ["a"]
    assert (desk.root / "a").read_text() == "old"


async def test_a_writer_never_shows_half_a_file(desk: Desk) -> None:
    texts = [str(number) * 200_000 for number in range(4)]
    await desk.do("write", "shared", content=texts[0])
    writing = [asyncio.create_task(desk.do("write", "shared", content=text)) for text in texts]
    seen = {(await desk.do("read", "shared"))["content"] for _ in range(10)}
    await asyncio.gather(*writing)
    assert seen <= set(texts)
    assert os.listdir(desk.root) == ["shared"]


@pytest.mark.parametrize("tool", ["read", "write", "delete", "list"])
@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "link", "folder/passwd", "a/../../out"])
async def test_no_tool_leaves_the_roots(desk: Desk, tool: str, path: str) -> None:
    outside = desk.root.parent / "out"
    outside.write_text("secret")
    (desk.root / "link").symlink_to(outside)
    (desk.root / "folder").symlink_to("/etc")
    value = {"path": path} | ({"content": "x"} if tool == "write" else {})
    if desk.tools[tool].check(value):
        assert ".." in path
        return
    with pytest.raises(ToolError) as caught:
        await desk.tools[tool].run(value, RecordingContext())
    assert caught.value.category is Category.CONFIGURATION
    assert outside.read_text() == "secret"


async def test_what_is_no_regular_file_is_refused(desk: Desk) -> None:
    (desk.root / "folder").mkdir()
    os.mkfifo(desk.root / "pipe")
    for tool, fields in (("read", {}), ("write", {"content": ""}), ("delete", {})):
        for path in ("folder", "pipe", "."):
            error = await desk.fail(tool, path, **fields)
            assert (error.category, tool, path) == (Category.CONFIGURATION, tool, path)
    assert sorted(os.listdir(desk.root)) == ["folder", "pipe"]


async def test_a_missing_file_is_told(desk: Desk) -> None:
    error = await desk.fail("read", "not/there")
    assert str(error) == "not/there: there is no such file or folder"
    assert (error.category, "list_files" in error.suggestion) == (Category.CONFIGURATION, True)
    (desk.root / "file").write_text("")
    assert "no folder" in str(await desk.fail("read", "file/below"))
    assert "too long" in str(await desk.fail("write", "x" * 300, content=""))


async def test_sizes_are_limited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.root / "big").write_bytes(b"x" * 101)
    error = await desk.fail("read", "big", max_bytes=100)
    assert (error.category, "100 bytes" in str(error)) == (Category.RESOURCE, True)
    assert (await desk.do("read", "big", max_bytes=101))["bytes"] == 101
    monkeypatch.setattr("engine.tools.write_file.MAX_FILE_BYTES", 10)
    error = await desk.fail("write", "more", content="x" * 11)
    assert error.category is Category.RESOURCE
    assert not (desk.root / "more").exists()


async def test_deleting_is_told_and_may_be_repeated(desk: Desk) -> None:
    (desk.root / "a").write_text("1")
    assert await desk.do("delete", "a") == {"path": "a", "deleted": True}
    assert await desk.do("delete", "a") == {"path": "a", "deleted": False}
    assert await desk.do("delete", "no/such/folder") == {"path": "no/such/folder", "deleted": False}
    (desk.root / "target").write_text("kept")
    (desk.root / "link").symlink_to("target")
    assert "no regular file" in str(await desk.fail("delete", "link"))
    assert (desk.root / "target").exists()


async def test_a_folder_is_listed_in_order(desk: Desk) -> None:
    (desk.root / "b").mkdir()
    (desk.root / "b" / "deep.csv").write_text("12")
    (desk.root / "a.csv").write_text("1")
    (desk.root / "c").symlink_to("b")
    os.mkfifo(desk.root / "d")
    found = await desk.do("list")
    assert [(entry["path"], entry["type"]) for entry in found["files"]] == [
        *(("a.csv", "file"), ("b", "folder"), ("c", "link"), ("d", "other")),
    ]
    assert found["truncated"] is False
    assert found["files"][0]["bytes"] == 1
    assert found["files"][0]["modified"].endswith("+00:00")
    names = [entry["path"] for entry in (await desk.do("list", recursive=True, pattern="*.csv"))["files"]]
    assert names == ["a.csv", "b/deep.csv"]
    names = [entry["path"] for entry in (await desk.do("list", recursive=True, pattern="b/*"))["files"]]
    assert names == ["b/deep.csv"]
    assert [entry["path"] for entry in (await desk.do("list", "b"))["files"]] == ["deep.csv"]


async def test_a_long_list_is_cut_and_says_so(desk: Desk) -> None:
    for name in "edcba":
        (desk.root / name).touch()
    found = await desk.do("list", limit=3)
    assert ([entry["path"] for entry in found["files"]], found["truncated"]) == (["a", "b", "c"], True)
    assert (await desk.do("list", limit=5))["truncated"] is False


async def test_a_bottomless_tree_is_entered_so_far_and_no_further(desk: Desk) -> None:
    folder = desk.root
    for _ in range(MAX_DEPTH + 5):
        folder = folder / "d"
        folder.mkdir()
    before = len(os.listdir("/proc/self/fd"))
    assert len((await desk.do("list", recursive=True))["files"]) == MAX_DEPTH + 1
    assert len(os.listdir("/proc/self/fd")) == before


async def test_names_that_are_no_text_do_not_break_the_list(desk: Desk) -> None:
    (desk.root / os.fsdecode(b"bad\xff")).touch()
    assert [entry["path"] for entry in (await desk.do("list"))["files"]] == ["bad\ufffd"]


async def test_a_task_can_be_undone(desk: Desk) -> None:
    (desk.root / "kept").write_text("before")
    (desk.root / "kept").chmod(0o640)
    (desk.root / "removed").write_text("gone?")
    await desk.do("write", "kept", content="1")
    await desk.do("write", "kept", content="2")
    await desk.do("write", "new/file", content="3")
    await desk.do("delete", "removed")
    await desk.do("write", "others", task="T2", content="of another task")
    for _ in range(2):
        paths = desk.log.restore("T1")
        assert [Path(path).name for path in paths] == ["kept", "file", "removed"]
        assert (desk.root / "kept").read_text() == "before"
        assert (desk.root / "kept").stat().st_mode & 0o777 == 0o640
        assert (desk.root / "removed").read_text() == "gone?"
        assert not (desk.root / "new" / "file").exists()
        assert (desk.root / "others").read_text() == "of another task"
    assert desk.log.restore("T2") == [str(desk.root / "others")]
    assert desk.log.restore("unknown") == []


async def test_what_an_undo_would_put_back_can_be_asked_first(desk: Desk) -> None:
    await desk.do("write", "a", content="1")
    await desk.do("write", "a", content="2")
    await desk.do("delete", "a")
    assert desk.log.changed("T1") == [str(desk.root / "a")]
    assert not (desk.root / "a").exists()
    assert desk.log.changed("unknown") == []


async def test_undo_works_where_files_cannot_be_linked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_disk(*_: Any, **__: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("engine.tools.undo.os.link", other_disk)
    (desk.root / "a").write_text("before")
    await desk.do("write", "a", content="after")
    desk.log.restore("T1")
    assert (desk.root / "a").read_text() == "before"


async def test_a_journal_that_a_crash_cut_short_is_read_so_far(desk: Desk) -> None:
    (desk.root / "a").write_text("before")
    await desk.do("write", "a", content="after")
    with (desk.undo_folder / "T1" / "journal.jsonl").open("a") as journal:
        journal.write('{"path": "/etc/pas')
    desk.log.restore("T1")
    assert (desk.root / "a").read_text() == "before"


async def test_undo_does_not_leave_the_roots_either(desk: Desk) -> None:
    await desk.do("write", "a", content="x")
    (desk.root / "a").unlink()
    (desk.root / "a").symlink_to(desk.root.parent / "out")
    with pytest.raises(ToolError, match="outside"):
        desk.log.restore("T1")
    with pytest.raises(ValueError, match="no task id"):
        desk.log.restore("../T1")


async def test_a_line_that_a_crash_cut_short_takes_no_later_change_with_it(desk: Desk) -> None:
    await desk.do("write", "a", content="1")
    with (desk.undo_folder / "T1" / "journal.jsonl").open("a") as journal:
        journal.write('{"path": "/etc/pas')
    await desk.do("write", "b", content="2")
    assert desk.log.changed("T1") == [str(desk.root / "a"), str(desk.root / "b")]


async def test_a_rollback_leaves_nothing_of_the_task(desk: Desk) -> None:
    (desk.root / "kept").write_text("before")
    (desk.root / "kept").chmod(0o640)
    (desk.root / "shared").mkdir()
    await desk.do("write", "kept", content="after")
    await desk.do("write", "new/deep/file", content="1")
    await desk.do("write", "shared/mine", content="2")
    await desk.do("write", "other/mine", content="3")
    (desk.root / "other" / "theirs").touch()
    await desk.do("delete", "kept")
    for _ in range(2):
        undone = desk.log.roll_back("T1")
        assert (len(undone.restored), undone.failed) == (4, {})
        assert ((desk.root / "kept").read_text(), (desk.root / "kept").stat().st_mode & 0o777) == ("before", 0o640)
        assert sorted(os.listdir(desk.root)) == ["kept", "other", "shared"], "folders that it made go, where empty"
        assert os.listdir(desk.root / "other") == ["theirs"]
    assert desk.log.rolled_back("T1")
    assert not desk.log.rolled_back("T2")


async def test_a_thread_that_comes_after_the_rollback_changes_nothing(desk: Desk) -> None:
    (desk.root / "a").write_text("before")
    await desk.do("write", "a", content="after")
    desk.log.roll_back("T1")
    assert (await desk.fail("write", "a", content="late")).category is Category.CANCELLED
    assert (await desk.fail("delete", "a")).category is Category.CANCELLED
    assert os.listdir(desk.root) == ["a"]
    assert (desk.root / "a").read_text() == "before"
    await desk.do("write", "a", task="T2", content="of another task")


async def test_a_rollback_waits_for_a_change_that_is_under_way(desk: Desk) -> None:
    (desk.root / "a").write_text("before")
    with desk.log.changing("T1"):
        back = asyncio.create_task(asyncio.to_thread(desk.log.roll_back, "T1"))
        await until(lambda: (desk.undo_folder / "T1" / "closed").exists())
        with desk.log._roots.open("a") as place:
            desk.log.keep("T1", "S", place, exists=True)
        (desk.root / "a").unlink()
        assert not back.done()
    assert (await back).restored == [str(desk.root / "a")]
    assert (desk.root / "a").read_text() == "before"


async def test_what_cannot_be_put_back_keeps_nothing_else_from_it(desk: Desk) -> None:
    (desk.root / "a").mkdir()
    (desk.root / "a" / "x").write_text("before")
    (desk.root / "b").write_text("before")
    await desk.do("write", "a/x", content="after")
    await desk.do("write", "b", content="after")
    (desk.root / "a" / "x").unlink()
    (desk.root / "a").rmdir()
    (desk.root / "a").write_text("a file where the folder was")
    undone = desk.log.roll_back("T1")
    assert (undone.restored, list(undone.failed)) == ([str(desk.root / "b")], [str(desk.root / "a" / "x")])
    assert not desk.log.rolled_back("T1")
    (desk.root / "a").unlink()
    assert desk.log.roll_back("T1").failed == {}
    assert ((desk.root / "a" / "x").read_text(), desk.log.rolled_back("T1")) == ("before", True)


async def test_a_temporary_file_that_a_kill_left_goes_with_the_rollback(desk: Desk) -> None:
    desk.log.keep_folders("T1", [str(desk.root / "folder")])
    with desk.log._roots.open("folder/a", create=True) as place:
        desk.log.keep("T1", "S", place, exists=False, temporary=".left.tmp")
    (desk.root / "folder" / ".left.tmp").touch()
    assert desk.log.roll_back("T1").failed == {}
    assert os.listdir(desk.root) == []


async def test_a_file_has_no_name_before_it_is_whole(desk: Desk) -> None:
    with desk.log._roots.open("a") as place, replacement(place) as file:
        file.write(b"half")
        file.flush()
        if hasattr(os, "O_TMPFILE"):
            assert os.listdir(desk.root) == []
    assert os.listdir(desk.root) == ["a"]


async def test_a_file_is_named_where_files_cannot_be_linked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any, **__: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("engine.tools.atomic.os.link", no_links)
    (desk.root / "a").write_text("old")
    (desk.root / "a").chmod(0o604)
    await desk.do("write", "a", content="new")
    assert ((desk.root / "a").read_text(), (desk.root / "a").stat().st_mode & 0o777) == ("new", 0o604)
    monkeypatch.setattr("engine.tools.atomic._UNNAMED", 0)
    await desk.do("write", "a", content="newer")
    assert ((desk.root / "a").read_text(), (desk.root / "a").stat().st_mode & 0o777) == ("newer", 0o604)
    assert os.listdir(desk.root) == ["a"]


async def test_a_read_only_file_is_not_replaced(desk: Desk) -> None:
    (desk.root / "a").write_text("old")
    (desk.root / "a").chmod(0o444)
    error = await desk.fail("write", "a", content="new")
    assert (error.category, "chmod u+w" in error.suggestion) == (Category.PERMISSION, True)
    assert (desk.root / "a").read_text() == "old"


async def test_a_write_that_does_not_fit_is_not_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(os.statvfs(desk.root))
    found[0] = found[1] = 4096
    found[4] = 300  # blocks: 1.2 MB, of which one is spare
    monkeypatch.setattr("engine.room.os.statvfs", lambda _: os.statvfs_result(found))
    await desk.do("write", "small", content="x" * 100_000)
    error = await desk.fail("write", "large", content="x" * 200_000)
    assert (error.category, "do not fit" in str(error)) == (Category.RESOURCE, True)
    assert os.listdir(desk.root) == ["small"]


@pytest.mark.parametrize(
    ("tool", "value", "path"),
    [
        ("read", {}, ("path",)),
        ("read", {"path": ""}, ("path",)),
        ("read", {"path": "../x"}, ("path",)),
        ("read", {"path": "a", "encoding": "latin-1"}, ("encoding",)),
        ("read", {"path": "a", "max_bytes": 0}, ("max_bytes",)),
        ("write", {"path": "a"}, ("content",)),
        ("write", {"path": "a\0", "content": ""}, ("path",)),
        ("write", {"path": "a", "content": "no base64!", "encoding": "base64"}, ("content",)),
        ("write", {"path": "a", "content": 5, "encoding": "base64"}, ("content",)),
        ("write", {"path": "a", "content": "", "append": True}, ("append",)),
        ("delete", {"path": ".."}, ("path",)),
        ("delete", {"path": "a", "recursive": True}, ("recursive",)),
        ("list", {"path": "../"}, ("path",)),
        ("list", {"limit": 0}, ("limit",)),
        ("list", {"pattern": ""}, ("pattern",)),
    ],
)
def test_bad_input_is_named(desk: Desk, tool: str, value: Any, path: tuple[str, ...]) -> None:
    assert [place for place, _ in desk.tools[tool].check(value)] == [path]
