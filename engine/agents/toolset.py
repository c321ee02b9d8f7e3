"""The tools of a role, and the one way by which an agent calls them: what is not allowed does not happen.

Nothing that a model says, and nothing that it was told by a tool, widens what its role may do: the name is looked up in
the role's list, paths must lie in the folder of the task, and what is dangerous needs the approval of a person.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from engine.agents.placing import outside, placed
from engine.agents.roles import NEVER, AgentRole, Roles
from engine.agents.wrappers import Wrapper, Wrappers
from engine.errors import Category, EngineError, ToolError, ToolExecutionError
from engine.language import Offered
from engine.model import Expand, Json
from engine.toolport import RunContext, Tool
from engine.tools.base import FunctionTool
from engine.tools.json_value import NotJson, plain
from engine.tools.mcp.tool import McpTool
from engine.tools.secret_text import without_secrets

CALL_SECONDS = 120.0
"""Longest call of a tool that says nothing of its own."""
MOST_TEXT = 50_000
"""Characters of a result that the model is told."""
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")
_MAY_BE = "the role's tools are all that there is"


class Bounds(NamedTuple):
    """What an engine knows that its agents must keep to."""

    resolve: Callable[[str], str]
    """A path as it really is: absolute, without links; relative ones begin at the first of FILE_ROOTS."""
    asks: Callable[[str, Tool, Json], str | None] = lambda *_: None
    """Why the rules of the engine want a person to look at a call, by task, tool and input; None where they do not."""
    model: str = ""
    """The endpoint of the model itself: a tool that asks it too would spend what no budget counts."""


class Toolset:
    """The tools of the roles of one engine.

    Args:
        roles: who may call what.
        tools: the tool of a type.
        wrappers: the executables of WRAPPERS_PATH.
        bounds: what every call must keep to.
    """

    def __init__(self, roles: Roles, tools: Callable[[str], Tool | None], wrappers: Wrappers, bounds: Bounds) -> None:
        self.roles, self.bounds = roles, bounds
        self._tools, self._wrappers = tools, wrappers

    async def get_tools_for_role(self, name: str) -> list[Tool]:
        """Every tool that a role may call, in the order in which it names them.

        Raises:
            ToolError: there is no such role, or one of its tools is missing (configuration).
        """
        return [await self._tool(tool) for tool in self.roles.get_role(name).tools]

    async def offers(self, role: AgentRole) -> list[Offered]:
        """The tools of a role, as a model is offered them."""
        tools = await self.get_tools_for_role(role.name)
        return [Offered(_STRANGE.sub("_", tool.name), _about(tool), _object(tool.schema())) for tool in tools]

    async def repeatable(self, role: AgentRole, name: str, value: Json) -> bool:
        """Whether a call that was cut off may be made again; a call that is refused does no harm."""
        try:
            return (await self._allowed(role, name)).repeatable(value)
        except ToolError:
            return True

    async def execute_tool(self, role: AgentRole, name: str, value: Json, context: RunContext) -> Json:
        """Calls a tool, if the role and the engine allow it.

        Args:
            role: of whoever calls.
            name: as the model gave it.
            value: the input.
            context: of the call.

        Raises:
            ToolExecutionError: whose ``case`` says why it was refused or failed.
        """
        tool = await self._allowed(role, name)
        task_id = context.task_id
        inside = value if _far(tool) else placed(tool.name, value, task_id)
        self._check(tool, value if isinstance(tool, Wrapper) else inside, inside, context)
        if isinstance(tool, Wrapper):  # it works in the folder of the task, so its relative paths are right as they are
            return await _called(tool.within(self.bounds.resolve(task_id)), value, context, tool.seconds)
        return await _called(tool, inside, context, tool.limits.attempt_seconds or CALL_SECONDS)

    async def close(self) -> None:
        """Lets go of what the wrappers need."""
        await self._wrappers.close()

    async def _allowed(self, role: AgentRole, name: str) -> Tool:
        """Default deny: only what the role names, by that name."""
        found = next((known for known in role.tools if name in (known, _STRANGE.sub("_", known))), None)
        if found is None or found in NEVER:
            listed = ", ".join(role.tools) or "none"
            raise _refused(f"the role {role.name} may not call {name!r}: {_MAY_BE} ({listed})", Category.PERMISSION)
        return await self._tool(found)

    async def _tool(self, name: str) -> Tool:
        found = self._tools(name) or await self._wrappers.get(name)
        return await found.known() if isinstance(found, McpTool) else found

    def _check(self, tool: Tool, value: Json, inside: Json, context: RunContext) -> None:
        """Refuses what points out of the task's folder, what needs a person, and what does not fit."""
        path = None if _far(tool) else outside(tool.name, inside, context.task_id, self.bounds.resolve)
        if path is not None:
            raise _refused(f"{path!r} lies outside the folder of this task; name paths inside it, such as notes.txt")
        if faults := tool.check(value):
            listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults[:5])
            raise ToolExecutionError("input", f"the input of {tool.name} does not fit: {listed}")
        if self.bounds.model and tool.endpoint(value) == self.bounds.model:
            raise _refused(f"{tool.name} would ask a model with this input, which no budget counts")
        if not context.approved and _needs_person(tool, value):
            raise _refused(
                f"{tool.name} needs a person's approval, and nobody has approved this subtask; "
                "say in your answer what you would have called, and why",
                Category.PERMISSION,
            )
        if why := self.bounds.asks(context.task_id, tool, inside):
            raise _refused(
                f"a person has to look at this call ({why}); say in your answer what you would have called",
                Category.PERMISSION,
            )


def _far(tool: Tool) -> bool:
    """Whether it works elsewhere: what its input calls a path is none of this machine."""
    return isinstance(tool, McpTool) and tool.remote


def _needs_person(tool: Tool, value: Json) -> bool:
    """What a model asks for came from outside. A file in the task's folder is the one place where that may go."""
    return tool.risk_of(value) == "dangerous" or (tool.refuses_tainted and tool.name != "write_file")


async def _called(tool: Tool, value: Json, context: RunContext, seconds: float) -> Json:
    """Runs it in time; whatever it raises becomes an error that tells the cases apart and no secret."""
    try:
        async with asyncio.timeout(seconds):
            output = await tool.run(value, context)
        if isinstance(output, Expand):
            raise _refused(f"{tool.name} would add subtasks, which an agent may not do")
        return plain(output)
    except TimeoutError:
        text = f"{tool.name} did not end within {seconds:g} s and was stopped"
        raise ToolExecutionError("timeout", text, category=Category.TIMEOUT) from None
    except ToolExecutionError:
        raise
    except ToolError as error:
        text = f"{error}. {error.suggestion}".rstrip(". ")
        raise ToolExecutionError("failed", text, category=error.category) from None
    except EngineError as error:
        raise ToolExecutionError("failed", str(error), category=Category.CONFIGURATION) from None
    except NotJson as error:
        raise ToolExecutionError("bad JSON", f"{tool.name} gave no JSON value: {error}") from None
    except Exception as error:  # its words may hold anything, so the model is told its kind alone
        context.log("warning", "a tool of an agent raised", tool=tool.name, error=f"{type(error).__name__}: {error}")
        raise ToolExecutionError("failed", f"{tool.name} failed ({type(error).__name__})") from None


def told(value: Json) -> str:
    """A result as the model is told it: without what looks like a secret, and cut where it is too long."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = without_secrets(text)
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}\n[cut: {len(text) - MOST_TEXT} of {len(text)} characters left out; ask for less]"


def _refused(message: str, category: Category = Category.CONFIGURATION) -> ToolExecutionError:
    return ToolExecutionError("refused", message, category=category)


def _about(tool: Tool) -> str:
    """What a tool does: a function or wrapper says it in its schema, a built-in one in its docstring."""
    schema = tool.schema()
    if isinstance(tool, FunctionTool | McpTool | Wrapper):
        return str(schema.get("description", "")) or tool.name
    return " ".join((inspect.getdoc(type(tool)) or tool.name).split("\n\n")[0].split())


def _object(schema: dict[str, Json]) -> dict[str, Json]:
    """A schema that the API takes: of an object."""
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}
