"""The learned plans, once for both dialects: read, let ``engine.planning.memory`` decide, write what it says.

One engine does that for one plan after the other, so it loses no count; two engines may, which costs nothing but a
median that is a little off.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from engine.errors import Fenced
from engine.planning.memory import after, merged
from engine.planstore import LearnedPlan
from graph.fencing import Fencing

STATEMENTS = frozenset({"template/count", "template/drop", "template/get", "template/list", "template/put"})

COUNTS = ("successes", "failures", "failures_in_a_row", "median_seconds", "last_seconds", "used_at")
"""What a use changes."""


class Memory(Fencing):
    """The learned plans of one namespace."""

    def __init__(self) -> None:
        self._counting = asyncio.Lock()

    async def learned(self, key: str) -> LearnedPlan | None:
        """The plan of that key."""
        rows = await self._database.read("template/get", id=self._id(key))
        return plan(rows[0]["p"]) if rows else None

    async def learned_plans(self, limit: int) -> list[LearnedPlan]:
        """Up to ``limit`` plans, newest first."""
        rows = await self._database.read("template/list", namespace=self._namespace, limit=limit)
        return [plan(row["p"]) for row in rows]

    async def learn(self, plan: LearnedPlan) -> None:
        """Keeps a plan, or counts a success of the one that is there."""
        async with self._counting:
            row = plan_row(merged(await self.learned(plan.key), plan))
            await self._put("template/put", id=self._id(plan.key), namespace=self._namespace, **row)

    async def used(self, key: str, success: bool, seconds: float, at: int) -> None:
        """Counts how a task of that plan ended; the second failure in a row removes the plan."""
        async with self._counting:
            found = await self.learned(key)
            if found is None:
                return
            now = after(found, success, seconds, at)
            if now is None:
                await self.forget_plan(key)
                return
            row = plan_row(now)
            await self._put("template/count", id=self._id(key), **{name: row[name] for name in COUNTS})

    async def forget_plan(self, key: str) -> bool:
        """Removes a plan; False when there is none."""
        return bool(await self._database.write("template/drop", id=self._id(key)))

    async def _put(self, name: str, **row: Any) -> None:
        if not await self._fenced_write(name, **row):
            raise Fenced()

    def _id(self, key: str) -> str:
        return f"{self._namespace}|{key}"


def plan_row(plan: LearnedPlan) -> dict[str, Any]:
    """The properties of a PlanTemplate node, but for its id and its namespace."""
    return {
        "key": plan.key,
        "type": plan.type,
        "shape_hash": plan.shape_hash,
        "text": plan.text,
        "input_schema": plan.input_schema,
        "pattern": plan.pattern,
        "source": plan.source,
        "successes": plan.successes,
        "failures": plan.failures,
        "failures_in_a_row": plan.failures_in_a_row,
        "median_seconds": plan.median_seconds,
        "last_seconds": json.dumps(plan.seconds),
        "created_at": plan.created_at,
        "used_at": plan.used_at,
    }


def plan(node: Mapping[str, Any]) -> LearnedPlan:
    """A PlanTemplate node as a value."""
    names = set(LearnedPlan.__struct_fields__) - {"seconds"}
    return LearnedPlan(**{name: node[name] for name in names}, seconds=tuple(json.loads(node["last_seconds"])))
