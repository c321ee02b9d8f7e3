"""What persons were asked and what they decided, once for both dialects: one node per request, written apart from the
turn by the few attempts that ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.approvalstore import Approval, Request, Verdict, Waiting
from graph import codec
from graph.fencing import Fencing

STATEMENTS = frozenset(
    {
        "approval/ask",
        "approval/decide",
        "approval/drop",
        "approval/of_subtask",
        "approval/of_task",
        "approval/open",
        "approval/void",
        "approval/waiting",
    }
)
_STANDS = frozenset({"processing", "awaiting_approval"})
"""Where a subtask is while its request waits: it moves there in the turn after the request is stored."""


class Approvals(Fencing):
    """The requests of one namespace."""

    async def ask_approval(self, request: Request) -> bool:
        """Stores a request, unless its attempt is not the running one any more."""
        return bool(
            await self._database.write(
                "approval/ask",
                id=request.id,
                namespace=self._namespace,
                task=request.task_id,
                subtask=request.subtask_id,
                token=request.token,
                key=request.key,
                type=request.type,
                hash=request.hash,
                rule=request.rule,
                why=request.why,
                asked_at=request.asked_at,
                until=request.until or 0,
                request=msgspec.json.encode(request).decode(),
            )
        )

    async def approvals_of(self, subtask_id: str) -> list[Approval]:
        """What was asked of one subtask, the oldest first."""
        return [approval(row["a"]) for row in await self._database.read("approval/of_subtask", subtask=subtask_id)]

    async def approvals_of_task(self, task_id: str, after: str, limit: int) -> list[Approval]:
        """What was asked of a task, by id, above an id."""
        rows = await self._database.read("approval/of_task", task=task_id, after=after, limit=limit)
        return [approval(row["a"]) for row in rows]

    async def waiting_for_approval(self, task_id: str, after: str, limit: int) -> list[Waiting]:
        """The subtasks of a task that wait for a person, in plan order."""
        rows = await self._database.read("approval/waiting", task=task_id, after=after, limit=limit)
        return [Waiting(codec.subtask(row["s"]), approval(row["a"]) if row["a"] else None) for row in rows]

    async def open_approvals(self, after: str, limit: int) -> list[Approval]:
        """Requests that wait for a verdict; those whose subtask has moved on are found here, and taken out."""
        rows = await self._database.read("approval/open", namespace=self._namespace, after=after, limit=limit)
        void = [row["a"]["id"] for row in rows if row["standing"] not in _STANDS or row["token"] != row["a"]["token"]]
        if void:
            await self._database.write("approval/void", ids=void)
        return [approval(row["a"]) for row in rows if row["a"]["id"] not in void]

    async def decide_approvals(self, ids: Sequence[str], verdict: Verdict) -> list[str]:
        """Writes a verdict on open requests; returns the ids of those that now have it."""
        rows = await self._fenced_write(
            "approval/decide",
            ids=list(ids),
            verdict=verdict.id,
            state=verdict.state,
            by=verdict.by,
            at=verdict.at,
            comment=verdict.comment,
            amended=verdict.amended,
            approved_hash=verdict.approved_hash,
        )
        return [row["id"] for row in rows]


def approval(node: Mapping[str, Any]) -> Approval:
    """An Approval node as a value."""
    request = msgspec.json.decode(node["request"], type=Request)
    state = node["state"]
    if not node["verdict_id"]:
        return Approval(request, state)
    verdict = Verdict(
        node["verdict_id"],
        state,
        node["decided_by"],
        node["decided_at"],
        node["comment"],
        node["amended"],
        node["approved_hash"],
    )
    return Approval(request, state, verdict)
