"""How a tool is made: a pydantic model of its input, and the work on a checked one.

The built-in tools derive from ``ModelTool``; a plain function becomes a tool through ``FunctionTool``. Both satisfy
the ``Tool`` port. Models are strict and refuse unknown fields, so a typing error in a plan is found when the plan
comes in and not when the subtask runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import Category, ToolError
from engine.model import Expand, Json
from engine.ports import RunContext
from engine.tools.faults import Faults, faults_of
from engine.tools.json_value import NotJson, plain


class Input(BaseModel):
    """Base of the input models of the built-in tools: no conversions, no unknown fields, no NaN.

    The docstring under a field describes it in the JSON Schema.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


M = TypeVar("M", bound=BaseModel)


class ModelTool(Generic[M]):
    """A tool whose input is described by ``model``. A subclass gives the attributes and ``perform``."""

    name: str
    version: str = "1"
    deterministic: bool = False
    idempotent: bool = False
    literal: frozenset[str] = frozenset()
    grows: bool = False
    depends_on: Mapping[str, str] = {}
    """What every output depends on beside the input, by name, such as the version of a library."""
    model: type[M]

    @cached_property
    def _schema(self) -> dict[str, Json]:
        return self.model.model_json_schema()

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input."""
        return self._schema

    def check(self, value: Json) -> Faults:
        """Faults of an input as (path, message); empty when it is good. Pure and quick."""
        try:
            self.examine(self.read(value))
        except ValidationError as error:
            return faults_of(error, self.model)
        except InputFault as fault:
            return [(fault.path, str(fault))]
        return []

    def read(self, value: Json) -> M:
        """The input as a model; raises ``ValidationError``."""
        return self.model.model_validate(value)

    def examine(self, value: M) -> None:
        """Checks that concern several fields; raises ``InputFault``. Pure and quick."""

    async def run(self, value: Json, context: RunContext) -> Json:
        """Does the work on a checked input and returns any JSON value; raises ``ToolError``."""
        try:
            model = self.read(value)
            self.examine(model)
        except (ValidationError, InputFault):
            raise _unfit(self.name, self.check(value)) from None
        return await self.perform(model, context)

    async def perform(self, value: M, context: RunContext) -> Json:
        """The work itself."""
        raise NotImplementedError

    def repeatable(self, value: Json) -> bool:  # noqa: ARG002 (a tool may decide by its input)
        """Whether running this input twice does no more than running it once."""
        return self.idempotent

    def cacheable(self, value: Json) -> bool:  # noqa: ARG002 (a tool may decide by its input)
        """Whether this input gives the same output again, as long as its environment is the same."""
        return self.deterministic

    def environment(self, value: Json) -> Mapping[str, str]:  # noqa: ARG002
        """What else the output depends on."""
        return self.depends_on

    async def refresh_credentials(self) -> None:
        """Gets fresh credentials; a tool that has some overrides it."""

    async def close(self) -> None:
        """Lets go of connections and processes."""


class InputFault(ValueError):
    """One fault of an input that no single field shows."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class FunctionTool(ModelTool[BaseModel]):
    """A tool made from a coroutine function and the pydantic model of its arguments.

    The input is validated as JSON, so that a hint such as ``datetime`` or an enum takes its JSON form.

    Args:
        name: the subtask type.
        function: takes the validated model and the context; what it returns must be a JSON value.
        model: the arguments.
        version: counts up when equal input may give other output than before.
        deterministic: equal input gives equal output.
        idempotent: running it twice does no more than running it once.
        description: told in the schema.
        refresh: gets fresh credentials.
        environment: what else the output depends on, by name.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Any, RunContext], Awaitable[object]],
        model: type[BaseModel],
        *,
        version: str = "1",
        deterministic: bool = False,
        idempotent: bool = False,
        description: str = "",
        refresh: Callable[[], Awaitable[object]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.depends_on = dict(environment or {})
        self.name, self.version, self.model = name, version, model
        self.deterministic, self.idempotent = deterministic, idempotent
        self.grows = True
        self._function, self._description, self._refresh = function, description, refresh

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input, with the function's description."""
        return {**self._schema, "title": self.name} | ({"description": self._description} if self._description else {})

    def read(self, value: Json) -> BaseModel:
        """The input as a model; raises ``ValidationError``."""
        try:
            text = msgspec.json.encode(value)
        except (ValueError, TypeError) as error:
            raise InputFault(f"is no JSON value: {error}") from None
        return self.model.model_validate_json(text)

    async def refresh_credentials(self) -> None:
        """Gets fresh credentials, if the function came with a way to get them."""
        if self._refresh is not None:
            await self._refresh()

    async def perform(self, value: BaseModel, context: RunContext) -> Json:
        """Calls the function and checks that its result is a JSON value."""
        result = await self._function(value, context)
        if isinstance(result, Expand):
            return result
        try:
            return plain(result)
        except NotJson as error:
            raise ToolError(
                f"{self.name} returned something else than JSON: {error}",
                category=Category.LOGIC,
                suggestion="Return None, text, numbers, lists and dictionaries with text keys.",
            ) from None


def _unfit(name: str, faults: Faults) -> ToolError:
    """What a reference resolved to does not fit the tool."""
    listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults[:5])
    return ToolError(
        f"the input does not fit {name}: {listed}",
        category=Category.CONFIGURATION,
        suggestion="Look at the resolved input of the subtask and correct the input or the reference.",
    )
