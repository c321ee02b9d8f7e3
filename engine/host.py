"""Runs subtasks for an engine in another process: what ``agent03 agent`` is, without the web around it.

The same tools, limits and signs of life as in the engine. The agent holds the truth about what it works on: it says so
with every heartbeat, and keeps a result until the engine has acknowledged or refused it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import structlog

from engine.context import Context, short_of_resources
from engine.errors import Category, EngineError, ToolError
from engine.model import Expand, Json
from engine.payloads import pack
from engine.ports import Clock
from engine.remoteport import Outcome
from engine.toolport import Tool, as_meant
from engine.turn import Claim
from engine.watch import Watch

MOST_LINES = 1_000
"""Log lines that go with one result; the oldest are dropped."""
PAUSES = (0.5, 10.0)
"""First and longest pause between two attempts to return a result, in seconds."""
_log = structlog.get_logger("agent")


class Asked(NamedTuple):
    """A subtask as the engine hands it over. ``seconds`` is what is left for it, ``idle`` without a sign of life."""

    task_id: str
    subtask_id: str
    key: str
    type: str
    input: Json
    token: int
    seconds: float
    idle: float | None = None
    reduction: int = 0
    approved: bool = False


class Returns(Protocol):
    """Takes a result; returns "taken", "fenced" or "again". Never raises but ``CancelledError``."""

    async def __call__(self, body: dict[str, Json]) -> str:
        """Returns a result to the engine."""


class Host:
    """The subtasks of one agent.

    Args:
        tools: the tool of a type.
        returns: the way back to the engine.
        clock: times.
        slots: how many run at once.
        seconds: the limit of one for which the engine names none.
    """

    def __init__(
        self, tools: Callable[[str], Tool | None], returns: Returns, clock: Clock, slots: int, seconds: float
    ) -> None:
        self._tools = tools
        self._returns = returns
        self._clock = clock
        self._slots = slots
        self._seconds = seconds
        self._working: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._unwanted: set[tuple[str, int]] = set()
        self._ended: set[tuple[str, int]] = set()
        """What has a result that is on its way."""
        self._busy = 0
        self.draining = False
        self.completed = 0
        """Subtasks that have ended well."""
        self.freed: Callable[[], None] = lambda: None
        """Told that there is room again."""

    @property
    def free(self) -> bool:
        """Whether it takes one more."""
        return not self.draining and self._busy < self._slots

    @property
    def running(self) -> list[tuple[str, int]]:
        """What it works on, or has no acknowledged result of, as (subtask id, token), oldest first."""
        return list(self._working)

    def accept(self, asked: Asked) -> bool:
        """Begins with a subtask; False when it is busy. One that it has already is not begun again."""
        key = (asked.subtask_id, asked.token)
        if key in self._working:
            return True
        if not self.free:
            return False
        self._busy += 1
        self._working[key] = asyncio.create_task(self._serve(key, asked))
        return True

    def cancel(self, subtask_id: str, token: int) -> bool:
        """Nobody wants a subtask any more; False when it is not here."""
        working = self._working.get((subtask_id, token))
        if working is None:
            return False
        self._unwanted.add((subtask_id, token))
        working.cancel()
        return True

    async def drain(self, grace: float, delivery: float) -> None:
        """Takes nothing more, lets what runs end for ``grace`` seconds, stops the rest, and gives results ``delivery``
        seconds to arrive.
        """
        self.draining = True
        if self._working:
            await asyncio.wait(list(self._working.values()), timeout=grace)
        for key, working in list(self._working.items()):
            if key not in self._ended:
                working.cancel()
        if self._working:
            await asyncio.wait(list(self._working.values()), timeout=delivery)

    # --- one subtask --------------------------------------------------------------------------------------------------

    async def _serve(self, key: tuple[str, int], asked: Asked) -> None:
        try:
            try:
                body = await self._outcome(asked)
            finally:
                self._busy -= 1
                self._ended.add(key)
                self.freed()
            if key not in self._unwanted:
                await self._deliver(asked, body)
        finally:
            self._unwanted.discard(key)
            self._ended.discard(key)
            del self._working[key]

    async def _outcome(self, asked: Asked) -> dict[str, Json]:
        """What came of it, as the engine is told."""
        lines: deque[Json] = deque(maxlen=MOST_LINES)
        taken: dict[str, Any] = {}
        body: dict[str, Json] = {
            "task_id": asked.task_id,
            "subtask_id": asked.subtask_id,
            "token": asked.token,
            "usage": taken,
            "logs": lines,
        }
        try:
            output = await self._run(asked, lines, taken)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()  # what follows is to end by itself
            body |= {"status": Outcome.INTERRUPTED.value}
        except ToolError as error:
            body |= _failed(error)
        except EngineError as error:
            body |= _failed(ToolError(str(error), category=Category.CONFIGURATION))
        except Exception as error:
            _log.warning("the tool raised", task_id=asked.task_id, subtask=asked.key, exc_info=error)
            suggestion = "see the agent's log for the traceback"
            body |= _failed(ToolError(f"{type(error).__name__}: {error}", suggestion=suggestion))
        else:
            self.completed += 1
            body |= {"status": Outcome.COMPLETED.value, "output": output}
        return body | {"logs": list(lines)}

    async def _run(self, asked: Asked, lines: deque[Json], taken: dict[str, Any]) -> Json:
        tool = self._tools(asked.type)
        if tool is None:
            raise ToolError(
                f"this agent has no tool for the type {asked.type!r}",
                category=Category.CONFIGURATION,
                suggestion="start the agent with the AGENT03_TOOLS of the engine",
            )
        seconds = asked.seconds if asked.seconds > 0 else self._seconds

        def keep(level: str, message: str, fields: Mapping[str, Json]) -> None:
            lines.append({"level": level, "message": message, "fields": dict(fields)})

        def measured(memory_bytes: int, cpu_seconds: float) -> None:
            taken["memory_bytes"] = max(memory_bytes, taken.get("memory_bytes", 0))
            taken["cpu_seconds"] = cpu_seconds + taken.get("cpu_seconds", 0.0)

        async with Watch(self._clock, seconds, asked.idle) as watch:
            claim, deadline = _claim(asked), self._clock.monotonic() + seconds
            context = Context(claim, deadline, watch, measured, keep, approved=asked.approved)
            output = await _called(tool, asked.input, context)
        pack(output)  # says what is no JSON
        return output

    async def _deliver(self, asked: Asked, body: dict[str, Json]) -> None:
        """Returns a result until the engine has taken or refused it."""
        pause = PAUSES[0]
        while True:
            told = await self._returns(body)
            if told == "fenced":
                _log.info("a result came too late", task_id=asked.task_id, subtask=asked.key, token=asked.token)
            if told != "again":
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSES[1])


async def _called(tool: Tool, value: Json, context: Context) -> Json:
    with as_meant(tool):
        output = await tool.run(value, context)
    if isinstance(output, Expand):
        raise ToolError(
            f"{tool.name} adds subtasks to its task, which an agent cannot do",
            category=Category.CONFIGURATION,
            suggestion="leave required_capabilities out of this subtask, so that the engine runs it",
        )
    return output


def _claim(asked: Asked) -> Claim:
    reason = ""
    for _ in range(asked.reduction):
        reason = short_of_resources(reason)
    return Claim(asked.subtask_id, asked.task_id, asked.key, asked.type, "{}", asked.token, 0, reason=reason)


def _failed(error: ToolError) -> dict[str, Json]:
    told: dict[str, Json] = {
        "message": str(error),
        "category": error.category.value,
        "suggestion": error.suggestion,
        "crashed": error.crashed,
    }
    if error.delay is not None:
        told["delay"] = error.delay
    return {"status": Outcome.FAILED.value, "error": told, "output": error.output}
