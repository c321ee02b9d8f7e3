"""What the graph keeps of earlier attempts, as a Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.estimates.precedents import Precedent
from engine.estimates.profile import StoredProfile
from engine.estimates.trends import Trend


class Experience(Protocol):
    """What earlier attempts have taught, beside what is stored of them."""

    async def profiles(self) -> list[StoredProfile]:
        """What all engines of the namespace have learned about kinds of subtasks, the latest first."""

    async def put_profiles(self, profiles: Sequence[StoredProfile]) -> None:
        """Keeps what this engine has learned about some kinds, in place of what it kept before. Raises ``Fenced``."""

    async def precedents(self, plan_hash: str, runs: int, limit: int) -> list[list[Precedent]]:
        """How long each subtask took in the last ``runs`` completed tasks of a plan, the latest first; up to ``limit``
        subtasks in all. Only what did its own work counts: nothing reused or cached.
        """

    async def task_sizes(self, since: str, limit: int) -> list[tuple[str, int]]:
        """(id, subtasks) of up to ``limit`` tasks with ids from ``since`` on, newest first."""

    async def trends(self, since: str) -> list[Trend]:
        """The attempts of tasks with ids from ``since`` on, by type, day and outcome. Reads each of them."""
