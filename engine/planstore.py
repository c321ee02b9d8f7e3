"""Plans that completed, as the graph keeps them to be used again."""

from __future__ import annotations

from statistics import median
from typing import Protocol

from engine.model import Value


class LearnedPlan(Value, frozen=True):
    """A plan that completed, kept to be used again. ``key`` is what it is looked up by: its kind and a hash.

    ``type`` is the task's, ``shape_hash`` tells plans of one shape, ``text`` is the sentence without its literals,
    ``input_schema`` and ``pattern`` (the plan with its literals as parameters) are JSON text, ``source`` is what had
    planned it. ``seconds`` holds the last durations of its tasks that completed, newest last.
    """

    key: str
    type: str
    shape_hash: str
    text: str
    input_schema: str
    pattern: str
    source: str
    created_at: int
    used_at: int
    successes: int = 1
    failures: int = 0
    failures_in_a_row: int = 0
    seconds: tuple[float, ...] = ()

    @property
    def median_seconds(self) -> float | None:
        """What a task of this plan takes; None while nothing is known."""
        return median(self.seconds) if self.seconds else None


class PlanMemory(Protocol):
    """Plans that completed, to be used again. Engines that count one plan in the same moment may lose a count."""

    async def learned(self, key: str) -> LearnedPlan | None:
        """The plan of that key."""

    async def learned_plans(self, limit: int) -> list[LearnedPlan]:
        """Up to ``limit`` plans, newest first."""

    async def learn(self, plan: LearnedPlan) -> None:
        """Keeps a plan. One with its key and pattern counts a success instead; another pattern takes the old one's
        place. Raises ``Fenced``.
        """

    async def used(self, key: str, success: bool, seconds: float, at: int) -> None:
        """Counts how a task of that plan ended, after so many ``seconds``; the second failure in a row removes the
        plan. Nothing happens when there is none. Raises ``Fenced``.
        """

    async def forget_plan(self, key: str) -> bool:
        """Removes a plan; False when there is none. Not fenced."""
