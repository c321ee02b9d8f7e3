"""Files and values that the agents of a task share."""

from __future__ import annotations

from typing import Any, Literal

from api.schemas.base import Wire


class FileContent(Wire):
    """A file of a task."""

    path: str
    """As it was asked for, in the task's folder."""
    content: str
    encoding: Literal["utf-8", "base64"]
    bytes: int


class FileWritten(Wire):
    """A file that was written."""

    path: str
    bytes: int
    sha256: str
    created: bool
    """False: it has replaced one."""


class SharedValue(Wire):
    """A value that is shared inside a task."""

    name: str
    value: Any


class SharedValueSet(Wire):
    """A value that was put there."""

    name: str
    ttl_seconds: float
    """It is gone after so long, or earlier: it is a notice board and no record."""
