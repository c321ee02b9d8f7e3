"""``list_files``: what lies in a folder below the roots. Links are named, never followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any, NamedTuple

from pydantic import Field

from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained
from engine.tools.health import roots_health
from engine.tools.roots import Roots
from engine.tools.threads import in_thread

MAX_DEPTH = 100
"""Folders below this depth are named and not entered: each level holds a descriptor."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened that must be none of somebody else's making."""


class ListFilesInput(Input):
    """Which folder, and what of it."""

    path: str = "."
    """A folder, relative to the first of FILE_ROOTS, or absolute below one of them."""
    pattern: str = Field(default="*", min_length=1, max_length=1000)
    """Shell pattern for the name, such as ``*.csv``; with a / in it, for the path below the folder."""
    recursive: bool = False
    """Go into folders below."""
    limit: int = Field(default=1000, ge=1, le=100_000)
    """Most entries to list."""


class ListFiles(ModelTool[ListFilesInput]):
    """Lists a folder in the order of the names; its output is ``{"path", "files": [...], "truncated"}``."""

    name = "list_files"
    idempotent = True
    risk: Risk = "read"
    model = ListFilesInput

    def __init__(self, roots: Roots, grace: float) -> None:
        self._roots, self._grace = roots, grace

    def examine(self, value: ListFilesInput) -> None:
        """Refuses a path that surely lies outside the roots."""
        if fault := self._roots.fault(value.path):
            raise InputFault(fault, "path")

    async def health_check(self) -> ToolHealth:
        """Whether the folders of FILE_ROOTS can be worked in."""
        return await roots_health(self._roots, write=False)

    async def perform(self, value: ListFilesInput, context: RunContext) -> Json:  # noqa: ARG002
        """Lists it in a thread, which a cancellation interrupts."""
        return await in_thread(lambda: self._list(value), grace=self._grace, interrupt=True)

    def _list(self, value: ListFilesInput) -> Json:
        files: list[Json] = []
        with explained(value.path), self._roots.open(value.path) as place:
            folder = os.open(place.name, FOLDER, dir_fd=place.folder)
            for path, found, _ in walk(folder, "", MAX_DEPTH if value.recursive else 0):
                name = path if "/" in value.pattern else path.rpartition("/")[2]
                if not fnmatch(name, value.pattern):
                    continue
                if len(files) == value.limit:
                    return {"path": value.path, "files": files, "truncated": True}
                files.append(_described(path, found))
        return {"path": value.path, "files": files, "truncated": False}


class Entry(NamedTuple):
    """Something in a folder: its path below where the walk began, its state, and the open folder that holds it."""

    path: str
    state: os.stat_result
    folder: int


def walk(folder: int, prefix: str, depth: int) -> Iterator[Entry]:
    """Each folder before what is in it, in the order of the names. Closes ``folder``."""
    try:
        for name in sorted(os.listdir(folder)):
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                yield Entry(prefix + name, found, folder)
                if depth > 0 and stat.S_ISDIR(found.st_mode):
                    yield from walk(os.open(name, FOLDER, dir_fd=folder), f"{prefix}{name}/", depth - 1)
            except FileNotFoundError:  # gone since the folder was read
                continue
    finally:
        os.close(folder)


def _described(path: str, found: os.stat_result) -> dict[str, Any]:
    return {
        "path": path.encode(errors="surrogateescape").decode(errors="replace"),
        "type": _kind(found.st_mode),
        "bytes": found.st_size,
        "modified": datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="milliseconds"),
    }


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
