"""All breakers of one engine, by what they guard, and their way to the graph.

They are read once, at the start, and written when one opens or closes: never in a turn, and by one writer at a time, so
that the last change is what stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import structlog

from engine.breakerstore import BreakerStore, StoredBreaker
from engine.errors import Fenced, GraphUnavailable
from engine.limits.breaker import Breaker, Rules, State, Stored
from engine.model import Value
from engine.ports import Clock

_log = structlog.get_logger("limits")

MOST = 5_000
"""Breakers that are kept in memory; beyond that those of which nothing is known are let go of."""


def key_of(tool: str, endpoint: str) -> str:
    """What a breaker guards, as text: a tool, or one place that a tool talks to."""
    return f"{tool}@{endpoint}" if endpoint else tool


class Shown(Value, frozen=True):
    """A breaker for people. ``until`` is when it is tried again, in milliseconds; None unless it is open."""

    key: str
    tool: str
    endpoint: str
    state: State
    reason: str = ""
    opened_at: int | None = None
    until: int | None = None


class Breakers:
    """The breakers of one engine.

    Args:
        graph: where open ones are kept.
        clock: times.
        rules: when they open; None for no breakers at all.
        help_: runs a write beside the loop, and repeats it until the graph has taken it.
    """

    def __init__(
        self,
        graph: BreakerStore,
        clock: Clock,
        rules: Rules | None,
        help_: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
    ) -> None:
        self._graph = graph
        self._clock = clock
        self._rules = rules
        self._help = help_
        self._known: dict[str, Breaker] = {}
        self._unwritten: dict[str, None] = {}
        self._writing = False
        self.changed: Callable[[str], None] = lambda _: None
        """Told of a breaker that has opened, closed or can be tried again, by its key."""
        self.told: Callable[[str, Stored], None] = lambda _key, _stored: None
        """Told of a breaker that has opened or closed here, for other engines."""
        self.probing: Callable[[str, float], Awaitable[float]] | None = None
        """Asks other engines whether one of them tries what a breaker guards; for how many seconds it may."""
        self.probed: Callable[[str], None] = lambda _: None
        """Told that this engine does not try it any more."""
        self.openings = 0

    @property
    def on(self) -> bool:
        """Whether there are breakers."""
        return self._rules is not None

    async def begin(self) -> None:
        """Takes up what was open before."""
        for row in await self._graph.breakers() if self._rules is not None else ():
            try:
                stored = msgspec.json.decode(row.data, type=Stored)
            except msgspec.MsgspecError as error:
                _log.warning("a stored breaker cannot be read", breaker=row.key, reason=str(error))
                continue
            self._known[row.key] = Breaker(self._rules or Rules(), stored)
            self._ring(row.key, stored.until)
            self.changed(row.key)

    def of(self, key: str) -> Breaker:
        """The breaker of a key."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST:
                self._known = {known: breaker for known, breaker in self._known.items() if not breaker.idle}
            found = self._known[key] = Breaker(self._rules or Rules())
        return found

    def state(self, key: str) -> State:
        """How the breaker of a key stands."""
        found = self._known.get(key)
        return State.CLOSED if found is None else found.state(self._clock.now())

    def admits(self, tool: str, endpoint: str) -> bool:
        """Whether a call of a tool would be let through now."""
        found = self._known.get(key_of(tool, endpoint))
        return found is None or found.admits(self._clock.now())

    async def enter(self, key: str, who: str) -> bool:
        """Lets a call through, or not; the one that tries a breaker is alone with that, among all engines."""
        breaker = self.of(key)
        if not breaker.enter(who, self._clock.now()):
            return False
        if breaker.probe != who or self.probing is None or self._rules is None:
            return True
        try:
            wait = await self.probing(key, self._rules.open)
        except BaseException:
            self.left(key, who)
            raise
        if not wait or breaker.probe != who:
            return True
        breaker.wait(self._clock.now() + round(1000 * wait))
        self._ring(key, breaker.stored.until)
        return False

    def heard(self, key: str, stored: Stored) -> None:
        """Another engine says how a breaker stands."""
        if self._rules is None or not self.of(key).adopt(stored):
            return
        if stored.state is State.OPEN:
            self._ring(key, stored.until)
        _log.info(f"breaker.{stored.state.value}", breaker=key, reason=stored.reason, elsewhere=True)
        self.changed(key)

    def ended(self, key: str, who: str, seconds: float, failed: bool) -> None:
        """A call has ended."""
        breaker, now = self.of(key), self._clock.now()
        probing = bool(breaker.probe)
        if breaker.probe == who:
            self.probed(key)
        if breaker.ended(who, now, seconds, failed):
            self._tell(key, breaker, again=probing)
        elif breaker.stored.state is State.OPEN:
            self.changed(key)

    def left(self, key: str, who: str) -> None:
        """A call has ended in a way that says nothing."""
        breaker = self.of(key)
        if breaker.probe == who:
            breaker.left(who)
            self.probed(key)
            self.changed(key)

    def _tell(self, key: str, breaker: Breaker, again: bool = False) -> None:
        stored = breaker.stored
        if stored.state is State.OPEN:
            self.openings += 1
            self._ring(key, stored.until)
            write = _log.info if again else _log.warning
            write("breaker.opened", breaker=key, reason=stored.reason, until=stored.until, again=again)
        else:
            _log.info("breaker.closed", breaker=key)
        self._keep(key)
        self.told(key, stored)
        self.changed(key)

    def _ring(self, key: str, until: int) -> None:
        seconds = max(0.0, (until - self._clock.now()) / 1000)
        self._clock.call_later(seconds + 0.001, lambda: self._rang(key))

    def _rang(self, key: str) -> None:
        """Its time is over, unless the clock was set back meanwhile."""
        breaker = self.of(key)
        if breaker.state(self._clock.now()) is State.OPEN:
            self._ring(key, breaker.stored.until)
        else:
            self.changed(key)

    def reset(self, tool: str, endpoint: str = "") -> list[str]:
        """Closes the breakers of a tool, or that of one of its endpoints; returns the keys of those that were open."""
        keys = [key for key in self._known if _is_of(key, tool) and (not endpoint or key == key_of(tool, endpoint))]
        opened = [key for key in keys if self._known[key].stored.state is State.OPEN]
        for key in keys:
            self._known[key].reset()
        for key in opened:
            self._tell(key, self._known[key])
        return opened

    def shown(self, tool: str | None = None) -> list[Shown]:
        """Those that are not closed, of one tool or of all."""
        now = self._clock.now()
        found = []
        for key, breaker in sorted(self._known.items()):
            state = breaker.state(now)
            if state is not State.CLOSED and (tool is None or _is_of(key, tool)):
                found.append(_shown(key, state, breaker.stored))
        return found

    # --- the graph ------------------------------------------------------------------------------------------------

    def _keep(self, key: str) -> None:
        self._unwritten[key] = None
        if not self._writing:
            self._writing = True
            self._help(self._write)

    async def _write(self) -> None:
        """Writes what has changed, until nothing has; what could not be written stays, and is repeated."""
        self._writing = True
        try:
            while self._unwritten:
                key = next(iter(self._unwritten))
                stored = self.of(key).stored
                if stored.state is State.OPEN:
                    data = msgspec.json.encode(stored).decode()
                    await self._graph.put_breaker(StoredBreaker(key, data, self._clock.now()))
                else:
                    await self._graph.drop_breaker(key)
                if self.of(key).stored == stored:
                    del self._unwritten[key]
        finally:
            self._writing = False

    async def flush(self) -> None:
        """Writes what has not been written yet, as far as the graph takes it: the engine stops."""
        try:
            await self._write()
        except (GraphUnavailable, Fenced) as error:
            _log.debug("breakers are not kept", reason=str(error))


def _is_of(key: str, tool: str) -> bool:
    return key.partition("@")[0] == tool


def _shown(key: str, state: State, stored: Stored) -> Shown:
    tool, _, endpoint = key.partition("@")
    return Shown(key, tool, endpoint, state, stored.reason, stored.opened_at, stored.until)
