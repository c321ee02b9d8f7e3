"""The agents of one engine, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable

from engine.limits.lines import Lines
from engine.model import Json
from engine.ports import Clock
from engine.remote.crew import Crew
from engine.remote.dispatcher import Context, Dispatcher
from engine.remoteport import AgentCalls, Answer, Reply
from engine.remotestore import RemoteStore


class NoWay:
    """No way to any agent, for an engine that is put together without one."""

    async def execute(self, url: str, body: Json) -> Reply:  # noqa: ARG002
        """Reaches nobody."""
        return Reply(Answer.UNREACHABLE, "this engine has no way to agents")

    async def cancel(self, url: str, body: Json) -> None:
        """Reaches nobody."""

    async def close(self) -> None:
        """Nothing is open."""


def build_dispatcher(
    store: RemoteStore,
    calls: AgentCalls | None,
    lines: Lines,
    clock: Clock,
    engine: Callable[[], str],
    timeout: float,
    about: Callable[[str], Context],
) -> Dispatcher:
    """What hands subtasks to agents.

    Args:
        store: where agents are kept.
        calls: the way to them; None where there is none.
        lines: who waits for one.
        clock: times.
        engine: the id of this engine.
        timeout: seconds without a heartbeat after which an agent is gone.
        about: what agents are told of a task, by its id.
    """
    return Dispatcher(Crew(store, clock, engine, timeout), calls or NoWay(), lines, clock, about)
