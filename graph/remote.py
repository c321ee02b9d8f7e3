"""Agents of other processes, once for both dialects: one node for each. Heartbeats come here many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.remotestore import StoredAgent, Vitals
from graph.database import Database

STATEMENTS = frozenset({"remote/beat", "remote/drop", "remote/list", "remote/put"})


class RemoteAgents:
    """The agents of one namespace."""

    _database: Database
    _namespace: str

    async def put_remote(self, agent: StoredAgent) -> None:
        """Keeps an agent in place of an earlier one with its id."""
        await self._database.write(
            "remote/put",
            **_row(agent, self._namespace),
            namespace=self._namespace,
            agent_id=agent.agent_id,
            engine=agent.engine,
            url=agent.url,
            capabilities=list(agent.capabilities),
            slots=agent.slots,
            version=agent.version,
            registered_at=agent.registered_at,
        )

    async def remotes(self) -> list[StoredAgent]:
        """All of them, by id."""
        return [_agent(row) for row in await self._database.read("remote/list", namespace=self._namespace)]

    async def beat_remotes(self, rows: Sequence[StoredAgent]) -> None:
        """Writes the last heartbeats."""
        for engine in dict.fromkeys(row.engine for row in rows):
            own = [_row(row, self._namespace) for row in rows if row.engine == engine]
            await self._database.write("remote/beat", engine=engine, rows=own)

    async def drop_remote(self, agent_id: str, engine: str) -> None:
        """Forgets one."""
        await self._database.write("remote/drop", id=_id(agent_id, self._namespace), engine=engine)


def _row(agent: StoredAgent, namespace: str) -> dict[str, Any]:
    return {
        "id": _id(agent.agent_id, namespace),
        "seen_at": agent.seen_at,
        "tasks_completed": agent.vitals.tasks_completed,
        "state": msgspec.json.encode(agent.vitals).decode(),
    }


def _id(agent_id: str, namespace: str) -> str:
    return f"{namespace}|{agent_id}"


def _agent(row: Mapping[str, Any]) -> StoredAgent:
    fields = dict(row)
    vitals = msgspec.json.decode(fields.pop("state"), type=Vitals)
    return StoredAgent(**{**fields, "capabilities": tuple(row["capabilities"] or ())}, vitals=vitals)
