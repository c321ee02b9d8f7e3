"""The type ``agent`` of one engine, put together from its settings, roles and tools."""

from __future__ import annotations

from collections.abc import Callable, Collection

from engine.agents.context import ContextLoader
from engine.agents.purse import Purses
from engine.agents.roles import Roles, unknown_tools
from engine.agents.tool import Agent, Elsewhere
from engine.agents.toolset import Bounds, Toolset
from engine.agents.wrappers import Wrappers
from engine.agentstore import AgentStore
from engine.errors import SettingsError
from engine.language import LanguageModel
from engine.model import Json
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.addresses import endpoint_of
from engine.tools.crowding import Crowding
from engine.tools.process import Processes
from engine.tools.registry import ToolRegistry
from engine.tools.roots import Roots


def agent_of(
    settings: Settings,
    roles: Roles,
    tools: Callable[[str], Tool | None],
    names: Collection[str],
    model: LanguageModel | None,
    talks: AgentStore | None,
    elsewhere: Elsewhere | None = None,
) -> Agent:
    """The tool. Nothing is started before it runs.

    Args:
        settings: of the engine.
        roles: that there are.
        tools: the tool of a type.
        names: the types that there are.
        model: Claude; None without a key.
        talks: where the talks are kept; None where no agent is run.
        elsewhere: runs those that workers are to run; None without Redis.

    Raises:
        SettingsError: WRAPPERS_PATH is no folder, a wrapper is called like a type, or a role names a tool that there
            is not.
    """
    folder, roots = settings.wrappers_path, Roots(settings.file_roots)
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"WRAPPERS_PATH={folder}: there is no such folder; make it, or leave it empty")
    wrappers = Wrappers(folder, Processes(settings.cancel_grace_seconds, Crowding.of(settings)))
    if taken := sorted(set(wrappers.names()) & {*names, Agent.name}):
        raise SettingsError(f"WRAPPERS_PATH={folder}: {taken[0]} is a subtask type already; rename the file")
    named = {tool for role in roles.all() for tool in role.tools if tools(tool) is not None}
    if faults := unknown_tools(roles.all(), {*names, *named, *wrappers.names()}):
        raise SettingsError(f"ROLES_PATH: {'; '.join(faults[:5])}; correct it, or add the tool")
    bounds = Bounds(roots.real, model="" if model is None else endpoint_of(model.address))
    toolset = Toolset(roles, tools, wrappers, bounds)
    contexts = ContextLoader(roots, settings.cancel_grace_seconds)
    return Agent(model, toolset, contexts, talks, elsewhere, settings.agents_run_by)


def bind(tools: ToolRegistry, asks: Callable[[str, Tool, Json], str | None], purses: Purses) -> None:
    """Has the agents of an engine keep to its rules of approval and to the budgets of its tasks."""
    agent = tools.get(Agent.name)
    if isinstance(agent, Agent):
        agent.tools.bounds = agent.tools.bounds._replace(asks=asks)
        agent.purses = purses
