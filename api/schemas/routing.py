"""How a tool is chosen."""

from __future__ import annotations

from typing import Any

from api.schemas.base import Wire
from api.schemas.subtasks import RequestView


class RuleView(Wire):
    """A rule, and whether it is for the subtask."""

    name: str
    matches: bool
    why: str
    """Why it is not; empty when it is."""


class CandidateView(Wire):
    """A tool that the rule may choose, and what is known of it for this input."""

    tool: str
    parameters: dict[str, Any]
    """Fields that it gets over the subtask's input."""
    requires: list[str]
    """An agent that has all of these runs it; ``agent:ID`` is what only that one has."""
    fallback: list[str]
    """What takes over for it, in this order."""
    unusable: str
    """Why it cannot run this now; empty when it can."""
    attempts: int
    """Those that are known."""
    seconds: float | None
    """What one takes; null where nothing is known."""
    success: float
    """The share that succeeds, what happened lately first."""
    cost: float
    """US dollars of one."""
    running: int
    limit: int | None
    """How many may run at once; null for no limit."""
    score: float | None
    """Seconds to its expected end, failures, waiting and money counted; null where nothing is known."""


class RoutePreview(Wire):
    """Which tool would run a subtask now, and why."""

    tool: str | None
    """Null when no candidate takes the input."""
    reason: str
    rule: str | None
    """The first rule that is for it; null when its type runs it."""
    strategy: str | None
    rules: list[RuleView]
    candidates: list[CandidateView]
    """Those of the rule, in its order."""
    request: RequestView | None
    """What an attempt would be asked to do; null when its type runs it, or nothing can."""
