"""What subtasks have logged."""

from __future__ import annotations

from typing import Any, Literal

from api.schemas.base import Time, Wire


class LogView(Wire):
    """One line."""

    id: str
    at: Time
    level: Literal["debug", "info", "warning", "error"]
    task_id: str
    key: str
    """Of the subtask; empty where the engine says something about the task."""
    attempt: int
    """Which attempt of the subtask has said it, counted from 1; 0 where the engine has."""
    agent_id: str | None
    engine: str | None
    """The engine that ran it."""
    message: str
    """Up to 2,000 characters; what seems to hold a secret is left out."""
    fields: dict[str, Any]


class LogPage(Wire):
    """Lines, the latest first."""

    logs: list[LogView]
    next_cursor: str | None
