"""``read_file``: a file below the roots, as text or as base64."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.file_errors import explained, no_file
from engine.tools.health import roots_health
from engine.tools.roots import Roots
from engine.tools.threads import in_thread

MAX_FILE_BYTES = 64 * 1024 * 1024
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe must not make it wait


class ReadFileInput(Input):
    """Which file, and how."""

    path: str
    """Relative to the first of FILE_ROOTS, or absolute below one of them."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    """base64 for what is no text."""
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1, le=MAX_FILE_BYTES)
    """A larger file is refused."""


class ReadFile(ModelTool[ReadFileInput]):
    """Reads a file; its output is ``{"path", "content", "encoding", "bytes"}``."""

    name = "read_file"
    idempotent = True
    risk: Risk = "read"
    model = ReadFileInput

    def __init__(self, roots: Roots, grace: float) -> None:
        self._roots, self._grace = roots, grace

    def examine(self, value: ReadFileInput) -> None:
        """Refuses a path that surely lies outside the roots."""
        if fault := self._roots.fault(value.path):
            raise InputFault(fault, "path")

    def cacheable(self, value: Json) -> bool:
        """As long as the file stays as it is."""
        return isinstance(value, dict) and self._roots.stamp(str(value.get("path"))) is not None

    def environment(self, value: Json) -> Mapping[str, str]:
        """Size and time of the file."""
        return {"file": self._roots.stamp(str(value.get("path"))) or "missing"}

    async def health_check(self) -> ToolHealth:
        """Whether the folders of FILE_ROOTS can be worked in."""
        return await roots_health(self._roots, write=False)

    async def perform(self, value: ReadFileInput, context: RunContext) -> Json:  # noqa: ARG002
        """Reads it in a thread."""
        return await in_thread(lambda: self._read(value), grace=self._grace)

    def _read(self, value: ReadFileInput) -> Json:
        with explained(value.path), self._roots.open(value.path) as place:
            descriptor = os.open(place.name, _READ, dir_fd=place.folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise no_file(value.path, "no regular file")
                data = file.read(value.max_bytes + 1)
        if len(data) > value.max_bytes:
            raise ToolError(
                f"{value.path}: it is larger than {value.max_bytes} bytes",
                category=Category.RESOURCE,
                suggestion="Raise max_bytes (up to 64 MiB), or read it with a python subtask.",
            )
        content = _decoded(value.path, data) if value.encoding == "utf-8" else base64.b64encode(data).decode()
        return {"path": value.path, "content": content, "encoding": value.encoding, "bytes": len(data)}


def _decoded(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ToolError(
            f"{path}: it is no UTF-8 text (byte {error.start})",
            category=Category.LOGIC,
            suggestion='Read it with "encoding": "base64".',
        ) from None
