"""What happens in a task: as pages, and live as Server-Sent Events or over a WebSocket."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import present, schemas
from api.accept import preferred
from api.access import Caller, still_good
from api.filters import TaskState
from api.isolation import user_asked_for
from api.live.channel import Lag
from api.live.stream import MEDIA_TYPE, EventStream, send_texts
from api.openapi import problems
from api.routes import TheEngine, TheHub
from engine.errors import EngineError, GraphUnavailable, NotFound
from engine.model import Glance

router = APIRouter(tags=["live"])

BAD_PARAMETERS, UNKNOWN_TASK, TRY_AGAIN = 4400, 4404, 1013
JSON = "application/json"
MOST = 2**53
EXAMPLE = """retry: 2000

id: 7
data: {"seq":7,"at":"2026-11-26T10:15:30.123Z","key":"fetch","event":"succeed","from":"processing","to":"completed"}

event: progress
data: {"percent":50.0,"completed":1,"total":2,"status":"processing","phase":"executing","counts":{"completed":1}}

id: 9
event: end
data: {"seq":9,"status":"completed"}

"""
FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}}}
}


PLACE = r"^[0-9A-HJKMNP-TV-Z]{26}:[0-9]{1,15}$"
ALL_EXAMPLE = """retry: 2000

id: 01KAJ7M2Q8Z5T3V9W4X6Y7B8C9:9
event: task
data: {"percent":100.0,"completed":2,"total":2,"task_id":"01KAJ7M2Q8Z5T3V9W4X6Y7B8C9","seq":9,"status":"completed"}

"""
ALL_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": ALL_EXAMPLE}}}
}


class Place(BaseModel):
    """From where a viewer goes on."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    after: int = Field(0, ge=0, le=MOST)
    """Number of the last event already known; 0 for all."""
    lag: Lag = "read"
    """Of a stream: what a viewer gets who is thousands of events behind, ``read`` all of them, or one ``snapshot``."""


class EventRange(Place):
    """Which events of a task to list."""

    limit: int = Field(1000, ge=1, le=1000)
    """Events on a page."""


class TasksWatched(BaseModel):
    """Which tasks to watch; conditions are joined by "and"."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    status: TaskState | None = None
    """Only tasks in this state: with ``failed`` those that fail."""
    type: str | None = None
    """Only tasks of this type."""

    def lets_through(self, task: Glance) -> bool:
        """Whether a task is one of them."""
        return self.status in (None, task.status) and self.type in (None, task.type)


@router.get(
    "/tasks/{task_id}/events",
    response_model=schemas.EventPage,
    responses=FORMS | problems(400, 404, 503),
)
async def list_events(
    request: Request,
    response: Response,
    engine: TheEngine,
    hub: TheHub,
    task_id: str,
    wanted: Annotated[EventRange, Query()],
    last_event_id: Annotated[
        int | None, Header(ge=0, le=MOST, description="Of a stream: goes before ``after``; browsers send it.")
    ] = None,
) -> Any:
    """What happened, in order and without gaps: a page of it, or with ``Accept: text/event-stream`` all of it, live.

    A page that is empty means: nothing new yet. A stream has each event once and in order whenever a client joins or
    rejoins, with its number as ``id``; ``event: progress`` when that has changed, at most ten times a second;
    ``event: snapshot`` see ``lag``; ``event: end`` after the last event of a final task: do not connect again.
    The same over a WebSocket at ``/ws/tasks/{task_id}?after=&lag=``: texts ``{"type": "event" | "progress" |
    "snapshot" | "end", ...}``; it is closed with 4404 (no such task), 4400 (bad parameters), 1000 after the end, 1001
    when the engine stops, 1003 when the client says something and 1008 when its key was revoked.
    """
    if preferred(request.headers.get("accept", ""), [JSON, MEDIA_TYPE]) == MEDIA_TYPE:
        after = wanted.after if last_event_id is None else last_event_id
        return EventStream(await hub.admit(task_id, after, wanted.lag), lambda: still_good(request))
    response.headers["Vary"] = "Accept"
    events = [present.event_view(event) for event in await engine.events_page(task_id, wanted.after, wanted.limit)]
    return schemas.EventPage(events=events, next_after=events[-1].seq if events else wanted.after)


@router.get("/events", response_model=None, responses=ALL_FORMS | problems(400, 503))
async def watch_tasks(
    request: Request,
    hub: TheHub,
    wanted: Annotated[TasksWatched, Query()],
    caller: Caller,
    last_event_id: Annotated[
        str | None, Header(pattern=PLACE, description="Goes on from there; browsers send it.")
    ] = None,
) -> Response:
    """All tasks of the namespace live, also those of other engines, as Server-Sent Events: ``event: task`` when one is
    new or in another state, ``event: progress`` when its counts have changed. With the key of one user only that
    user's.

    Each message is the whole of what is told of a task: the latest one counts, so one that comes twice does no harm.
    After ``Last-Event-ID`` (``TASK:SEQ``) everything since then comes, and what changed in the minute before once more.
    Without it the stream begins with what changes from now on.
    """
    user = user_asked_for(caller, None)

    def lets_through(task: Glance) -> bool:
        return user in (None, task.user_id) and wanted.lets_through(task)

    parts = await hub.admit_to_all(last_event_id or "", lets_through)
    return EventStream(parts, lambda: still_good(request))


@router.websocket("/ws/tasks/{task_id}")
async def watch_task(socket: WebSocket, hub: TheHub, task_id: str) -> None:
    """The events of a task as messages; see ``list_events``."""
    await socket.accept()
    try:
        place = Place.model_validate(dict(socket.query_params))
        parts = await hub.admit(task_id, place.after, place.lag)
    except (ValidationError, EngineError) as error:
        await socket.close(_code(error), _reason(error))
    else:
        await send_texts(socket, parts, lambda: still_good(socket))


def _code(error: Exception) -> int:
    if isinstance(error, GraphUnavailable):
        return TRY_AGAIN
    return UNKNOWN_TASK if isinstance(error, NotFound) else BAD_PARAMETERS


def _reason(error: Exception) -> str:
    """What is wrong, in the 123 bytes that a closing frame has room for."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        text = f"{first['loc'][0]}: {first['msg']}"
    else:
        text = str(error)
    return text.encode()[:120].decode(errors="ignore")
