"""Plan templates of a user's own: a plan with typed parameters, checked when the engine starts.

``{{parameters.NAME}}`` stands for a parameter, in values only. It may stand anywhere in the input of a subtask and in
the defaults of the task, and as a whole value in limits such as ``timeout_seconds``; it never chooses what a subtask
is called, which type it has, what it depends on, or when it runs. Fields that a tool never resolves, such as
``python.code``, are not looked at here either: hand the value over in another field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import Fault, InvalidInput, SettingsError
from engine.model import Json
from engine.plan.nearest import Nearest
from engine.planning.literals import literal_fields

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
"""What a template may be called."""
PARAMETER_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
DEFAULTS = frozenset(
    {
        "user_id",
        "name",
        "description",
        "tags",
        "priority",
        "failure_policy",
        "on_failure",
        "deadline_seconds",
        "max_parallel",
        "cache",
        "input",
        "aggregate",
        "agent_budget",
    }
)
"""Fields of a task that a template may give."""
LIMITS = frozenset(
    {"priority", "critical", "optional", "timeout_seconds", "timeouts", "retry", "cache", "requires_approval", "map"}
)
"""Fields of a subtask in which a parameter may be the whole of a value."""
PLACE = re.compile(r"\\\{\{|\{\{[ \t\r\n]*+parameters(?![A-Za-z0-9_])([^{}]*+)\}\}")
"""A parameter where it stands, with what follows its head; or escaped braces."""
_TAIL = re.compile(rf"\.({PARAMETER_NAME})[ \t\r\n]*+")
_TYPES: dict[str, tuple[Any, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}

Path = tuple[str | int, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Parameter(_Strict):
    """One parameter. Without a default it has to be given."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"]
    description: str = ""
    default: Any = None
    enum: list[Any] | None = Field(None, min_length=1)
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    """A regular expression that the whole text has to match."""

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return "default" not in self.model_fields_set

    def fault(self, value: Json) -> str:
        """What is wrong with a value; empty when nothing is."""
        kinds: tuple[Any, ...] = _TYPES.get(self.type, (dict,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.type != "boolean"):
            return f"should be of type {self.type}"
        if self.enum is not None and value not in self.enum:
            return f"should be one of {', '.join(map(repr, self.enum[:20]))}"
        if self.minimum is not None and value < self.minimum:
            return f"should be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"should be at most {self.maximum:g}"
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return f"should match {self.pattern}"
        return ""

    def shown(self) -> dict[str, Json]:
        """What a caller has to know of it."""
        return {**self.model_dump(exclude_unset=True), "required": self.required}


class _Plan(_Strict):
    subtasks: list[dict[str, Any]] = Field(min_length=1)


class Template(_Strict):
    """A checked template."""

    name: str = Field(pattern=NAME)
    description: str = ""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    plan: _Plan
    defaults: dict[str, Any] = Field(default_factory=dict)

    def shown(self) -> dict[str, Json]:
        """What ``GET /templates`` tells of it."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": {name: parameter.shown() for name, parameter in self.parameters.items()},
            "subtasks": len(self.plan.subtasks),
        }


class TemplateSet:
    """Templates by name.

    Args:
        templates: none of them twice.
    """

    def __init__(self, templates: Iterable[Template] = ()) -> None:
        self._templates = {template.name: template for template in templates}

    def get(self, name: str) -> Template | None:
        """The template of that name."""
        return self._templates.get(name)

    def require(self, name: str, pointer: str = "/template") -> Template:
        """The same; raises ``InvalidInput`` with the nearest name when there is none."""
        found = self._templates.get(name)
        if found is None:
            raise InvalidInput([Fault(pointer, f'there is no template "{name[:100]}"{self.hint(name)}')])
        return found

    def hint(self, name: str) -> str:
        """Which name may have been meant, or which there are, as the end of a sentence."""
        known = ", ".join(sorted(self._templates)[:20]) or "none: set TEMPLATES_PATH"
        return Nearest(self._templates).hint(name) or f"; known are {known}"

    def names(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self._templates)

    def shown(self) -> list[dict[str, Json]]:
        """Every template as ``GET /templates`` lists it, by name."""
        return [self._templates[name].shown() for name in self.names()]


def template(file: str, value: Json, literal: Callable[[str], Container[str]] = literal_fields) -> Template:
    """The template that a file holds.

    Args:
        file: its name, for messages.
        value: its content, parsed.
        literal: the fields of a type's input that are never resolved.

    Raises:
        SettingsError: in one line, with the file and what to do.
    """
    if not isinstance(value, dict):
        raise refused(file, "it should be an object with name, parameters and plan")
    try:
        made = Template.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise refused(file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for problem in _problems(made, literal):
        raise refused(file, problem)
    return made


def collected(found: Iterable[tuple[str, Template]]) -> TemplateSet:
    """The templates of several files; raises ``SettingsError`` when two have one name."""
    files: dict[str, str] = {}
    templates = []
    for file, made in found:
        if made.name in files:
            raise refused(file, f"{files[made.name]} has a template called {made.name!r} too; rename one of them")
        files[made.name] = file
        templates.append(made)
    return TemplateSet(templates)


def refused(file: str, reason: str) -> SettingsError:
    """Why a file cannot be used, in one line."""
    return SettingsError(" ".join(f"TEMPLATES_PATH: {file}: {reason}; correct the file or take it away".split()))


def parameter_of(found: re.Match[str]) -> str:
    """The name in a match of ``PLACE``; empty when it cannot be read."""
    tail = _TAIL.fullmatch(found[1])
    return tail[1] if tail else ""


def _problems(made: Template, literal: Callable[[str], Container[str]]) -> Iterator[str]:
    for name, parameter in made.parameters.items():
        yield from _odd(name, parameter)
    for name in made.defaults.keys() - DEFAULTS:
        yield f"defaults.{name}: there is no such field{Nearest(DEFAULTS).hint(name)}"
    used: set[str] = set()
    for path, text in [*_texts(made.defaults, ("defaults",)), *_of_plan(made.plan.subtasks, literal)]:
        for found in PLACE.finditer(text):
            if found[1] is None:
                continue
            name, place = parameter_of(found), ".".join(map(str, path))
            yield from _misplaced(path, found.group() == text)
            if name not in made.parameters:
                yield f"{place}: {found.group()[:100]} names no parameter; write {{{{parameters.NAME}}}} and declare it"
            used.add(name)
    for name in made.parameters.keys() - used:
        yield f"parameters.{name} is not used anywhere that references are resolved; use it or take it away"


def _odd(name: str, parameter: Parameter) -> Iterator[str]:
    if not re.fullmatch(PARAMETER_NAME, name):
        yield f"parameters.{name[:80]}: a name has letters, digits and _, and begins with no digit"
    limited = parameter.minimum is not None or parameter.maximum is not None
    if limited and parameter.type not in ("integer", "number"):
        yield f"parameters.{name}: minimum and maximum are for numbers"
    if parameter.pattern is not None:
        if parameter.type != "string":
            yield f"parameters.{name}: a pattern is for a string"
        try:
            re.compile(parameter.pattern)
        except re.error as error:
            yield f"parameters.{name}.pattern is no regular expression: {error}"
    if not parameter.required and (fault := parameter.fault(parameter.default)):
        yield f"parameters.{name}.default {fault}"


def _of_plan(subtasks: list[dict[str, Any]], literal: Callable[[str], Container[str]]) -> Iterator[tuple[Path, str]]:
    """Every text of the plan that is looked at."""
    for number, subtask in enumerate(subtasks):
        fallback = subtask.get("fallback")
        other = literal(str(fallback.get("type"))) if isinstance(fallback, dict) else ()
        fields = literal(str(subtask.get("type")))
        for path, text in _texts(subtask, ()):
            kept = path[0] == "input" and path[1:] and path[1] in fields
            kept = kept or (path[:2] == ("fallback", "input") and path[2:] and path[2] in other)
            if not kept:
                yield ("plan", "subtasks", number, *path), text


def _misplaced(path: Path, whole: bool) -> Iterator[str]:
    place = ".".join(map(str, path))
    if path[-1:] == ("",):
        yield f"{place[:-1]}: a parameter cannot stand in the name of a field"
    elif path[0] == "defaults" or path[3:4] == ("input",) or path[3:5] == ("fallback", "input"):
        return
    elif path[3] not in LIMITS:
        yield f"{place}: a parameter cannot stand here, only in an input or as the whole of a limit"
    elif not whole:
        yield f"{place}: here a parameter has to be the whole value"


def _texts(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text with its place; the name of a field has the place of its object and an empty step."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield (*path, ""), str(name)
            yield from _texts(part, (*path, str(name)))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _texts(part, (*path, number))
