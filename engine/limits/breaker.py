"""One circuit breaker: pure. Who calls it brings the time, and carries what it says to the graph.

Closed, it watches the calls of a window: too many that fail, or are slow, open it. Open, it lets nobody through until
its time is over; half open, it lets one call through, whose end closes it or opens it again.
(Nygard: "Release It!", 2007; rates over a window as in resilience4j.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

from engine.model import Value

MOST_KEPT = 1_000
"""Calls of a window that are looked at, the latest."""


class State(StrEnum):
    """How a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Rules(Value, frozen=True):
    """When a breaker opens, and for how long; times in seconds.

    ``calls`` is how many the window must hold at least. ``slow`` is from when on a call is slow, None for never.
    """

    window: float = 60.0
    calls: int = 10
    rate: float = 0.5
    slow: float | None = None
    open: float = 30.0


class Seen(Value, frozen=True):
    """One call that has ended: when (milliseconds), and how."""

    at: int
    failed: bool
    slow: bool


class Stored(Value, frozen=True):
    """What a restart has to know. ``until`` is when a probe may go through, both in milliseconds."""

    state: State
    until: int = 0
    opened_at: int = 0
    reason: str = ""


class Breaker:
    """The breaker of one tool, or of one place that a tool talks to."""

    def __init__(self, rules: Rules, stored: Stored | None = None) -> None:
        self._rules = rules
        self._calls: deque[Seen] = deque(maxlen=MOST_KEPT)
        self._stored = stored if stored is not None and stored.state is State.OPEN else Stored(State.CLOSED)
        self._half = False
        self.probe: str = ""
        """Who is let through while it is half open; empty while nobody is."""

    @property
    def stored(self) -> Stored:
        """What a restart has to know: an open one stays open, half open is the end of that."""
        return self._stored

    def state(self, now: int) -> State:
        """How it stands at ``now``, milliseconds."""
        if self._stored.state is State.CLOSED:
            return State.CLOSED
        self._half = self._half or now >= self._stored.until
        return State.HALF_OPEN if self._half else State.OPEN

    def admits(self, now: int) -> bool:
        """Whether a call would be let through."""
        state = self.state(now)
        return state is State.CLOSED or (state is State.HALF_OPEN and not self.probe)

    def enter(self, who: str, now: int) -> bool:
        """Lets a call through, or not. While half open the first one that asks is the probe."""
        if not self.admits(now):
            return False
        if self._half:
            self.probe = who
        return True

    def left(self, who: str) -> None:
        """A call has ended in a way that says nothing: it was cancelled, or asked to come later."""
        if self.probe == who:
            self.probe = ""

    def ended(self, who: str, now: int, seconds: float, failed: bool) -> bool:
        """A call has ended; returns whether that opened or closed the breaker."""
        slow = self._rules.slow is not None and seconds >= self._rules.slow
        if self._stored.state is State.OPEN:
            return self._probed(who, now, failed, slow)
        self._calls.append(Seen(now, failed, slow))
        reason = self._too_many(now) if failed or slow else ""
        if reason:
            self._open(now, reason)
        return bool(reason)

    def _probed(self, who: str, now: int, failed: bool, slow: bool) -> bool:
        """What has begun before it opened says nothing any more; the probe decides."""
        if self.probe != who:
            return False
        if failed or slow:
            self._open(now, self._stored.reason)
        else:
            self.reset()
        return True

    def adopt(self, stored: Stored) -> bool:
        """Another engine says how it stands; returns whether that is news."""
        if stored.state is not State.OPEN:
            news = self._stored.state is State.OPEN
            self.reset()
            return news
        if self._stored.state is State.OPEN and self._stored.until >= stored.until:
            return False
        self._calls.clear()
        self._stored, self._half, self.probe = stored, False, ""
        return True

    def wait(self, until: int) -> None:
        """Another engine tries what it guards: it stays open until then, unless that one says otherwise before."""
        self._stored = msgspec.structs.replace(self._stored, until=until)
        self._half, self.probe = False, ""

    def reset(self) -> None:
        """Closed, as if nothing had happened."""
        self._calls.clear()
        self._stored, self._half, self.probe = Stored(State.CLOSED), False, ""

    def _open(self, now: int, reason: str) -> None:
        began = self._stored.opened_at if self._stored.state is State.OPEN else now
        self._calls.clear()
        self._stored = Stored(State.OPEN, now + round(1000 * self._rules.open), began, reason)
        self._half, self.probe = False, ""

    def _too_many(self, now: int) -> str:
        """Why it has to open, in words; empty when it has not."""
        since = now - round(1000 * self._rules.window)
        while self._calls and self._calls[0].at < since:
            self._calls.popleft()
        total = len(self._calls)
        if total < self._rules.calls:
            return ""
        for told, counts in _BAD.items():
            bad = sum(map(counts, self._calls))
            if bad and bad >= self._rules.rate * total:
                return f"{bad} of the last {total} calls {told}"
        return ""

    @property
    def idle(self) -> bool:
        """Whether nothing is known of it that is worth keeping."""
        return self._stored.state is State.CLOSED and not self._calls


_BAD: dict[str, Callable[[Seen], bool]] = {"failed": lambda call: call.failed, "were slow": lambda call: call.slow}
