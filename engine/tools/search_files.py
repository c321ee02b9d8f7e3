"""``search_files``: lines of text files below the roots that hold a text or match a regular expression.

Regular expressions are RE2's, which need linear time whatever the pattern is; Python's own would let one pattern hold
up the whole engine. Links are never followed, binary and large files are passed over and counted.
"""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field
from typing_extensions import TypedDict

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained
from engine.tools.health import roots_health
from engine.tools.list_files import FOLDER, MAX_DEPTH, Entry, walk
from engine.tools.roots import Roots
from engine.tools.rows.database import Database, pattern_fault
from engine.tools.rows.lines import LineSearch
from engine.tools.threads import in_thread

_MIB = 1024 * 1024
LINE_CHARACTERS = 500
"""So much of a line is shown."""
MAX_FILES, MAX_TOTAL_BYTES = 50_000, 1024 * _MIB
"""Searched at most; what is beyond is not, and the output says ``truncated``."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
Find = Callable[[str, int], list[tuple[int, str]]]


class SearchFilesInput(Input):
    """What to look for, and where."""

    text: str | None = Field(default=None, min_length=1, max_length=10_000)
    """What a line must hold, literally."""
    regex: str | None = Field(default=None, min_length=1, max_length=10_000)
    """Or a regular expression (RE2) that must match somewhere in it."""
    path: str = "."
    """A folder, relative to the first of FILE_ROOTS, or absolute below one of them."""
    glob: str = Field(default="*", min_length=1, max_length=1000)
    """Shell pattern for the names of files, such as ``*.py``; with a / in it, for the path below the folder."""
    recursive: bool = True
    """Go into folders below."""
    case: bool = True
    """Whether upper and lower case differ."""
    limit: int = Field(default=100, ge=1, le=10_000)
    """Most lines in all."""
    per_file: int = Field(default=20, ge=1, le=10_000)
    """Most lines of one file."""
    max_file_bytes: int = Field(default=4 * _MIB, ge=1, le=64 * _MIB)
    """Larger files are passed over."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """Time for all of it."""


class Match(TypedDict):
    """One line; ``path`` is below the folder, ``line`` counts from 1."""

    path: str
    line: int
    text: str


class SearchFilesOutput(TypedDict):
    """What was found; ``files`` were searched, ``skipped`` are binary, too large or unreadable."""

    path: str
    matches: list[Match]
    files: int
    skipped: int
    truncated: bool


class SearchFiles(ModelTool[SearchFilesInput]):
    """Searches files; its output is ``{"path", "matches": [{"path", "line", "text"}], "files", "skipped", ...}``."""

    name = "search_files"
    idempotent = True
    risk: Risk = "read"
    model = SearchFilesInput
    output = SearchFilesOutput

    def __init__(self, roots: Roots, grace: float) -> None:
        self._roots, self._grace = roots, grace

    def examine(self, value: SearchFilesInput) -> None:
        """One of text and regex, which must be one; a path that does not surely lie outside the roots."""
        if (value.text is None) == (value.regex is None):
            raise InputFault("give either text or regex")
        if value.text is not None and "\n" in value.text:
            raise InputFault("is looked for in single lines, so it must have no line break", "text")
        if value.regex is not None and "\0" in value.regex:
            raise InputFault("holds a NUL character; remove it", "regex")
        if value.regex is not None and (fault := pattern_fault(value.regex)):
            raise InputFault(f"is no regular expression: {fault}", "regex")
        if fault := self._roots.fault(value.path):
            raise InputFault(fault, "path")

    async def health_check(self) -> ToolHealth:
        """Whether the roots can be read."""
        return await roots_health(self._roots, write=False)

    async def perform(self, value: SearchFilesInput, context: RunContext) -> Json:
        """Searches in a thread, which a cancellation or the time limit stops."""
        search = _Search(self._roots, value, context.progress)
        return await in_thread(search.run, grace=self._grace, interrupt=True, stop=search.stop)


class _Search:
    """One search, in a thread; ``stop`` may come from another."""

    def __init__(self, roots: Roots, value: SearchFilesInput, alive: Callable[[], None]) -> None:
        self._roots, self._value, self._alive = roots, value, alive
        self._database: Database | None = None
        self._end = 0.0
        self._files = self._skipped = self._bytes = 0
        self._more = False

    def stop(self) -> None:
        """Ends the statement that runs."""
        if self._database is not None:
            self._database.interrupt()

    def run(self) -> Json:
        """All of it; raises ``ToolError``."""
        value = self._value
        self._end = time.monotonic() + value.timeout_seconds
        with ExitStack() as exits:
            find = self._literal if value.text is not None else self._expression(exits)
            exits.enter_context(explained(value.path))
            place = exits.enter_context(self._roots.open(value.path))
            folder = os.open(place.name, FOLDER, dir_fd=place.folder)
            found = self._matches(walk(folder, "", MAX_DEPTH if value.recursive else 0), find)
            matches: list[Match] = list(itertools.islice(found, value.limit + 1))
        return self._output(matches)

    def _matches(self, entries: Iterator[Entry], find: Find) -> Iterator[Match]:
        """Every line that is found, file by file in the order of their names."""
        for entry in entries:
            if not stat.S_ISREG(entry.state.st_mode) or not self._wanted(entry.path):
                continue
            if self._files >= MAX_FILES or self._bytes >= MAX_TOTAL_BYTES:
                self._more = True
                return
            if (text := self._text(entry)) is None:
                self._skipped += 1
                continue
            self._files += 1
            self._alive()
            lines = find(text, self._value.per_file + 1)
            self._more |= len(lines) > self._value.per_file
            for number, line in lines[: self._value.per_file]:
                yield {"path": _shown(entry.path), "line": number, "text": line[:LINE_CHARACTERS].rstrip("\r")}
            self._look_at_the_clock()

    def _wanted(self, path: str) -> bool:
        return fnmatch(path if "/" in self._value.glob else path.rpartition("/")[2], self._value.glob)

    def _text(self, entry: Entry) -> str | None:
        """A file as text; None when it is binary, too large, or cannot be read."""
        if entry.state.st_size > self._value.max_file_bytes:
            return None
        try:
            descriptor = os.open(entry.path.rpartition("/")[2], _READ, dir_fd=entry.folder)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(self._value.max_file_bytes + 1)
        except OSError:
            return None
        self._bytes += len(data)
        return None if b"\0" in data or len(data) > self._value.max_file_bytes else data.decode(errors="replace")

    def _literal(self, text: str, most: int) -> list[tuple[int, str]]:
        wanted = str(self._value.text)
        if not self._value.case:
            wanted = wanted.casefold()
        if wanted not in (text if self._value.case else text.casefold()):
            return []
        lines = enumerate(text.split("\n"), 1)
        found = ((number, line) for number, line in lines if wanted in (line if self._value.case else line.casefold()))
        return list(itertools.islice(found, most))

    def _expression(self, exits: ExitStack) -> Find:
        """Opens a database for the pattern."""
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="agent03-"))
        self._database = exits.enter_context(closing(Database(Path(folder))))
        search = LineSearch(self._database, str(self._value.regex), self._value.case)
        return search.found

    def _look_at_the_clock(self) -> None:
        if time.monotonic() > self._end:
            raise ToolError(
                f"the search took longer than {self._value.timeout_seconds} s; {self._files} files were searched",
                category=Category.TIMEOUT,
                suggestion="Narrow path or glob, or raise timeout_seconds.",
            )

    def _output(self, matches: list[Match]) -> Json:
        limit = self._value.limit
        output: SearchFilesOutput = {
            "path": self._value.path,
            "matches": matches[:limit],
            "files": self._files,
            "skipped": self._skipped,
            "truncated": self._more or len(matches) > limit,
        }
        return dict(output)


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")
