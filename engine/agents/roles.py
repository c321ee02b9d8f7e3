"""Who an agent is: its instructions, its model, and the only tools that it may call. Pure.

A role names every tool that it may use; what it does not name does not exist for it. Roles come from files
(``api/roles.py`` reads them), the predefined ones from ``roles.yaml`` beside this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.docstrings import described
from engine.errors import Category, ToolError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
NEVER = frozenset({"agent", "aider", "claude", "claude_code", "planning", "subplan"})
"""Types that no role may name: they ask a model that no budget counts, or grow the graph behind the agent."""


class AgentCluster(StrEnum):
    """At which part of a piece of work a role is at home."""

    DISCOVERY = "discovery"
    DESIGN = "design"
    DEVELOPMENT = "development"
    VALIDATION = "validation"
    DEPLOYMENT = "deployment"


class Capability(StrEnum):
    """What agents are good for. Users may have words of their own: a role takes any name."""

    DATA_ANALYSIS = "DATA_ANALYSIS"
    WEB_SCRAPING = "WEB_SCRAPING"
    CODE_GENERATION = "CODE_GENERATION"
    FILE_PROCESSING = "FILE_PROCESSING"
    DATABASE_OPERATIONS = "DATABASE_OPERATIONS"
    API_INTEGRATION = "API_INTEGRATION"


class AgentRole(BaseModel):
    """One role."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=described, defer_build=True)

    name: Name
    """How a subtask names it."""
    cluster: AgentCluster
    """Where it is at home."""
    system_prompt: str = Field(min_length=1, max_length=100_000)
    """What holds for all that it does."""
    tools: list[Name] = Field(default_factory=list, max_length=100)
    """Subtask types and wrappers that it may call; nothing else."""
    delegates: list[Name] = Field(default_factory=list, max_length=100)
    """Roles to which it may give work, as new subtasks; nobody unless given."""
    max_tokens: int = Field(default=8_000, ge=1, le=32_000)
    """Longest single answer."""
    model: str | None = Field(default=None, min_length=1, max_length=200)
    """Such as claude-opus-5-5; CLAUDE_MODEL unless given."""
    capabilities: list[Name] = Field(default_factory=list, max_length=100)
    """What it is good for: one of ``Capability``, or a word of your own."""


class Roles:
    """Roles by name. A later one takes the place of an earlier one of its name: that is how users change one.

    Args:
        roles: all of them.
    """

    def __init__(self, roles: Iterable[AgentRole] = ()) -> None:
        self._roles: Mapping[str, AgentRole] = {role.name: role for role in roles}

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._roles)

    def all(self) -> list[AgentRole]:
        """Every role, by name."""
        return [self._roles[name] for name in self.names()]

    def fault(self, name: str) -> str | None:
        """What is wrong with a name; None when there is such a role."""
        if name in self._roles:
            return None
        near = get_close_matches(name.lower(), self._roles, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self.names()) or 'none'}"
        return f"there is no role {name}{hint}"

    def get_role(self, name: str) -> AgentRole:
        """The role of that name; raises ``ToolError`` (configuration), which names those that there are."""
        if fault := self.fault(name):
            raise ToolError(fault, category=Category.CONFIGURATION, suggestion="Correct it, or add it to ROLES_PATH.")
        return self._roles[name]


def unknown_tools(roles: Iterable[AgentRole], known: Iterable[str]) -> list[str]:
    """What of the roles names a tool or role that there is not, or that no role may have; a line each. Pure."""
    there, all_roles = set(known), list(roles)
    names = {role.name for role in all_roles}
    found: list[str] = []
    for role in all_roles:
        found += [
            f"the role {role.name} delegates to {name}, and there is none"
            for name in role.delegates
            if name not in names
        ]
        for tool in role.tools:
            if tool in NEVER:
                found.append(f"the role {role.name} names {tool}, which no agent may call")
            elif tool not in there:
                found.append(f"the role {role.name} names the tool {tool}, and there is none")
    return found
