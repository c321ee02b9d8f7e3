"""Facts for answers, by hand: subtasks, a task, and what its engine knows."""

from __future__ import annotations

import json
from typing import Any

from engine.answers.facts import Facts, Here
from engine.lookups import Timing
from engine.model import Json, Subtask
from engine.states import SubtaskStatus
from tests.support.fake_engine import NOW, a_subtask, a_task

ERROR = {"category": "logic", "message": "it broke", "suggestion": "Mend it.", "attempt": 1}


def sub(key: str, status: str, index: int = 0, **fields: Json) -> Subtask:
    """A subtask in a state, as far as an answer needs it."""
    plain: dict[str, Any] = {"started_at": None, "completed_at": None, "attempts": 0, "token": 0, "output": None}
    return a_subtask(key, index, **(plain | {"status": SubtaskStatus(status)} | fields))


def failed(key: str, index: int = 0, **fields: Json) -> Subtask:
    """One that failed at its first attempt."""
    return sub(
        key, "failed", index, **({"completed_at": NOW - 5000, "attempts": 1, "error": json.dumps(ERROR)} | fields)
    )


def running(key: str, index: int = 0, **fields: Json) -> Subtask:
    """One that has been running for two seconds."""
    return sub(key, "processing", index, **({"started_at": NOW - 2000, "token": 1, "attempts": 1} | fields))


def here(**fields: Json) -> Here:
    """An engine with ten slots, none taken, that has the task."""
    return Here(**({"engine": "E1", "owned": True, "slots": 10, "running": 0, "tools": frozenset({"noop"})} | fields))


def facts(*above: tuple[Subtask, list[Subtask]], task: dict[str, Json] | None = None, **fields: Json) -> Facts:
    """What is known; ``above`` says what did not complete above which subtask."""
    needed = {subtask.id: others for subtask, others in above}
    engine = fields.pop("here", here())
    return Facts(now=NOW, task=a_task(**(task or {})), here=engine, needed=needed, **fields)


def timing(key: str, start: int | None, end: int | None, **fields: Json) -> Timing:
    """A subtask that ran between two moments, in milliseconds after ``NOW``."""
    plain: dict[str, Any] = {
        "id": f"T.{key}",
        "key": key,
        "type": "noop",
        "status": "completed",
        "critical": True,
        "attempts": 1,
        "queued_at": None if start is None else NOW + start,
        "started_at": None if start is None else NOW + start,
        "completed_at": None if end is None else NOW + end,
    }
    return Timing(**(plain | fields))
