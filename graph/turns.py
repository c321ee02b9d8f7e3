"""A ``Turn`` as statement parameters: what both dialects prepare alike. Pure."""

from __future__ import annotations

from typing import Any

from engine.model import Claim, Turn
from graph import codec


def settle_rows(turn: Turn, ran_on: str, namespace: str) -> list[dict[str, Any]]:
    """One row per settled attempt."""
    return [
        {
            "id": settle.id,
            "token": settle.token,
            "to": settle.to.value,
            "attempt": codec.attempt_row(settle, ran_on, namespace),
        }
        for settle in turn.settle
    ]


def decide_rows(turn: Turn) -> list[dict[str, Any]]:
    """One row per verdict."""
    return [{"id": decide.id, "to": decide.to.value, "error": decide.error} for decide in turn.decide]


def event_rows(turn: Turn) -> dict[str, dict[str, Any]]:
    """By task: the key and number of the first event that this turn may write."""
    return {
        task_id: {"first": last + 1, "key": codec.event_key(task_id, last + 1)}
        for task_id, last in turn.sequences.items()
    }


def claim(row: list[Any]) -> Claim:
    """A claimed subtask as the statements return it: id, task, key, type, spec, token, queued at."""
    return Claim(*row)
