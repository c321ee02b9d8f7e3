"""Lines of the log as they go over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from api.schemas.logs import LogView
from engine.logstore import Level, LogLine, LogWish
from engine.times import iso

if TYPE_CHECKING:
    from engine.service import Engine

SHOWN_WITH_SUBTASK = 100
"""Lines that come with a subtask: the latest ones."""


def view(line: LogLine) -> LogView:
    """One line."""
    return LogView(
        id=line.id,
        at=iso(line.at),
        level=cast(Level, line.level),
        task_id=line.task_id,
        key=line.key,
        attempt=line.token,
        agent_id=line.agent_id or None,
        engine=line.engine or None,
        message=line.message,
        fields=msgspec.json.decode(line.fields),
    )


async def of_subtask(engine: Engine, task_id: str, key: str) -> list[LogView]:
    """The latest lines of a subtask, in the order of time."""
    found = await engine.logbook.lines(LogWish(task_id=task_id, key=key, limit=SHOWN_WITH_SUBTASK))
    return [view(line) for line in reversed(found)]
