"""How a running task looks from the terminal: a live display with rich, plain lines where there is no terminal.

Both are fed with the task's events. Plain output is bounded: after 100 lines only failures and one line a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.output import say
from engine.model import Event
from engine.states import SETTLED, SubtaskStatus

TALKATIVE_LINES = 100
QUIET_SECONDS = 1.0
NAMED_RUNNING = 4
BAD = frozenset({SubtaskStatus.FAILED, SubtaskStatus.BLOCKED, SubtaskStatus.QUARANTINED})


class Tally:
    """What the events so far say: how many subtasks are known, settled, bad, and which run now."""

    def __init__(self, total: int) -> None:
        self._known = total
        self._status: dict[str, str] = {}
        self.running: dict[str, None] = {}
        self.settled = 0
        self.bad = 0

    @property
    def total(self) -> int:
        """Subtasks of the plan, or more when a map has added some."""
        return max(self._known, len(self._status))

    def add(self, event: Event) -> bool:
        """Takes in one event of a subtask; tells whether it settled that subtask."""
        before = self._status.get(event.key)
        self._status[event.key] = event.status
        self.settled += (event.status in SETTLED) - (before in SETTLED)
        self.bad += (event.status in BAD) - (before in BAD)
        if event.status == SubtaskStatus.PROCESSING:
            self.running[event.key] = None
        else:
            self.running.pop(event.key, None)
        return event.status in SETTLED


class Display(AbstractContextManager["Display"], Protocol):
    """Shows the events of one task while it is entered."""

    def see(self, event: Event) -> None:
        """Takes in one event."""

    def tell(self, line: str) -> None:
        """Shows a line about the whole task."""


def display_for(total: int, *, live: bool | None = None) -> Display:
    """The display that suits stderr; ``live`` overrides the choice."""
    console = Console(stderr=True)
    return LiveDisplay(total, console) if (console.is_terminal if live is None else live) else PlainDisplay(total)


class PlainDisplay:
    """Lines on stderr."""

    def __init__(
        self, total: int, *, clock: Callable[[], float] = time.monotonic, write: Callable[[str], None] | None = None
    ) -> None:
        self._tally = Tally(total)
        self._clock = clock
        self._write = write or say
        self._lines = 0
        self._next = 0.0

    def __enter__(self) -> Self:
        """Starts silently."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends silently: the command prints the outcome."""

    def tell(self, line: str) -> None:
        """Prints it."""
        self._write(line)

    def see(self, event: Event) -> None:
        """Prints settled subtasks: all at first, then failures and a line a second."""
        if not event.key or not self._tally.add(event):
            return
        quiet = self._lines >= TALKATIVE_LINES
        if quiet and event.status not in BAD and self._clock() < self._next:
            return
        self._lines += 1
        self._next = self._clock() + QUIET_SECONDS
        tally = self._tally
        self._write(f"[{tally.settled}/{tally.total}] {event.key} {event.status}")


class LiveDisplay:
    """A bar with what runs now, redrawn by rich; the first failures stay as lines above it."""

    def __init__(self, total: int, console: Console) -> None:
        self._tally = Tally(total)
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
        )
        self._bar = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        """Starts to draw."""
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops drawing and leaves the last state on the screen."""
        self._progress.stop()

    def tell(self, line: str) -> None:
        """Puts it above the bar."""
        self._progress.console.print(escape(line), highlight=False)

    def see(self, event: Event) -> None:
        """Takes in one event; rich draws ten times a second at most."""
        if not event.key:
            return
        self._tally.add(event)
        if event.status in BAD and self._tally.bad <= TALKATIVE_LINES:
            self._progress.console.print(f"[red]{event.status}[/red] {escape(event.key)}", highlight=False)
        tally = self._tally
        named = ", ".join(list(tally.running)[:NAMED_RUNNING])
        more = f" +{len(tally.running) - NAMED_RUNNING}" if len(tally.running) > NAMED_RUNNING else ""
        self._progress.update(
            self._bar, completed=tally.settled, total=tally.total, description=f"{escape(named)}{more}"
        )
