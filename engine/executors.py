"""Where a call is carried out, as a port: in this process, at an agent, and wherever else somebody brings it.

An attempt asks an executor for a place before it passes any limit, so that a call which finds no place takes nothing
from a rate. Whoever carries it out returns what the tool gives, or raises: ``ToolError`` as the tool itself would,
``Postponed`` where nobody can take it now (it waits as state and spends no attempt), ``Lost`` where whoever had it is
gone. No executor ever repeats a call: that is the state machine's to decide. The token travels with the call.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from engine.model import Json
from engine.plan.spec import Spec
from engine.toolport import RunContext, Tool
from engine.turn import Claim


class Lost(Exception):
    """Whoever ran the call is gone; what it has done is not known. The words say who, for the record."""


class Work(NamedTuple):
    """One call that is to be carried out."""

    tool: Tool
    claim: Claim
    spec: Spec
    deadline: float
    """Monotonic seconds after which the attempt is stopped."""
    idle: float | None
    """Seconds without a sign of life after which it is stopped too."""


class Place(Protocol):
    """A place for one call, kept until ``leave``."""

    agent_id: str
    """Who carries it out, for the record; "" for this engine. It may become another one while it runs."""

    under_way: bool
    """Somebody works on it already, since before a restart: it passes no limit again."""

    async def run(self, value: Json, context: RunContext) -> Json:
        """What the tool gives for an input; cancelled, it has the call stopped."""

    def leave(self) -> None:
        """The place is free again."""


class Executor(Protocol):
    """Something that carries calls out."""

    async def enter(self, work: Work) -> Place:
        """A place for a call. Raises ``Postponed`` where there is none now."""


class Chooser(Protocol):
    """Says which executor a call goes to."""

    def __call__(self, tool: Tool, spec: Spec) -> Executor:
        """The executor of a call of a tool, as its subtask wants it."""


class Here:
    """Carries calls out in this process. It has room for as many as the engine has slots."""

    async def enter(self, work: Work) -> Place:
        """A place."""
        return _Seat(work.tool)


class _Seat:
    agent_id = ""
    under_way = False

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    async def run(self, value: Json, context: RunContext) -> Json:
        """Calls the tool."""
        return await self._tool.run(value, context)

    def leave(self) -> None:
        """Nothing was kept."""


HERE = Here()


def everything_here(tool: Tool, spec: Spec) -> Executor:  # noqa: ARG001 (others look at them)
    """Every call is carried out in this process."""
    return HERE
