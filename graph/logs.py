"""What attempts have logged, once for both dialects: one node per line, written in batches beside the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.logstore import SEVERITY, LogLine, LogWish
from graph.database import Database

STATEMENTS = frozenset({"log/count", "log/drop", "log/list", "log/of_task", "log/put", "log/shorten", "log/sweep"})
_NAMES = {number: name for name, number in SEVERITY.items()}


class Logs:
    """The log of one namespace."""

    _database: Database
    _namespace: str

    async def put_log(self, lines: Sequence[LogLine]) -> None:
        """Keeps lines."""
        rows = [
            {
                "id": line.id,
                "at": line.at,
                "level": SEVERITY[line.level],
                "task_id": line.task_id,
                "key": line.key,
                "token": line.token,
                "agent_id": line.agent_id,
                "engine": line.engine,
                "message": line.message,
                "fields": line.fields,
            }
            for line in lines
        ]
        await self._database.write("log/put", namespace=self._namespace, rows=rows)

    async def log_lines(self, wish: LogWish) -> list[LogLine]:
        """Lines, the latest first."""
        given: dict[str, Any] = {
            "agent": wish.agent_id,
            "level": SEVERITY[wish.level],
            "since": wish.since,
            "before": wish.before,
            "limit": wish.limit,
        }
        if wish.task_id:
            rows = await self._database.read("log/of_task", task=wish.task_id, key=wish.key, **given)
        else:
            rows = await self._database.read("log/list", namespace=self._namespace, **given)
        return [_line(row["l"]) for row in rows]

    async def log_length(self) -> int:
        """How many lines there are."""
        return int((await self._database.read("log/count", namespace=self._namespace))[0]["number"])

    async def shorten_log(self, limit: int) -> None:
        """Removes the oldest lines."""
        await self._database.write("log/shorten", namespace=self._namespace, limit=limit)

    async def sweep_log(self, before: str, limit: int) -> int:
        """Removes old lines."""
        rows = await self._database.write("log/sweep", namespace=self._namespace, before=before, limit=limit)
        return int(rows[0]["removed"]) if rows else 0


def _line(node: dict[str, Any]) -> LogLine:
    return LogLine(
        id=node["id"],
        at=node["at"],
        level=_NAMES[node["level"]],
        task_id=node["task_id"],
        key=node["key"],
        token=node["token"],
        message=node["message"],
        fields=node["fields"],
        agent_id=node["agent_id"],
        engine=node["engine"],
    )
