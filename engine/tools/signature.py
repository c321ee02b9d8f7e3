"""A marked function becomes a tool: its signature and docstring become the input model.

Hints are read when the function is collected and not when it is decorated, so a hint may name what its module defines
further down. The only user of docstring_parser, which reads Google, NumPy and reST style.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from engine.errors import Category, SettingsError, ToolError
from engine.toolport import Facts, RunContext
from engine.tools.base import FunctionTool
from engine.tools.decorator import ToolMark
from engine.tools.threads import in_thread

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_PLAIN_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def tool_of(function: Callable[..., Any], mark: ToolMark, grace: float) -> FunctionTool:
    """The tool that runs ``function``.

    Args:
        function: async or not.
        mark: what its decorator says.
        grace: seconds that a thread gets to end when its run is cancelled.

    Raises:
        SettingsError: the signature cannot be turned into a model; the message says which parameter.
    """
    hints = _hints(function, mark.name)
    parameters = _parameters(function, mark.name)
    context = [name for name in parameters if hints.get(name) is RunContext]
    documentation = docstring_parser.parse(inspect.getdoc(function) or "")
    described = {entry.arg_name: entry.description or "" for entry in documentation.params}
    fields = {
        name: f"arg_{index}" for index, name in enumerate(parameters) if name not in context
    }  # own names: a parameter may be called what pydantic reserves
    model = _model(
        mark.name,
        {fields[name]: (hints.get(name, Any), _field(parameters[name], described.get(name))) for name in fields},
    )
    return FunctionTool(
        mark.name,
        _caller(function, fields, context, grace, mark.facts),
        model,
        mark.facts,
        description=documentation.short_description or "",
        output=_output(hints.get("return")),
        refresh=_awaitable(mark.refresh_credentials, grace),
        health=_awaitable(mark.health_check, grace),
        origin=f"{function.__module__}:{function.__qualname__}",
    )


def _awaitable(function: Callable[[], Any] | None, grace: float) -> Callable[[], Awaitable[object]] | None:
    """A function without arguments, async or not, as one to be awaited."""
    if function is None or inspect.iscoroutinefunction(function):
        return function
    return lambda: in_thread(function, grace=grace, interrupt=True)


def _output(hint: Any) -> Any:
    """What a function says that it returns, as far as that says anything about JSON; else None."""
    if hint is None:
        return None
    try:
        TypeAdapter(hint).json_schema()
    except (PydanticUserError, PydanticSchemaGenerationError):
        return None  # such as Expand: what it returns is looked at when it has
    return hint


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:  # a hint is an expression: evaluating it may raise anything
        raise SettingsError(f"tool {name}: a type hint cannot be read ({error}); import what it names") from error


def _parameters(function: Callable[..., Any], name: str) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(function).parameters)
    for parameter in parameters.values():
        if parameter.kind not in _PLAIN_KINDS:
            raise SettingsError(
                f"tool {name}: the parameter {parameter} cannot come from JSON; give it a name of its own"
            )
    return parameters


def _field(parameter: inspect.Parameter, description: str | None) -> Any:
    default = ... if parameter.default is parameter.empty else parameter.default
    return Field(default, alias=parameter.name, description=description, title=parameter.name)


def _model(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    try:
        model: type[BaseModel] = create_model(name, __config__=_STRICT, **fields)
        model.model_json_schema()
    except PydanticUserError as error:
        raise SettingsError(f"tool {name}: a hint has no JSON form: {error.message}") from error
    return model


def _caller(
    function: Callable[..., Any], fields: dict[str, str], context_names: list[str], grace: float, facts: Facts
) -> Callable[[Any, RunContext], Awaitable[object]]:
    asynchronous = inspect.iscoroutinefunction(function)

    async def call(value: BaseModel, context: RunContext) -> object:
        arguments = {name: getattr(value, field) for name, field in fields.items()}
        arguments.update(dict.fromkeys(context_names, context))
        try:
            if asynchronous:
                return await function(**arguments)
            return await in_thread(lambda: function(**arguments), grace=grace, interrupt=True)
        except ToolError:
            raise
        except Exception as error:
            category = None if facts.classify is None else facts.classify(error)
            raise _classified(error, function, category) from error

    return call


def _classified(error: Exception, function: Callable[..., Any], category: str | None) -> ToolError:
    trace = error.__traceback__
    place = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == inspect.getfile(function):
            place = f" (line {trace.tb_lineno} of {function.__module__})"
        trace = trace.tb_next
    return ToolError(f"{type(error).__name__}: {error}{place}", category=Category(category or Category.LOGIC))
