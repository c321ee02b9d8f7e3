"""Searching in files, against real ones."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.tools.roots import Roots
from engine.tools.search_files import LINE_CHARACTERS, SearchFiles
from tests.support.tools_context import RecordingContext


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two text files, a binary one, a large one, and a link that leads outside."""
    root = tmp_path / "files"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("one\ntwo Tea\nthree tea\n")
    (root / "sub" / "b.py").write_bytes(b"tea = 1\r\n# it's [tea]\r\n")
    (root / "image").write_bytes(b"tea\0tea")
    (root / "large").write_text("tea\n" * 2_000_000)
    (tmp_path / "out").write_text("tea\n")
    (root / "link").symlink_to(tmp_path / "out")
    (root / "linked").symlink_to(tmp_path)
    return root


@pytest.fixture
def tool(files: Path) -> SearchFiles:
    """The tool on that folder."""
    return SearchFiles(Roots([str(files)]), 0.2)


async def search(tool: SearchFiles, **value: Any) -> Any:
    """Runs it."""
    assert tool.check(value) == []
    return await tool.run(value, RecordingContext())


def places(output: Any) -> list[tuple[str, int]]:
    """Where something was found."""
    return [(match["path"], match["line"]) for match in output["matches"]]


async def test_a_text_is_found_line_by_line(tool: SearchFiles) -> None:
    output = await search(tool, text="tea")
    assert places(output) == [("a.txt", 3), ("sub/b.py", 1), ("sub/b.py", 2)]
    assert output["matches"][2]["text"] == "# it's [tea]"
    assert (output["files"], output["skipped"], output["truncated"]) == (2, 2, False)
    assert places(await search(tool, text="TEA", case=False)) == [
        *(("a.txt", 2), ("a.txt", 3), ("sub/b.py", 1), ("sub/b.py", 2)),
    ]
    assert places(await search(tool, text="[tea]")) == [("sub/b.py", 2)]


async def test_a_pattern_is_found_line_by_line(tool: SearchFiles) -> None:
    assert places(await search(tool, regex="^t.*tea$")) == [("a.txt", 3)]
    assert places(await search(tool, regex="^TWO", case=False)) == [("a.txt", 2)]
    assert places(await search(tool, regex=r"it's \[\w+\]")) == [("sub/b.py", 2)]


async def test_it_is_narrowed_by_path_glob_and_depth(tool: SearchFiles) -> None:
    assert places(await search(tool, text="tea", glob="*.py")) == [("sub/b.py", 1), ("sub/b.py", 2)]
    assert places(await search(tool, text="tea", glob="sub/*", path="."))[0] == ("sub/b.py", 1)
    assert places(await search(tool, text="tea", path="sub"))[0] == ("b.py", 1)
    assert places(await search(tool, text="tea", recursive=False)) == [("a.txt", 3)]


async def test_limits_cut_and_say_so(tool: SearchFiles, files: Path) -> None:
    output = await search(tool, text="tea", limit=2)
    assert (len(output["matches"]), output["truncated"]) == (2, True)
    output = await search(tool, regex="tea", per_file=1)
    assert (places(output), output["truncated"]) == ([("a.txt", 3), ("sub/b.py", 1)], True)
    (files / "long").write_text("x" * 5_000)
    (match,) = (await search(tool, text="xxx"))["matches"]
    assert len(match["text"]) == LINE_CHARACTERS
    assert (await search(tool, text="tea", glob="large", max_file_bytes=10_000_000))["matches"][19]["line"] == 20


async def test_no_pattern_takes_long(tool: SearchFiles, files: Path) -> None:
    (files / "hostile").write_text("a" * 200_000 + "\n")
    started = time.monotonic()
    assert places(await search(tool, regex="^(a+)+$", glob="hostile")) == [("hostile", 1)]
    assert places(await search(tool, regex="^(a|a|aa)+b$", glob="hostile")) == []
    assert time.monotonic() - started < 10


async def test_time_is_limited(tool: SearchFiles) -> None:
    with pytest.raises(ToolError) as caught:
        await tool.run({"text": "tea", "timeout_seconds": 1e-9}, RecordingContext())
    assert (caught.value.category, "searched" in str(caught.value)) == (Category.TIMEOUT, True)


async def test_a_cancellation_stops_it(tool: SearchFiles, files: Path) -> None:
    for number in range(300):
        os.link(files / "large", files / f"large{number}")
    searching = asyncio.create_task(search(tool, regex="(t|x)*z", max_file_bytes=10_000_000))
    await asyncio.wait([searching], timeout=0.3)
    assert not searching.done()
    started = time.monotonic()
    searching.cancel()
    await asyncio.wait([searching])
    assert (searching.cancelled(), time.monotonic() - started < 2) == (True, True)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, ()),
        ({"text": "a", "regex": "b"}, ()),
        ({"text": "a\nb"}, ("text",)),
        ({"regex": "(unclosed"}, ("regex",)),
        ({"regex": r"(a)\1"}, ("regex",)),
        ({"regex": "a\0"}, ("regex",)),
        ({"text": "a", "path": "../x"}, ("path",)),
        ({"text": "a", "limit": 0}, ("limit",)),
    ],
)
def test_bad_input_is_found_in_the_plan(tool: SearchFiles, value: Any, path: tuple[str, ...]) -> None:
    assert [found for found, _ in tool.check(value)] == [path]


async def test_a_folder_that_is_none_is_told(tool: SearchFiles) -> None:
    for path in ("none", "a.txt", "linked"):
        with pytest.raises(ToolError) as caught:
            await search(tool, text="a", path=path)
        assert caught.value.category is Category.CONFIGURATION
