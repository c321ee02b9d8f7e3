"""A pool of workers, put together."""

from __future__ import annotations

from collections.abc import Callable

from engine.adapters.agent_streams import AgentStreams
from engine.adapters.redis import RedisConnection
from engine.agents.tool import Agent
from engine.approval.policy import Facts, Policy, broken_by
from engine.model import Json
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.roots import Roots
from engine.workers.config import WorkerConfig
from engine.workers.pool import WorkerPool
from engine.workers.worker import Worker


class ConnectedWorker(Worker):
    """A worker with a connection of its own, which it opens and closes: it waits on it."""

    def __init__(
        self,
        name: str,
        config: WorkerConfig,
        connection: RedisConnection,
        agent: Agent,
        covered: Callable[[str], str],
    ) -> None:
        super().__init__(name, config, AgentStreams(connection, config.keep_seconds), agent, covered)
        self._connection = connection

    async def run(self) -> None:
        """Works until it is stopped; see ``Worker.run``."""
        await self._connection.open()
        try:
            await super().run()
        finally:
            await self._connection.close()


def pool_of(
    config: WorkerConfig,
    agent: Agent,
    redis: RedisConnection,
    connect: Callable[[], RedisConnection],
    covered: Callable[[str], str],
) -> WorkerPool:
    """The pool. ``connect`` makes a connection for a worker, ``covered`` covers secrets in a text."""
    return WorkerPool(
        config,
        lambda name: ConnectedWorker(name, config, connect(), agent, covered),
        AgentStreams(redis, config.keep_seconds),
    )


def bind_rules(agent: Agent, policy: Policy, settings: Settings) -> None:
    """Has the agents of this process keep to the rules of approval: what a person should look at is refused.

    What a type usually costs is known to engines only, so a rule about costs refuses.
    """
    resolve = Roots(settings.file_roots).real

    def asks(task_id: str, tool: Tool, value: Json) -> str | None:  # noqa: ARG001 (the port of ``Bounds``)
        facts = Facts(tool.name, value, tool.risk_of(value), True, None, resolve)
        return "; ".join(reason.words for reason in broken_by(policy.rules, facts)) or None

    agent.tools.bounds = agent.tools.bounds._replace(asks=asks)
