"""``write_file``: puts a whole file in place at once, and keeps what was there before for undoing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from typing import Literal

import msgspec
from pydantic import Field

from engine.errors import Category, ToolError
from engine.model import Json
from engine.room import require_room
from engine.toolport import RunContext, ToolHealth
from engine.tools.atomic import replacement, temporary_name
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained, no_file
from engine.tools.health import roots_health
from engine.tools.read_file import MAX_FILE_BYTES
from engine.tools.roots import Place, Roots
from engine.tools.threads import in_thread
from engine.tools.undo import UndoLog

_ANYONE_WRITES = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class WriteFileInput(Input):
    """Where to write what."""

    path: str
    """Relative to the first of FILE_ROOTS, or absolute below one of them; missing folders are made."""
    content: Json
    """Text; any other value is written as indented JSON."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """base64: ``content`` is base64 text of the bytes to write."""
    overwrite: bool = Field(default=True)
    """False: an existing file is an error."""


class WriteFile(ModelTool[WriteFileInput]):
    """Writes a file; its output is ``{"path", "bytes", "sha256", "created"}``."""

    name = "write_file"
    idempotent = True
    refuses_tainted = True
    model = WriteFileInput

    def __init__(self, roots: Roots, undo: UndoLog, grace: float) -> None:
        self._roots, self._undo, self._grace = roots, undo, grace

    def examine(self, value: WriteFileInput) -> None:
        """Refuses a path that surely lies outside the roots, and text that is no base64."""
        if fault := self._roots.fault(value.path):
            raise InputFault(fault, "path")
        if value.encoding == "base64":
            as_bytes(value)

    def repeatable(self, value: Json) -> bool:
        """Not when it must be the first to write the file: the second run would find its own."""
        return isinstance(value, dict) and value.get("overwrite", True) is True

    async def health_check(self) -> ToolHealth:
        """Whether the folders of FILE_ROOTS can be worked in."""
        return await roots_health(self._roots, write=True)

    async def perform(self, value: WriteFileInput, context: RunContext) -> Json:
        """Writes it in a thread."""
        data = as_bytes(value)
        if len(data) > MAX_FILE_BYTES:
            raise ToolError(
                f"{value.path}: {len(data)} bytes are more than {MAX_FILE_BYTES}",
                category=Category.RESOURCE,
                suggestion="Write it with a python or shell subtask, or in parts.",
            )
        task_id, subtask_id = context.task_id, context.subtask_id
        return await in_thread(lambda: self._write(value, data, task_id, subtask_id), grace=self._grace)

    def _write(self, value: WriteFileInput, data: bytes, task_id: str, subtask_id: str) -> Json:
        with explained(value.path), self._undo.changing(task_id):
            self._undo.keep_folders(task_id, self._roots.missing(value.path))
            with self._roots.open(value.path, create=True) as place:
                previous = _mode(place, value.path)
                if previous is not None and not value.overwrite:
                    raise ToolError(
                        f"{value.path}: it exists already",
                        category=Category.CONFIGURATION,
                        suggestion='Choose another path, or allow it with "overwrite": true.',
                    )
                require_room(place.folder, len(data))
                name = temporary_name()
                with replacement(place, previous, name) as file:
                    file.write(data)
                    self._undo.keep(task_id, subtask_id, place, exists=previous is not None, temporary=name)
        digest = hashlib.sha256(data).hexdigest()
        return {"path": value.path, "bytes": len(data), "sha256": digest, "created": previous is None}


def as_bytes(value: WriteFileInput) -> bytes:
    """What to write; raises ``InputFault`` when it is no base64."""
    if value.encoding == "base64":
        try:
            return base64.b64decode(value.content, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise InputFault("must be base64 text for this encoding", "content") from None
    if isinstance(value.content, str):
        return value.content.encode()
    return msgspec.json.format(msgspec.json.encode(value.content), indent=2) + b"\n"


def _mode(place: Place, path: str) -> int | None:
    """The mode of the file that is there; None when there is none. Raises ``ToolError`` when it may not be written."""
    try:
        found = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise no_file(path, "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file")
    mode = stat.S_IMODE(found.st_mode)
    writable = os.access(place.name, os.W_OK, dir_fd=place.folder, effective_ids=True)
    if not writable or not mode & _ANYONE_WRITES:  # a new file in its place would need no permission of the old one
        raise ToolError(
            f"{path}: it is read-only",
            category=Category.PERMISSION,
            suggestion="Choose another path, or make it writable: chmod u+w.",
        )
    return mode
