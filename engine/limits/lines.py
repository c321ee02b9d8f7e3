"""Who waits for which limit, first come first served, and who of them has been called.

A subtask that met a limit is state in the graph (retrying, with the moment at which it expects to start); here is only
the order in which those of this engine are called. Each line is called from when there is room, by an alarm at the
moment that its limit names, never by looking again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from engine.model import Value
from engine.ports import Alarm, Clock

EVERYBODY = 1_000_000_000
"""Room without a limit."""
CALLED_SECONDS = 5.0
"""For so long a place is kept for one that was called; it may have been cancelled since."""
LONGEST_WAIT = 3600.0
SOONEST = 0.001

Room = Callable[[int], Awaitable[tuple[int, float | None]]]
"""How many of so many may go now, and after how many seconds one more may; None where somebody will tell."""


class Waiter(NamedTuple):
    """A subtask that waits."""

    task_id: str
    id: str
    key: str


class Held(Value, frozen=True):
    """What a subtask waits for: which line, a code and words for people, the expected start (milliseconds)."""

    line: str
    code: str
    words: str
    until: int


class Line:
    """One line: who waits, and what says how many may go."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.waiting: OrderedDict[str, Waiter] = OrderedDict()
        self.holding: set[str] = set()
        """Who stands in it, or will once that is written."""
        self.called: dict[str, float] = {}
        self.alarm: Alarm | None = None
        self.busy = False
        self.again = False

    def coming(self, now: float) -> int:
        """How many were called and have not arrived."""
        self.called = {id_: at for id_, at in self.called.items() if now - at < CALLED_SECONDS}
        return len(self.called)


class Lines:
    """The lines of one engine.

    Args:
        clock: times.
        help_: runs work beside the loop.
    """

    def __init__(self, clock: Clock, help_: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._clock = clock
        self._help = help_
        self.wake: Callable[[list[Waiter]], None] = lambda _: None
        """Makes those who are called ready."""
        self._lines: dict[str, Line] = {}
        self._held: dict[str, Held] = {}

    def must_wait(self, name: str, id_: str) -> bool:
        """Whether others have been before it: somebody waits, or was called and is on the way."""
        line = self._lines.get(name)
        if line is None or id_ in line.called:
            return False
        return bool(line.waiting) or line.coming(self._clock.monotonic()) > 0

    def place(self, name: str) -> int:
        """How many wait in a line."""
        line = self._lines.get(name)
        return len(line.waiting) if line else 0

    def hold(self, id_: str, held: Held, room: Room) -> None:
        """A subtask is about to wait; it stands in line once that is written."""
        self.arrived(id_)
        self._held[id_] = held
        line = self._lines.setdefault(held.line, Line(room))
        line.room = room
        line.holding.add(id_)

    def join(self, waiter: Waiter) -> bool:
        """It is written that a subtask waits; False when it has nothing to do with a line."""
        held = self._held.get(waiter.id)
        if held is None or held.line not in self._lines:
            return False
        self._lines[held.line].waiting[waiter.id] = waiter
        self.look(held.line)
        return True

    def arrived(self, id_: str) -> None:
        """A subtask asks again: it waits no more, whoever called it."""
        held = self._held.pop(id_, None)
        line = self._lines.get(held.line) if held else None
        if line is not None:
            line.waiting.pop(id_, None)
            line.holding.discard(id_)

    def through(self, name: str, id_: str) -> None:
        """One that was called has come, and was let through or has to wait again: there is room to look at."""
        line = self._lines.get(name)
        if line is not None and line.called.pop(id_, None) is not None:
            self.look(name)

    def held(self, id_: str) -> Held | None:
        """What a subtask waits for."""
        return self._held.get(id_)

    def forget(self, task_id: str) -> None:
        """Nothing of a task waits any more."""
        if not self._held:
            return
        for id_ in [id_ for id_ in self._held if id_.partition(".")[0] == task_id]:
            self.arrived(id_)

    def close(self) -> None:
        """Lets go of every line."""
        for line in self._lines.values():
            if line.alarm is not None:
                line.alarm.cancel()
        self._lines.clear()
        self._held.clear()

    # --- calling --------------------------------------------------------------------------------------------------

    def look(self, name: str) -> None:
        """There may be room in a line."""
        line = self._lines.get(name)
        if line is None:
            return
        if line.busy:
            line.again = True
        elif line.waiting:
            line.busy = True
            self._help(self._call(name, line))
        else:
            self._drop(name, line)

    def look_at_all(self) -> None:
        """There may be room in any line."""
        for name in list(self._lines):
            self.look(name)

    async def _call(self, name: str, line: Line) -> None:
        """Calls as many as there is room for, and sets the alarm for the rest."""
        try:
            while True:
                line.again = False
                now = self._clock.monotonic()
                room, wait = await line.room(len(line.waiting) + line.coming(now))
                now = self._clock.monotonic()
                coming = line.coming(now)
                count = min(room - coming, len(line.waiting))
                called = [line.waiting.popitem(last=False)[1] for _ in range(max(0, count))]
                line.called |= {waiter.id: now for waiter in called}
                if called:
                    self.wake(called)
                if not line.again:
                    break
        finally:
            line.busy = False
        self._arm(name, line, CALLED_SECONDS if room > 0 and line.called else wait)

    def _arm(self, name: str, line: Line, wait: float | None) -> None:
        if line.alarm is not None:
            line.alarm.cancel()
            line.alarm = None
        if not line.waiting:
            self._drop(name, line)
        elif wait is not None:
            seconds = min(max(wait, SOONEST), LONGEST_WAIT)
            line.alarm = self._clock.call_later(seconds, lambda: self.look(name))

    def _drop(self, name: str, line: Line) -> None:
        """An empty line is forgotten, once nobody who was called is on the way."""
        if not line.waiting and not line.coming(self._clock.monotonic()) and self._lines.get(name) is line:
            if line.alarm is not None:
                line.alarm.cancel()
            if not line.holding:
                del self._lines[name]
