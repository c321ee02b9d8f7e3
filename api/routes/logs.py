"""What subtasks have logged, of one task or of all."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import Caller
from api.cursor import Cursor, encode_cursor
from api.filters import Moment, milliseconds
from api.isolation import refuse_others_log
from api.logs import view
from api.openapi import problems
from api.routes import TheEngine
from api.schemas.logs import LogPage
from engine.errors import Fault, InvalidInput
from engine.logstore import LAST_ID, Level, LogWish
from engine.plan.ids import first_ulid

router = APIRouter(tags=["live"])


class LogFilter(BaseModel):
    """Which lines; conditions are joined by "and"."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    task: str = Field("", max_length=100)
    """Only of this task."""
    key: str = Field("", max_length=300)
    """With ``task``: only of this subtask."""
    agent_id: str = Field("", max_length=200)
    """Only of this agent."""
    level: Level = "debug"
    """Only as severe as this or more."""
    since: Moment | None = Field(None, alias="from")
    """Only from this time on."""
    until: Moment | None = Field(None, alias="to")
    """Only before this time."""
    cursor: Cursor | None = None
    """``next_cursor`` of the page before."""
    limit: int = Field(100, ge=1, le=1000)
    """Lines on a page."""

    def wish(self) -> LogWish:
        """What is asked of the engine."""
        if self.key and not self.task:
            raise InvalidInput([Fault("/key", "is the key of a subtask inside a task: name the task too")])
        bounds = [self.cursor] if self.cursor else []
        bounds += [first_ulid(milliseconds(self.until))] if self.until is not None else []
        return LogWish(
            task_id=self.task,
            key=self.key,
            agent_id=self.agent_id,
            level=self.level,
            since=first_ulid(milliseconds(self.since)) if self.since is not None else "",
            before=min(bounds, default=LAST_ID),
            limit=self.limit + 1,
        )


@router.get("/logs", responses=problems(400, 503))
async def list_logs(engine: TheEngine, wanted: Annotated[LogFilter, Query()], caller: Caller) -> LogPage:
    """What subtasks have logged, the latest first. Kept for LOG_KEEP_DAYS and up to LOG_KEEP_ROWS lines of the
    namespace; lines of another engine may be a second late. The key of one user has to name a task of that user.
    """
    await refuse_others_log(engine, caller, wanted.task)
    found = await engine.logbook.lines(wanted.wish())
    page = found[: wanted.limit]
    return LogPage(
        logs=[view(line) for line in page],
        next_cursor=encode_cursor(page[-1].id) if len(found) > wanted.limit else None,
    )
