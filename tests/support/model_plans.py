"""What tests say in the place of a model that plans, and how an engine is led to it."""

from __future__ import annotations

import json

from engine.model import Json, Subtask
from tests.support.claude import KEY, PRICES, FakeClaude

SENTENCE = "Greet everybody who is on the list"
"""A sentence that no rule understands."""


def asking(fake: FakeClaude, **more: Json) -> dict[str, Json]:
    """Settings of an engine that asks the fake Claude."""
    address = f"http://127.0.0.1:{fake.port}"
    known: dict[str, Json] = {"anthropic_api_key": KEY, "anthropic_base_url": address, "claude_prices": PRICES}
    return known | {"claude_timeout_seconds": 20.0} | more


def told(key: str, value: Json, *needs: str, type: str = "noop", **more: Json) -> dict[str, Json]:
    """A subtask as a model writes it: its input is JSON text."""
    return {"key": key, "type": type, "input": json.dumps(value), "dependencies": list(needs), **more}


def answer(*subtasks: Json, reason: str = "as asked") -> dict[str, Json]:
    """The answer of a model that plans."""
    return {"reason": reason, "subtasks": list(subtasks)}


def error_of(row: Subtask) -> dict[str, Json]:
    """Why a subtask has failed."""
    found: dict[str, Json] = json.loads(row.error or "{}")
    return found
