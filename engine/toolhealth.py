"""How the tools are: each is asked now and then, beside the work and never before a run.

The first look comes soon after the start. A tool that stays as it is gets asked at twice the interval each time, up to
a bound; one that has changed, or is ill, sooner again. So an engine that has nothing to do hardly wakes for it, and a
tool that is well again is known to be within minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from engine.beside import Beside
from engine.model import Json, Value
from engine.ports import Alarm, Clock
from engine.toolport import Tool, ToolHealth

_log = structlog.get_logger("tools")

FIRST_SECONDS = 1.0
"""From the start to the first look."""
WELL_SECONDS = (30.0, 900.0)
"""Between two looks at a tool that is well: the first interval, and the longest."""
ILL_SECONDS = (5.0, 300.0)
"""The same of one that is ill."""
CHECK_SECONDS = 10.0
"""A check that takes longer has failed."""
AT_ONCE = 4
"""Checks at the same time."""


class Checked(Value, frozen=True):
    """What the last look at a tool found, when (milliseconds), and after how many seconds the next one is due."""

    health: ToolHealth
    at: int
    next_in: float


def next_interval(before: Checked | None, health: ToolHealth) -> float:
    """Seconds to the next look. Pure."""
    first, longest = WELL_SECONDS if health.ok else ILL_SECONDS
    if before is None or before.health.ok != health.ok:
        return first
    return min(2 * before.next_in, longest)


class ToolWatch:
    """Asks the tools of one engine how they are.

    Args:
        names: the types that there are.
        tools: the tool of a type.
        clock: when to ask.
    """

    def __init__(self, names: Callable[[], list[str]], tools: Callable[[str], Tool | None], clock: Clock) -> None:
        self._names = names
        self._tools = tools
        self._clock = clock
        self._alarms: dict[str, Alarm] = {}
        self._found: dict[str, Checked] = {}
        self._beside = Beside(lambda error: _log.error("a health check has ended", exc_info=error))
        self._turns = asyncio.Semaphore(AT_ONCE)

    def begin(self) -> None:
        """Asks every tool soon, and from then on now and then."""
        for name in self._names():
            self._later(name, FIRST_SECONDS)

    def follow(self, name: str) -> None:
        """Asks a tool from now on that was not there at the beginning."""
        if name not in self._alarms:
            self._later(name, FIRST_SECONDS)

    async def stop(self) -> None:
        """Asks nobody any more."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        await self._beside.end()

    def healthy(self, name: str) -> bool:
        """Whether the last check of a tool was good; one that was not asked yet counts as well."""
        found = self._found.get(name)
        return found is None or found.health.ok

    def of(self, name: str) -> dict[str, Json]:
        """What is known of a tool, for people and programs."""
        found = self._found.get(name)
        if found is None:
            return {"ok": None, "detail": "not asked yet", "suggestion": "", "checked_at": None, "next_at": None}
        next_at = found.at + round(1000 * found.next_in)
        health = found.health
        told = {"ok": health.ok, "detail": health.detail, "suggestion": health.suggestion}
        return told | {"checked_at": found.at, "next_at": next_at}

    def _later(self, name: str, seconds: float) -> None:
        self._alarms[name] = self._clock.call_later(seconds, lambda: self._beside.start(self._check(name)))

    async def _check(self, name: str) -> None:
        tool = self._tools(name)
        if tool is None:
            self._alarms.pop(name, None)
            self._found.pop(name, None)
            return
        async with self._turns:
            health = await _asked(tool)
        before = self._found.get(name)
        self._found[name] = Checked(health, self._clock.now(), next_interval(before, health))
        if health.ok != (before is None or before.health.ok):
            # What nobody has set up is no news at every start.
            tell = _log.info if health.ok else _log.debug if before is None else _log.warning
            tell("tool.health", tool=name, ok=health.ok, detail=health.detail, suggestion=health.suggestion)
        self._later(name, self._found[name].next_in)


async def _asked(tool: Tool) -> ToolHealth:
    """What a tool says of itself; one that raises, or says nothing in time, is ill."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await tool.health_check()
    except TimeoutError:
        return ToolHealth(False, f"its health check took more than {CHECK_SECONDS:g} s")
    except Exception as error:  # it may be anybody's function
        return ToolHealth(False, f"{type(error).__name__}: {error}")
