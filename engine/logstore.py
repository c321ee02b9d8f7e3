"""Where the graph keeps what attempts log, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from engine.model import Value

Level = Literal["debug", "info", "warning", "error"]
SEVERITY: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LAST_ID = "~"
"""Above every id."""


class LogLine(Value, frozen=True):
    """One line. ``id`` is a ULID, so the order of ids is that of time; ``fields`` is a JSON object as text."""

    id: str
    at: int
    level: str
    task_id: str
    key: str
    token: int
    message: str
    fields: str = "{}"
    agent_id: str = ""
    engine: str = ""


class LogWish(Value, frozen=True):
    """Which lines; an empty text stands for any. ``since`` and ``before`` are ids, ``level`` is the least severe."""

    task_id: str = ""
    key: str = ""
    agent_id: str = ""
    level: str = "debug"
    since: str = ""
    before: str = LAST_ID
    limit: int = 100


class LogStore(Protocol):
    """The log of a namespace. Nothing here is fenced: what a fenced engine has seen is true as well."""

    async def put_log(self, lines: Sequence[LogLine]) -> None:
        """Keeps lines; safe to repeat."""

    async def log_lines(self, wish: LogWish) -> list[LogLine]:
        """Lines, the latest first."""

    async def log_length(self) -> int:
        """How many lines there are."""

    async def shorten_log(self, limit: int) -> None:
        """Removes up to ``limit`` lines, the oldest ones."""

    async def sweep_log(self, before: str, limit: int) -> int:
        """Removes up to ``limit`` lines with ids below ``before``; returns how many."""
