"""Follows a task on a server: the same display as ``agent03 run``, fed from the stream of its events.

A server that goes away meanwhile is waited for, because a restart loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api import schemas
from api.cli.board import Node
from api.cli.client import Client, place_of
from api.cli.exits import DONE, FAILED, INTERRUPTED, UNREACHABLE, Stop
from api.cli.output import say, show
from api.cli.sse import Message, Reader
from api.cli.tree import OUTLINED, display_for, nodes_of, terminal
from api.cli.words import closing_line, forecast_line, outcome
from api.schemas.live import LiveProgress
from engine.model import Event
from engine.states import SubtaskStatus, TaskStatus
from engine.times import milliseconds

AGAIN_SECONDS = 1.0
FORECAST_SECONDS = 10.0
"""How often it is told at most when the task will have ended."""
PATIENCE_SECONDS = 60.0
"""How long a server that has gone away is waited for."""
SHOWN_ERRORS = 20


def watch_to_end(client: Client, task_id: str, *, as_json: bool) -> int:
    """Shows a task until it is final, prints what came of it, and returns the exit code."""
    task = client.get(schemas.TaskDocument, place_of(task_id)).task
    console, total = terminal(), task.progress.total
    known = _outline(client, task.id) if console.is_terminal and total <= OUTLINED else []
    with _interruptible(task.id), display_for(total, known, console=console) as display:
        for event in events_of(client, task.id, Forecast(display.tell).see):
            display.see(event)
    return print_outcome(client, task.id, as_json=as_json)


def _outline(client: Client, task_id: str) -> list[Node]:
    """What is there already of a task, for its display."""
    return nodes_of(client.get(schemas.GraphView, f"{place_of(task_id)}/graph").model_dump(mode="json"))


class Forecast:
    """Tells now and then when a task will have ended."""

    def __init__(self, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._next = 0.0
        self._told = ""

    def see(self, progress: schemas.Progress) -> None:
        """Takes in how far the task is."""
        line = forecast_line(progress)
        if line and line != self._told and self._clock() >= self._next:
            self._tell(line)
            self._told, self._next = line, self._clock() + FORECAST_SECONDS


def events_of(
    client: Client,
    task_id: str,
    see: Callable[[schemas.Progress], None],
    *,
    pause: Callable[[float], None] = time.sleep,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Event]:
    """Every event of a task once and in order, until the one that ends it; ``see`` gets its progress in between."""
    last_id, waited = "", 0.0
    while True:
        reason = "the server has ended the stream"
        try:
            for message in _messages(client, task_id, last_id):
                last_id, waited = message.id, 0.0
                if message.name == "end":
                    return
                if message.name == "progress":
                    see(LiveProgress.model_validate_json(message.data, extra="ignore"))
                elif message.name == "message":
                    yield _event(task_id, schemas.EventView.model_validate_json(message.data, extra="ignore"))
        except Stop as stop:
            if stop.code != UNREACHABLE or waited >= patience:
                raise
            reason = str(stop)
        if not waited:
            say(f"agent03: {reason}; waiting up to {patience:g} s for it")
        pause(AGAIN_SECONDS)
        waited += AGAIN_SECONDS


def _messages(client: Client, task_id: str, last_id: str) -> Iterator[Message]:
    """What a stream says, from an event on."""
    reader = Reader(last_id)
    headers = {"Last-Event-ID": last_id} if last_id else {}
    for piece in client.stream(f"{place_of(task_id)}/events", "text/event-stream", headers):
        yield from reader.feed(piece)


def _event(task_id: str, view: schemas.EventView) -> Event:
    return Event(task_id, view.seq, milliseconds(view.at), view.key or "", view.to, view.token or 0, view.event)


def print_outcome(client: Client, task_id: str, *, as_json: bool) -> int:
    """Prints the result of a final task, or what went wrong; returns the exit code."""
    document = client.get(schemas.TaskDocument, place_of(task_id))
    if as_json:
        show(document.model_dump_json(indent=2))
    else:
        show(outcome(document.task, _failed(client, document.task)))
    say(closing_line(document.task))
    return DONE if document.task.status is TaskStatus.COMPLETED else FAILED


def _failed(client: Client, task: schemas.Task) -> list[schemas.SubtaskResult]:
    """The first subtasks that failed, with their errors."""
    if task.status is not TaskStatus.FAILED:
        return []
    failed = SubtaskStatus.FAILED.value
    page = client.get(schemas.SubtaskPage, f"{place_of(task.id)}/subtasks", status=failed, limit=SHOWN_ERRORS)
    return page.subtask_results


@contextmanager
def _interruptible(task_id: str) -> Iterator[None]:
    """Ctrl-C ends the watching, not the task."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stop(
            f"not watching any more; the task goes on: 'agent03 task watch {task_id}' shows it again, "
            f"'agent03 task cancel {task_id}' stops it",
            INTERRUPTED,
        ) from None
