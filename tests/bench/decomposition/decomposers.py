"""What is compared: each takes the steps of a case and gives edges, or None when it has no answer.

``chain`` and ``parallel`` are what costs nothing: every step after the one before it, and no step after any. ``rules``
is ``engine.planning.ordering``. ``claude`` asks the model for the edges between the numbered steps; it runs where
ANTHROPIC_API_KEY is set.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from typing import Any

from api.environment import load_settings
from engine.errors import ToolError
from engine.language import LanguageModel, Prompt, Usage
from engine.planning.ordering import order_steps
from tests.bench.decomposition.cases import Case
from tests.bench.decomposition.metrics import Edge

Decomposer = Callable[[Case], Awaitable[list[Edge] | None]]
AT_ONCE = 4
"""Questions to the model at the same time."""
SYSTEM = (
    "You turn a list of steps into a dependency graph, so that independent steps can run at the same time. For each "
    "step decide which earlier or later steps must be finished before it can start: because it uses what they make, "
    "or because the goal would fail in another order. Name direct dependencies only. Steps may stay independent."
)
SCHEMA = {
    "type": "object",
    "properties": {
        "edges": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"before": {"type": "integer"}, "after": {"type": "integer"}},
                "required": ["before", "after"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["edges"],
    "additionalProperties": False,
}


async def chain(case: Case) -> list[Edge] | None:
    """Every step after the one before it."""
    return list(pairwise(range(len(case.steps))))


async def parallel(case: Case) -> list[Edge] | None:
    """No step after any."""
    return []


async def rules(case: Case) -> list[Edge] | None:
    """By textual cues."""
    return order_steps(case.steps)


class Claude:
    """Asks a language model; ``usage`` is what it has cost, ``failures`` the questions without a usable answer."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.usage = Usage(cost=0.0)
        self.failures: list[str] = []

    async def __call__(self, case: Case) -> list[Edge] | None:
        """One question about one case."""
        async with self._gate:
            try:
                answer = await self._model.ask(
                    Prompt([{"role": "user", "content": question(case)}], SYSTEM, SCHEMA, max_tokens=4_000)
                )
            except ToolError as error:
                self.failures.append(f"{case.id}: {error}")
                return None
        self.usage = self.usage.plus(answer.usage)
        edges = edges_in(answer.text)
        if edges is None:
            self.failures.append(f"{case.id}: no edges in an answer that stopped with {answer.stop}")
        return edges


def question(case: Case) -> str:
    """The case in words, its steps numbered from 1."""
    lines = [f"Goal: {case.goal}", "Steps:"]
    for number, step in enumerate(case.steps, 1):
        lines.append(f"{number}. {step.text}")
        lines += [f"   takes {', '.join(step.takes)}"] if step.takes else []
        lines += [f"   gives {', '.join(step.gives)}"] if step.gives else []
    return "\n".join(lines)


def edges_in(text: str) -> list[Edge] | None:
    """The edges of an answer, counted from 0; None when it is something else."""
    try:
        listed = json.loads(text)["edges"]
        return [(_number(edge, "before"), _number(edge, "after")) for edge in listed]
    except (ValueError, TypeError, KeyError):
        return None


def _number(edge: Mapping[str, Any], name: str) -> int:
    return int(edge[name]) - 1


def model_by_key() -> LanguageModel | None:
    """Claude by the environment; None without a key."""
    settings = load_settings()
    key = getattr(settings, "anthropic_api_key", None)
    if not key or not key.get_secret_value():
        return None
    from engine.adapters.claude import ClaudeModel

    model: LanguageModel = ClaudeModel(settings)
    return model
