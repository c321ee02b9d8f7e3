"""What has been learned about kinds of subtasks, once for both dialects: one node per kind and engine, merged by the
reader; and how long the subtasks of a plan took before.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Fenced
from engine.estimates.precedents import Precedent
from engine.estimates.profile import StoredProfile
from engine.estimates.trends import Trend
from graph.fencing import Fencing

STATEMENTS = frozenset(
    {"attempt/trends", "profile/list", "profile/put", "subtask/durations", "task/precedents", "task/sizes"}
)

MOST_PROFILES = 20_000
"""Profiles that are read: of several engines, kinds and sizes."""
MOST_TRENDS = 20_000
"""Types by days by outcomes that are read."""


class Profiles(Fencing):
    """The profiles of one namespace."""

    async def profiles(self) -> list[StoredProfile]:
        """What all engines have learned, the latest first."""
        rows = await self._database.read("profile/list", namespace=self._namespace, limit=MOST_PROFILES)
        return [StoredProfile(row["kind"], row["data"], row["updated_at"], row["engine"]) for row in rows]

    async def put_profiles(self, profiles: Sequence[StoredProfile]) -> None:
        """Keeps what this engine has learned about some kinds."""
        if not profiles:
            return
        engine = self._engine
        rows = [
            {
                "id": f"{self._namespace}|{engine}|{profile.kind}",
                "kind": profile.kind,
                "data": profile.data,
                "updated_at": profile.updated_at,
            }
            for profile in profiles
        ]
        if not await self._fenced_write("profile/put", namespace=self._namespace, rows=rows):
            raise Fenced()

    async def precedents(self, plan_hash: str, runs: int, limit: int) -> list[list[Precedent]]:
        """How long the subtasks of a plan took in its last completed runs, the latest first."""
        ids = await self._database.read("task/precedents", namespace=self._namespace, plan=plan_hash, limit=runs)
        found: list[list[Precedent]] = []
        for row in ids:
            left = limit - sum(map(len, found))
            rows = await self._database.read("subtask/durations", task=row["id"], limit=left) if left > 0 else []
            found.append([Precedent(one["key"], one["type"], one["milliseconds"] / 1000) for one in rows])
        return [rows for rows in found if rows]

    async def task_sizes(self, since: str, limit: int) -> list[tuple[str, int]]:
        """(id, subtasks) of tasks with ids from ``since`` on, newest first."""
        rows = await self._database.read("task/sizes", namespace=self._namespace, since=since, limit=limit)
        return [(row["id"], row["subtasks"]) for row in rows]

    async def trends(self, since: str) -> list[Trend]:
        """The attempts of tasks with ids from ``since`` on, by type, day and outcome."""
        rows = await self._database.read("attempt/trends", namespace=self._namespace, since=since, limit=MOST_TRENDS)
        return [Trend(**{**row, "bytes": int(row["bytes"])}) for row in rows]
