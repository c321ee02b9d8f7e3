"""Follows a task on a server: the same display as ``agent03 run``, fed from the pages of its events.

A page that is full is followed by the next one at once; else the server is asked once a second. A server that goes away
meanwhile is waited for, because a restart loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from api import schemas
from api.cli.board import Node
from api.cli.client import Client, place_of
from api.cli.exits import DONE, FAILED, INTERRUPTED, UNREACHABLE, Stop
from api.cli.output import say, show
from api.cli.tree import OUTLINED, display_for, nodes_of, terminal
from api.cli.words import closing_line, forecast_line, outcome
from engine.model import Event
from engine.states import FINAL, SubtaskStatus, TaskStatus
from engine.times import milliseconds

PAGE = 1000
ASK_SECONDS = 1.0
FORECAST_SECONDS = 10.0
"""How often it is asked when the task will have ended."""
PATIENCE_SECONDS = 60.0
"""How long a server that has gone away is waited for."""
SHOWN_ERRORS = 20
_OVER = frozenset(status.value for status in FINAL)


def watch_to_end(client: Client, task_id: str, *, as_json: bool) -> int:
    """Shows a task until it is final, prints what came of it, and returns the exit code."""
    task = client.get(schemas.TaskDocument, place_of(task_id)).task
    console, total = terminal(), task.progress.total
    known = _outline(client, task.id) if console.is_terminal and total <= OUTLINED else []
    with _interruptible(task.id), display_for(total, known, console=console) as display:
        forecast = Forecast(client, task.id, display.tell)
        for event in events_of(client, task.id, pause=forecast.pause):
            display.see(event)
    return print_outcome(client, task.id, as_json=as_json)


def _outline(client: Client, task_id: str) -> list[Node]:
    """What is there already of a task, for its display."""
    return nodes_of(client.get(schemas.GraphView, f"{place_of(task_id)}/graph").model_dump(mode="json"))


class Forecast:
    """Tells now and then when a task will have ended, while its events are waited for."""

    def __init__(
        self,
        client: Client,
        task_id: str,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._place = place_of(task_id)
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._told = ""

    def pause(self, seconds: float) -> None:
        """Waits; asks before that, if it is time. A server that does not answer is the events' to wait for."""
        if self._clock() >= self._next:
            with suppress(Stop):
                line = forecast_line(self._client.get(schemas.TaskDocument, self._place).task.progress)
                if line and line != self._told:
                    self._tell(line)
                self._told = line
            self._next = self._clock() + FORECAST_SECONDS
        self._sleep(seconds)


def events_of(
    client: Client, task_id: str, *, pause: Callable[[float], None] = time.sleep, patience: float = PATIENCE_SECONDS
) -> Iterator[Event]:
    """Every event of a task once and in order, until the one that ends it."""
    after = 0
    while True:
        page = _patiently(lambda after=after: _page(client, task_id, after), pause, patience)  # type: ignore[misc]
        for view in page.events:
            yield Event(task_id, view.seq, milliseconds(view.at), view.key or "", view.to, view.token or 0, view.event)
            if view.key is None and view.to in _OVER:
                return
        after = page.next_after
        if len(page.events) < PAGE:
            pause(ASK_SECONDS)


def _page(client: Client, task_id: str, after: int) -> schemas.EventPage:
    return client.get(schemas.EventPage, f"{place_of(task_id)}/events", after=after, limit=PAGE)


def _patiently(
    ask: Callable[[], schemas.EventPage], pause: Callable[[float], None], patience: float
) -> schemas.EventPage:
    waited = 0.0
    while True:
        try:
            return ask()
        except Stop as stop:
            if stop.code != UNREACHABLE or waited >= patience:
                raise
            if not waited:
                say(f"agent03: {stop}; waiting up to {patience:g} s for it")
            pause(ASK_SECONDS)
            waited += ASK_SECONDS


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
