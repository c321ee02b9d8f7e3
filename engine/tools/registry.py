"""The tools that an engine knows, by name: the built-in ones and those of the modules in AGENT03_TOOLS."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Protocol

from engine.errors import Category, SettingsError, ToolError
from engine.language import LanguageModel
from engine.model import Json
from engine.planning.templates import TemplateSet
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.addresses import AddressPolicy
from engine.tools.browser import Browser, Keep
from engine.tools.calculate import Calculate
from engine.tools.claude import Claude
from engine.tools.crowding import Crowding
from engine.tools.decorator import mark_of
from engine.tools.delete_file import DeleteFile
from engine.tools.embedding_search import EmbeddingSearch, Search
from engine.tools.http_request import HttpRequest
from engine.tools.list_files import ListFiles
from engine.tools.noop import Noop
from engine.tools.outside import outside_tools
from engine.tools.planning import Planning
from engine.tools.process import Processes
from engine.tools.python import Python
from engine.tools.read_file import ReadFile
from engine.tools.roots import Roots
from engine.tools.rows.catalogue import row_tools
from engine.tools.shell import Shell
from engine.tools.sleep import Sleep
from engine.tools.subplan import Subplan
from engine.tools.undo import UndoLog
from engine.tools.write_file import WriteFile


def builtin_tools(settings: Settings, model: LanguageModel | None = None) -> list[Tool]:
    """The tools that every engine has. Nothing is opened or started before one of them runs.

    Args:
        settings: of the engine.
        model: words what a stage is asked to word; None where no key is set.

    Raises:
        SettingsError: HTTP_ALLOW_PRIVATE, SMTP_URL or WEB_SEARCH_URL cannot be read.
    """
    grace = settings.cancel_grace_seconds
    processes = Processes(grace, Crowding.of(settings))
    roots = Roots(settings.file_roots)
    undo = undo_log(settings)
    policy = AddressPolicy.parse(settings.http_allow_private)
    return [
        Noop(),
        Sleep(),
        Calculate(),
        Shell(processes, roots),
        Python(processes),
        HttpRequest(policy, grace),
        ReadFile(roots, grace),
        WriteFile(roots, undo, grace),
        ListFiles(roots, grace),
        DeleteFile(roots, undo, grace),
        *outside_tools(settings, roots, policy),
        *row_tools(settings, roots, policy, model),
    ]


def undo_log(settings: Settings) -> UndoLog:
    """Where the file tools keep what they replace and delete."""
    return UndoLog(settings.undo, Roots(settings.file_roots))


class ToolSource(Protocol):
    """Has tools that come and go while the engine runs."""

    def get(self, name: str) -> Tool | None:
        """The tool of a type, as it is now."""

    def names(self) -> list[str]:
        """The types that there are now."""

    def begin(self, met: Callable[[Tool], None]) -> None:
        """Looks for tools, beside the loop; ``met`` is told of each that was not there before."""

    async def close(self) -> None:
        """Lets go of all of them."""


class ToolRegistry:
    """Tools by name. A name is given once.

    Args:
        tools: the first ones.
        grace: seconds that a cancelled function in a thread gets to end.
    """

    def __init__(self, tools: Iterable[Tool] = (), *, grace: float = 0.5) -> None:
        self._grace = grace
        self._tools: dict[str, Tool] = {}
        self.search: Search = _unsearched
        """Finds passages of outputs and files; the engine gives it."""
        self.source: ToolSource | None = None
        """Has the tools of other programs."""
        self.experience: Callable[[str], tuple[float | None, float | None]] = lambda _: (None, None)
        """What the engine has learned of a type, as (median seconds, share that succeeds)."""
        self.keep: Keep = _nowhere
        """Keeps a file that a tool has made with its subtask; the engine gives it."""
        for tool in tools:
            self.register(tool)

    @classmethod
    def from_settings(
        cls, settings: Settings, model: LanguageModel | None = None, templates: TemplateSet | None = None
    ) -> ToolRegistry:
        """The built-in tools, and those of the modules that the settings name.

        Args:
            settings: of the engine.
            model: for the tools that ask one; closed with them. None when there is no key.
            templates: the users' own plan templates.

        Raises:
            SettingsError: a module is missing or broken, or a name is taken.
        """
        registry = cls(builtin_tools(settings, model), grace=settings.cancel_grace_seconds)
        registry.register(Claude(model))
        registry.register(EmbeddingSearch(lambda *asked, **more: registry.search(*asked, **more)))
        policy = AddressPolicy.parse(settings.http_allow_private)
        registry.register(Browser(policy, settings.browser_path, lambda *kept: registry.keep(*kept)))
        registry.register(
            Planning(
                model,
                registry.get,
                registry.names,
                planner=settings.planning_model,
                experience=lambda type_: registry.experience(type_),  # the engine gives it later
            )
        )
        registry.register(Subplan(templates or TemplateSet()))
        registry.load_modules(settings.agent03_tools)
        return registry

    def register(self, tool: Tool) -> None:
        """Adds a tool; raises ``SettingsError`` when its name is taken."""
        if tool.name in self._tools:
            raise SettingsError(f"there are two tools called {tool.name}; give one of them another name")
        self._tools[tool.name] = tool

    def get(self, name: str) -> Tool | None:
        """The tool of that name."""
        found = self._tools.get(name)
        return self.source.get(name) if found is None and self.source is not None else found

    def begin(self, met: Callable[[Tool], None]) -> None:
        """Lets the source of tools begin; ``met`` is told of each tool that it finds."""
        if self.source is not None:
            self.source.begin(met)

    def version(self, name: str) -> str:
        """The version of the tool of that name; empty when there is none."""
        tool = self.get(name)
        return "" if tool is None else tool.version

    def limits(self, given: Mapping[str, int]) -> dict[str, int]:
        """How many attempts of a type may run at once: what is ``given``, else what its tool says of itself."""
        own = {name: tool.limits.parallel for name in self.names() if (tool := self.get(name)) is not None}
        return {name: limit for name, limit in own.items() if limit is not None} | dict(given)

    def repeatable(self, name: str) -> bool:
        """Whether running the tool of that name twice does no more than running it once, whatever its input."""
        tool = self.get(name)
        return tool is not None and tool.idempotent

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._tools if self.source is None else {*self._tools, *self.source.names()})

    def nearest(self, name: str) -> str | None:
        """The name that is most like ``name``, for "did you mean"; None when none is."""
        return next(iter(get_close_matches(name.lower(), self.names(), n=1)), None)

    def load_modules(self, names: Iterable[str]) -> list[str]:
        """Imports modules and adds their ``@tool`` functions; returns the names of the added tools.

        A function that two modules show is added once.

        Raises:
            SettingsError: a module is missing, cannot be imported or has no tool; a name is taken; a signature
                cannot be read. Nothing of the module that is at fault is added.
        """
        from engine.tools.signature import tool_of  # only whoever has own tools needs the parser of docstrings

        seen: set[int] = set()
        added: list[str] = []
        for module_name in names:
            module = _import(module_name)
            marked = [(thing, mark) for thing in vars(module).values() if (mark := mark_of(thing))]
            if not marked:
                raise SettingsError(f'AGENT03_TOOLS: {module_name} has no tool; mark its functions with @tool("name")')
            fresh = {id(thing): (thing, mark) for thing, mark in marked if id(thing) not in seen}
            tools = [tool_of(thing, mark, self._grace) for thing, mark in fresh.values()]
            self._register_all(tools, module_name)
            seen |= fresh.keys()
            added += [tool.name for tool in tools]
        return added

    def _register_all(self, tools: Iterable[Tool], module_name: str) -> None:
        wanted = [tool.name for tool in tools]
        for name in wanted:
            if name in self._tools or wanted.count(name) > 1:
                raise SettingsError(f"AGENT03_TOOLS: the tool name {name} in {module_name} is taken; choose another")
        for tool in tools:
            self.register(tool)

    async def close(self) -> None:
        """Closes every tool."""
        if self.source is not None:
            await self.source.close()
        for tool in self._tools.values():
            await tool.close()


async def _unsearched(*asked: Json, **more: Json) -> dict[str, Json]:
    """There is no engine, so there is nothing to search."""
    del asked, more
    raise ToolError("there is no engine to search in", category=Category.CONFIGURATION)


async def _nowhere(subtask_id: str, data: bytes, digest: str) -> None:
    """There is no engine, so nobody asks for the file."""


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"AGENT03_TOOLS: there is no module {error.name} (needed for {name}); install it, or start the engine "
            "where Python finds it, for example with PYTHONPATH"
        ) from error
    except Exception as error:  # importing runs the module's own code, which may raise anything
        raise SettingsError(f"AGENT03_TOOLS: {name} cannot be imported: {type(error).__name__}: {error}") from error
