"""Which executor carries a call out, as settings and tools say; and the life of those that have one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from engine.errors import SettingsError
from engine.executors import HERE, Chooser, Executor
from engine.limits.lines import Lines
from engine.model import Json
from engine.plan.spec import Spec
from engine.pools.cluster import Cluster
from engine.pools.portable import origin_of, why_not
from engine.pools.processes import ProcessExecutor
from engine.pools.ray import RayExecutor
from engine.pools.threads import ThreadExecutor
from engine.pools.workers import Workers, most_workers
from engine.ports import Clock
from engine.settings import Settings
from engine.toolport import Tool


def executor_of(settings: Settings, tool: Tool) -> str:
    """Where a tool's calls are carried out: by the settings for its type, by itself, by the setting for all."""
    named = settings.type_executors.get(tool.name) or tool.executor
    return named or (settings.executor if origin_of(tool) else "asyncio")


def room_of_types(settings: Settings, tools: Iterable[Tool]) -> dict[str, int]:
    """How many of a type can run at once where it runs, as limits of types: one too many stays in the queue, and need
    not be called only to be sent back.
    """
    room = {"processes": most_workers(settings), "ray": settings.ray_parallel}
    found = {tool.name: room.get(executor_of(settings, tool), 0) for tool in tools}
    return {name: count for name, count in found.items() if count}


class Carriers:
    """The executors of one engine beside its agents.

    Args:
        settings: of the engine.
        names: the types that there are.
        tools: the tool of a type.
        agents: carries out what requires capabilities, and everything else here.
        lines: who waits.
        clock: times.
        variables: of the environment, for other processes.
    """

    def __init__(
        self,
        settings: Settings,
        names: Callable[[], list[str]],
        tools: Callable[[str], Tool | None],
        agents: Chooser,
        lines: Lines,
        clock: Clock,
        variables: Mapping[str, str],
    ) -> None:
        self._settings, self._names, self._tools, self._agents = settings, names, tools, agents
        self._threads = ThreadExecutor(settings.cancel_grace_seconds)
        self.processes = ProcessExecutor(Workers(settings, variables, lambda: self._of("processes")), lines, clock)
        self.ray = RayExecutor(Cluster(settings, variables, clock), settings, lines, clock)
        self._used: set[str] = set()

    def name_of(self, tool: Tool) -> str:
        """Where a tool's calls are carried out."""
        return executor_of(self._settings, tool)

    def choose(self, tool: Tool, spec: Spec) -> Executor:
        """Who carries a call out. What requires capabilities goes to an agent, unless its type runs in Ray."""
        name = self.name_of(tool)
        if name == "ray":
            return self.ray
        chosen = self._agents(tool, spec)
        if chosen is HERE and name == "processes":
            return self.processes
        return self._threads if chosen is HERE and name == "threads" else chosen

    def at_agents(self, type_: str) -> bool:
        """Whether what a type's subtasks require is looked for at agents, and not in a Ray cluster."""
        tool = self._tools(type_)
        return tool is None or self.name_of(tool) != "ray"

    async def begin(self) -> None:
        """Looks whether every type can run where it is to, and starts what runs it.

        Raises:
            SettingsError: one cannot, or there is no such type; the message says what to do.
        """
        self._check_names()
        for tool in self._all():
            self._check(tool)
        self._used = {self.name_of(tool) for tool in self._all()}
        if "ray" in self._used:
            self.ray.cluster.check()
        if "processes" in self._used:
            await self.processes.workers.begin()
        if "ray" in self._used:
            self.ray.cluster.begin()

    def _check_names(self) -> None:
        for name in self._settings.type_executors:
            if self._tools(name) is None:
                near = get_close_matches(name, self._names(), n=1)
                meant = f"; did you mean {near[0]}?" if near else ": GET /tools lists those there are"
                raise SettingsError(f"TYPE_EXECUTORS={name}:...: there is no such type{meant}")

    def _check(self, tool: Tool) -> None:
        name = self.name_of(tool)
        if name == "asyncio" or not (words := why_not(tool)):
            return
        raise SettingsError(
            f"the type {tool.name} cannot run with {name}: {words}, or let it run with the engine: "
            f"TYPE_EXECUTORS={tool.name}:asyncio"
        )

    def _all(self) -> list[Tool]:
        return [tool for name in self._names() if (tool := self._tools(name)) is not None]

    def _of(self, executor: str) -> list[tuple[str, str]]:
        return [(tool.name, origin_of(tool)) for tool in self._all() if self.name_of(tool) == executor]

    def health(self) -> dict[str, Json]:
        """How those are that are in use, for people; empty where there is none."""
        found = {"processes": self.processes.health(), "ray": self.ray.health()}
        return {name: health for name, health in found.items() if name in self._used}

    async def close(self) -> None:
        """Ends their processes."""
        await self.processes.workers.close()
        await self.ray.cluster.close()
