"""How a running task looks from the terminal: a live tree (``api.cli.tree``), plain lines where there is no terminal.

Both are fed with the task's events. Plain output is bounded: after 100 lines only failures and one line a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, Self

from api.cli.output import say
from engine.model import Event
from engine.states import SETTLED, UNSUCCESSFUL, SubtaskStatus

TALKATIVE_LINES = 100
QUIET_SECONDS = 1.0


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
        self.bad += (event.status in UNSUCCESSFUL) - (before in UNSUCCESSFUL)
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
        if quiet and event.status not in UNSUCCESSFUL and self._clock() < self._next:
            return
        self._lines += 1
        self._next = self._clock() + QUIET_SECONDS
        tally = self._tally
        self._write(f"[{tally.settled}/{tally.total}] {event.key} {event.status}")
