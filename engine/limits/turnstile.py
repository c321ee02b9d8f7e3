"""What an attempt passes before it calls its tool, and tells when the call has ended.

The order is the order of what costs least: is the breaker open, does the far end want to be left alone, is there room
in every limit. Whoever is refused waits as state in the graph (``Postponed``), spends no attempt, and is called by its
line (``lines.py``). A type without breaker, endpoint and limits never comes here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from engine import conditions
from engine.errors import Category, ToolError
from engine.limits.breaker import State
from engine.limits.breakers import Breakers, key_of
from engine.limits.lines import EVERYBODY, Held, Lines, Room
from engine.limits.window import Limiter
from engine.model import Json
from engine.plan.spec import LimitSpec, Spec
from engine.ports import Clock
from engine.rates import Denied, Rate, Rates, Want, parse_rate, per_minute
from engine.throttle import Throttle
from engine.toolport import Tool
from engine.turn import Claim

if TYPE_CHECKING:
    from engine.limits.sharing import Sharing

LONGEST_REST = 3600.0
"""A far end that asks to be left alone is obeyed for so many seconds at most."""
USUAL_SECONDS = 1.0
"""What a call behind a limit on concurrency takes while nobody knows better."""
MOST_KEYS = 10_000
"""Limits on concurrency of which is known how long a call takes."""
_WEIGHT = 0.2
FAILING = frozenset({Category.TRANSIENT, Category.TIMEOUT})
"""What counts against a breaker: the tool gave no answer that it stands by."""


class Postponed(Exception):
    """An attempt may not call its tool now. ``breaker``: its fallback may take over at once."""

    def __init__(self, held: Held, breaker: bool) -> None:
        super().__init__(held.words)
        self.held, self.breaker = held, breaker


class Passage:
    """One call and what it has to pass. ``rested`` is how long the far end wants to be left alone, in seconds."""

    def __init__(self, turnstile: Turnstile, id_: str, breaker: str, endpoint: str, wants: list[Want]) -> None:
        self._turnstile = turnstile
        self.id, self.breaker, self.endpoint, self.wants = id_, breaker, endpoint, wants
        self.rested: float | None = None

    def limited(self, seconds: float) -> None:
        """The far end wants to be left alone for so many seconds."""
        self.rested = max(self.rested or 0.0, min(seconds, LONGEST_REST))

    @property
    def lines(self) -> list[str]:
        """Every line in which it may have to stand."""
        found = [f"breaker {self.breaker}"] if self.breaker else []
        return found + ([f"rest {self.endpoint}"] if self.endpoint else []) + [want.key for want in self.wants]

    async def run(self, work: Callable[[], Awaitable[Json]], timed_out: Callable[[], bool]) -> Json:
        """Calls the tool if that may be now; raises ``Postponed`` if not, else what the tool raises."""
        turnstile, begun = self._turnstile, await self._turnstile.enter(self)
        end = End.UNKNOWN
        try:
            output = await work()
            end = End.WELL
        except asyncio.CancelledError:
            end = End.FAILED if timed_out() else End.UNKNOWN
            raise
        except ToolError as error:
            end = End.REFUSED if self.rested else End.FAILED if error.category in FAILING else End.WELL
            raise
        except Exception as error:
            end = End.FAILED if isinstance(error, OSError) else End.WELL
            raise
        finally:
            await turnstile.left(self, begun, end)
        return output


class End(StrEnum):
    """What the end of a call says of what was called. Whoever answers with an error of the caller's works well."""

    WELL = "well"
    FAILED = "failed"
    REFUSED = "refused"
    """It asks to be called less often."""
    UNKNOWN = "unknown"


class Turnstile:
    """The limits of one engine.

    Args:
        breakers: of what is called.
        limiter: counts calls.
        lines: who waits.
        rates: those of the settings.
        clock: times.
        user_of: who has submitted a task.
    """

    def __init__(
        self,
        breakers: Breakers,
        limiter: Limiter,
        lines: Lines,
        rates: Rates,
        clock: Clock,
        user_of: Callable[[str], str],
    ) -> None:
        self.breakers = breakers
        self.lines = lines
        self._limiter = limiter
        self._rates = rates
        self._clock = clock
        self._user_of = user_of
        self._resting: dict[str, int] = {}
        self._running: Counter[str] = Counter()
        self._pace = Throttle({})
        self._took: dict[str, float] = {}
        self.rested: Callable[[str, float], None] = lambda _endpoint, _seconds: None
        """Told that an endpoint wants to be left alone for so many seconds, for other engines; 0 that it does not."""
        self.sharing: Sharing | None = None
        """Keeps these limits together with other engines; None where this one keeps them by itself."""

    def share(self, engine: str) -> None:
        """Begins to keep the limits together with other engines, under the name of this one."""
        if self.sharing is not None:
            self.sharing.begin(engine)

    async def stop(self) -> None:
        """Shares nothing more, and writes what the graph does not know yet of breakers."""
        if self.sharing is not None:
            await self.sharing.stop()
        await self.breakers.flush()

    # --- what a call has to pass ------------------------------------------------------------------------------------

    def passage(self, tool: Tool, claim: Claim, spec: Spec, value: Json, task_input: Json) -> Passage | None:
        """What this call has to pass; None when that is nothing, as for most types.

        Raises:
            ToolError: (configuration) the key of a limit cannot be evaluated.
        """
        guarded = tool.breaker and self.breakers.on
        rate = self._rate_of(tool)
        if not (guarded or spec.limits or rate or self._rates.user):
            return None
        endpoint = tool.endpoint(value) if guarded or self._rates.hosts else ""
        wants = [_want(f"type {tool.name}", rate)] if rate else []
        if (host := self._host_rate(endpoint)) is not None:
            wants.append(host)
        if self._rates.user and (user := self._user_of(claim.task_id)):
            wants.append(_want(f"user {user}", self._rates.user))
        if spec.limits:
            scope = {"input": task_input, "value": value, "type": tool.name, "user": self._user_of(claim.task_id)}
            if spec.item is not msgspec.UNSET:
                scope["item"] = spec.item
            wants += [want for limit in spec.limits for want in _wants(limit, scope)]
        return Passage(self, claim.id, key_of(tool.name, endpoint) if guarded else "", endpoint, wants)

    def _host_rate(self, endpoint: str) -> Want | None:
        host = endpoint.lower()
        for name in (host, host.rpartition(":")[0]):
            if name and (rate := self._rates.hosts.get(name)) is not None:
                return _want(f"host {name}", rate)
        return None

    async def enter(self, call: Passage) -> float:
        """Lets a call through; returns when, in monotonic seconds.

        Raises:
            Postponed: not now.
        """
        self.lines.arrived(call.id)
        try:
            await self._ask(call)
            if call.endpoint:
                self._running[call.endpoint] += 1
        finally:
            for line in call.lines:
                self.lines.through(line, call.id)
        return self._clock.monotonic()

    async def _ask(self, call: Passage) -> None:
        if call.breaker and not await self.breakers.enter(call.breaker, call.id):
            raise Postponed(self._broken(call.breaker, call.id, self._clock.now()), breaker=True)
        try:
            held = self._resting_now(call, self._clock.now())
            if held is None and call.wants:
                held = await self._denied(call)
            if held is not None:
                raise Postponed(held, breaker=False)
        except BaseException:
            if call.breaker:
                self.breakers.left(call.breaker, call.id)
            raise

    def _broken(self, key: str, id_: str, now: int) -> Held:
        stored = self.breakers.of(key).stored
        words = f"the breaker of {key} is open: {stored.reason}"

        async def room(_: int) -> tuple[int, float | None]:
            breaker, at = self.breakers.of(key), self._clock.now()
            state = breaker.state(at)
            if state is State.CLOSED:
                return EVERYBODY, 0.0
            if state is State.HALF_OPEN:
                return (0, None) if breaker.probe else (1, None)
            return 0, (breaker.stored.until - at) / 1000

        held = Held(f"breaker {key}", "breaker", words, max(stored.until, now + 1))
        self.lines.hold(id_, held, room)
        return held

    def _resting_now(self, call: Passage, now: int) -> Held | None:
        """Whether the far end wants to be left alone, or has as many calls as it can take."""
        endpoint = call.endpoint
        if not endpoint or (endpoint not in self._resting and not self._pace.lowered):
            return None
        line = f"rest {endpoint}"
        room, wait = self._room_at(endpoint)
        if room > 0 and not self.lines.must_wait(line, call.id):
            return None
        seconds = USUAL_SECONDS if wait is None else wait
        held = Held(line, "rest", f"{endpoint} wants fewer calls", now + max(1, round(1000 * seconds)))

        async def look(_: int) -> tuple[int, float | None]:
            return self._room_at(endpoint)

        self.lines.hold(call.id, held, look)
        return held

    def _room_at(self, endpoint: str) -> tuple[int, float | None]:
        left = self._resting.get(endpoint, 0) - self._clock.now()
        if left > 0:
            return 0, left / 1000
        self._resting.pop(endpoint, None)
        limit = self._pace.limit(endpoint)
        return (EVERYBODY, 0.0) if limit is None else (limit - self._running[endpoint], None)

    async def _denied(self, call: Passage) -> Held | None:
        """Takes a place in every limit of a call; what it has to wait for if there is none."""
        waited = next((want for want in call.wants if self.lines.must_wait(want.key, call.id)), None)
        denied = Denied(waited) if waited is not None else await self._limiter.take(call.wants, call.id)
        return None if denied is None else self._behind(denied, call.id)

    def _behind(self, denied: Denied, id_: str) -> Held:
        want, ahead = denied.want, self.lines.place(denied.want.key)
        if want.rate is not None:
            seconds = (denied.wait or 0.0) + ahead * want.rate.period / want.rate.count
        else:
            seconds = self._took.get(want.key, USUAL_SECONDS) * (1 + ahead) / want.most
        until = self._clock.now() + max(1, round(1000 * seconds))
        held = Held(want.key, "rate_limit" if want.rate else "concurrency", want.words, until)
        self.lines.hold(id_, held, self._room_of(want))
        return held

    def _room_of(self, want: Want) -> Room:
        async def room(asked: int) -> tuple[int, float | None]:
            return await self._limiter.free(want, asked)

        return room

    # --- when it has ended ------------------------------------------------------------------------------------------

    async def left(self, call: Passage, begun: float, end: End) -> None:
        """A call has ended: its places are free, and who waits for them is called."""
        seconds = self._clock.monotonic() - begun
        if call.endpoint:
            self._paced(call, end)
        if call.breaker:
            if end in (End.WELL, End.FAILED):
                self.breakers.ended(call.breaker, call.id, seconds, end is End.FAILED)
            else:
                self.breakers.left(call.breaker, call.id)
        if any(want.rate is None for want in call.wants):
            await self._released(call, seconds)

    def _paced(self, call: Passage, end: End) -> None:
        """One call fewer at an endpoint; where that has asked for it, fewer go there at the same time."""
        endpoint = call.endpoint
        self._running[endpoint] -= 1
        if not self._running[endpoint]:
            del self._running[endpoint]
        if call.rested:
            self.rest(endpoint, call.rested)
            self.rested(endpoint, call.rested)
        if end is End.REFUSED or (end is End.WELL and endpoint in self._pace.lowered):
            refused = Category.RESOURCE if end is End.REFUSED else None
            self._pace.ended(endpoint, refused, self._running[endpoint])
        self.lines.look(f"rest {endpoint}")

    def rest(self, endpoint: str, seconds: float) -> None:
        """An endpoint wants to be left alone for so many seconds; with 0 it does no more."""
        if seconds > 0:
            until = self._clock.now() + round(1000 * min(seconds, LONGEST_REST))
            self._resting[endpoint] = max(until, self._resting.get(endpoint, 0))
        elif self._resting.pop(endpoint, None) is not None:
            self.lines.look(f"rest {endpoint}")

    async def _released(self, call: Passage, seconds: float) -> None:
        for want in call.wants:
            if want.rate is None:
                before = self._took.get(want.key, seconds)
                self._took[want.key] = before + _WEIGHT * (seconds - before)
        while len(self._took) > MOST_KEYS:
            del self._took[next(iter(self._took))]
        await self._limiter.release(call.wants, call.id)
        for want in call.wants:
            self.lines.look(want.key)

    # --- for people and for the scheduler -------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Json]:
        """Plain numbers as of now, for metrics."""
        shown = self.breakers.shown()
        return {"breakers_open": Counter(one.tool for one in shown), "breaker_openings": self.breakers.openings}

    def held(self, id_: str) -> Held | None:
        """What a subtask of this engine waits for."""
        return self.lines.held(id_)

    def reset(self, tool: str, endpoint: str = "") -> list[str]:
        """Closes the breakers of a tool, and lets its endpoints be called again; returns the keys of those closed."""
        closed = self.breakers.reset(tool, endpoint)
        for one in [endpoint] if endpoint else list(self._resting):
            self.rest(one, 0.0)
            self.rested(one, 0.0)
        return closed

    def rate_of(self, tool: Tool) -> str | None:
        """The rate of a type, as people write it; None without one."""
        rate = self._rate_of(tool)
        return None if rate is None else str(rate)

    def _rate_of(self, tool: Tool) -> Rate | None:
        """That of the settings, else its own."""
        own = tool.limits.per_minute
        return self._rates.types.get(tool.name) or (per_minute(own) if own else None)


def _want(name: str, rate: Rate) -> Want:
    return Want(f"{name}|{rate}", name, rate)


def _wants(limit: LimitSpec, scope: Mapping[str, Json]) -> list[Want]:
    """What a subtask's own limit asks for, its key evaluated."""
    name = conditions.text(limit.key, scope)
    found = [_want(name, parse_rate(limit.rate))] if limit.rate else []
    if limit.concurrency:
        found.append(Want(f"{name}|{limit.concurrency}", name, None, limit.concurrency))
    return found
