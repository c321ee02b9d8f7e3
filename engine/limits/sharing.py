"""Keeps an engine's limits together with those of others: hears what they say, tells them what happens here, and wakes
one for which there is something in the graph.

While the board is away the engine keeps its limits by itself, says so in one line of the log, and looks for the board
again after a while. Nothing fails for it, and nothing waits for it longer than one question takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from engine.beside import Beside
from engine.boardport import Board, BoardAway, Said, Unprobe
from engine.limits.breaker import State, Stored
from engine.limits.shared import SharedLimiter
from engine.limits.turnstile import Turnstile

_log = structlog.get_logger("limits")

FIRST_SECONDS = 0.25
MOST_SECONDS = 5.0
"""Waits before the board is looked for again: they double from the first to the longest."""


class Sharing:
    """What one engine shares of its limits. ``begin`` before use, ``stop`` at the end."""

    def __init__(self, board: Board, limiter: SharedLimiter, turnstile: Turnstile) -> None:
        self._board = board
        self._limiter = limiter
        self._turnstile = turnstile
        self._beside = Beside(lambda error: _log.error("limits are not shared any more", exc_info=error))
        self._listening: asyncio.Task[None] | None = None
        self._wait = FIRST_SECONDS
        self._unsaid: dict[str, Said] = {}
        self._saying = False
        self._told = False
        self.woken: Callable[[], None] = lambda: None
        """Told that somebody has rung for this engine."""
        limiter.lost = self._lost
        limiter.freed = turnstile.lines.look
        turnstile.rested = self._rested
        turnstile.breakers.told = self._breaker
        turnstile.breakers.probing = limiter.probe
        turnstile.breakers.probed = lambda key: limiter.tell(Unprobe(key))

    @property
    def up(self) -> bool:
        """Whether limits are kept together with other engines now."""
        return self._limiter.up

    def begin(self, engine: str) -> None:
        """Begins to listen, under the name of this engine."""
        self._limiter.me = engine
        self._beside.start(self._keep_listening())

    async def stop(self) -> None:
        """Says and hears nothing more."""
        await self._limiter.close()
        if self._listening is not None:
            self._listening.cancel()
        await self._beside.end()

    async def _keep_listening(self) -> None:
        while True:
            self._listening = asyncio.create_task(self._listen())
            await asyncio.wait([self._listening])
            await asyncio.sleep(self._wait)
            self._wait = min(2 * self._wait, MOST_SECONDS)

    async def _listen(self) -> None:
        try:
            await self._board.listen(self._began, self._heard)
        except BoardAway as away:
            self._limiter.fell(str(away))
            self._tell_once(str(away))

    async def _began(self) -> None:
        """The board is there: what happened meanwhile goes both ways, and whoever waits asks again."""
        await self._limiter.rejoin()
        for key, data in (await self._board.breakers()).items():
            if f"breaker {key}" not in self._unsaid:
                self._heard(Said("breaker", key, data=data))
        self._wait = FIRST_SECONDS
        self._say_soon()
        self._turnstile.lines.look_at_all()
        if self._told:
            self._told = False
            _log.info("limits are shared again")

    def _lost(self, why: str) -> None:
        """A question was not answered: what listens may not have noticed."""
        self._tell_once(why)
        if self._listening is not None:
            self._listening.cancel()
        self._turnstile.lines.look_at_all()

    def _tell_once(self, why: str) -> None:
        if not self._told:
            self._told = True
            _log.warning("Redis is away: this engine keeps rates, concurrency and breakers by itself", reason=why)

    # --- what is heard --------------------------------------------------------------------------------------------

    def _heard(self, said: Said) -> None:
        if said.by == self._limiter.me:
            return
        if said.what == "room":
            if name := self._limiter.name_of(said.key):
                self._turnstile.lines.look(name)
        elif said.what == "rest":
            self._turnstile.rest(said.key, said.seconds)
        elif said.what == "wake":
            if said.key in ("", self._limiter.me):
                self.woken()
        else:
            self._turnstile.breakers.heard(said.key, _stored(said.data))

    def ring(self, engine: str) -> None:
        """Tells an engine, or with "" all, to look into the graph; unheard, it looks with its next heartbeat."""
        if self._limiter.up:
            self._say(f"wake {engine}", Said("wake", engine, self._limiter.me))

    # --- what is said ---------------------------------------------------------------------------------------------

    def _breaker(self, key: str, stored: Stored) -> None:
        """A breaker of this engine has opened or closed."""
        data = msgspec.json.encode(stored).decode() if stored.state is State.OPEN else ""
        self._say(f"breaker {key}", Said("breaker", key, self._limiter.me, data=data))

    def _rested(self, endpoint: str, seconds: float) -> None:
        if self._limiter.up:
            self._say(f"rest {endpoint}", Said("rest", endpoint, self._limiter.me, seconds))

    def _say(self, about: str, said: Said) -> None:
        self._unsaid[about] = said
        self._say_soon()

    def _say_soon(self) -> None:
        if self._unsaid and self._limiter.up and not self._saying:
            self._saying = True
            self._beside.start(self._say_all())

    async def _say_all(self) -> None:
        """Says what is to be said, the latest of each; what could not be said of a breaker is said later."""
        try:
            while self._unsaid and self._limiter.up:
                about, said = next(iter(self._unsaid.items()))
                await self._board.say(said)
                if self._unsaid.get(about) is said:
                    del self._unsaid[about]
        except BoardAway as away:
            self._unsaid = {about: said for about, said in self._unsaid.items() if said.what == "breaker"}
            self._limiter.fell(str(away))
        finally:
            self._saying = False


def _stored(data: str) -> Stored:
    """How a breaker stands; closed where nobody can read it."""
    try:
        return msgspec.json.decode(data, type=Stored) if data else Stored(State.CLOSED)
    except msgspec.MsgspecError:
        return Stored(State.CLOSED)
