"""How a tool is made: a pydantic model of its input, and the work on a checked one.

The built-in tools derive from ``ModelTool``; a plain function becomes a tool through ``FunctionTool``. Both satisfy
the ``Tool`` port. Models are strict and refuse unknown fields, so a typing error in a plan is found when the plan
comes in and not when the subtask runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from engine.docstrings import described
from engine.errors import Category, ToolError
from engine.model import Expand, Json
from engine.toolport import Declared, Facts, RunContext, ToolHealth
from engine.tools.faults import Faults, faults_of
from engine.tools.json_value import NotJson, plain


class Input(BaseModel):
    """Base of the input models of the built-in tools: no conversions, no unknown fields, no NaN.

    The docstring under a field describes it in the JSON Schema.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, json_schema_extra=described, defer_build=True
    )


M = TypeVar("M", bound=BaseModel)


class ModelTool(Declared, Generic[M]):
    """A tool whose input is described by ``model``. A subclass gives the attributes and ``perform``.

    ``output`` is a hint of what it returns, such as a ``TypedDict`` (that of ``typing_extensions``: before Python 3.12
    pydantic takes no other); None where that may be anything.
    """

    name: str
    model: type[M]
    output: Any = None

    @cached_property
    def _schema(self) -> dict[str, Json]:
        return self.model.model_json_schema()

    def schema(self) -> dict[str, Json]:
        """JSON Schema of the input."""
        return self._schema

    @cached_property
    def _output_schema(self) -> dict[str, Json]:
        return {} if self.output is None else TypeAdapter(self.output).json_schema()

    def output_schema(self) -> dict[str, Json]:
        """JSON Schema of the output."""
        return self._output_schema

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
        facts: what it says of itself.
        description: told in the schema.
        output: a hint of what it returns; None for anything.
        refresh: gets fresh credentials.
        health: says how it is.
        origin: where another process finds the function; "" where none can.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Any, RunContext], Awaitable[object]],
        model: type[BaseModel],
        facts: Facts | None = None,
        *,
        description: str = "",
        output: Any = None,
        refresh: Callable[[], Awaitable[object]] | None = None,
        health: Callable[[], Awaitable[object]] | None = None,
        origin: str = "",
    ) -> None:
        self.facts = facts = facts or Facts()
        self.name, self.version, self.model, self.output = name, facts.version, model, output
        self.deterministic, self.idempotent, self.grows = facts.deterministic, facts.idempotent, True
        self.breaker, self.executor, self.origin = facts.breaks, facts.executor, origin
        self.risk, self.untrusted, self.refuses_tainted = facts.risk, facts.untrusted, facts.refuses_tainted
        self.resources, self.limits, self.depends_on = facts.resources, facts.limits, facts.environment
        self._function, self._description, self._refresh, self._health = function, description, refresh, health

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

    def endpoint(self, value: Json) -> str:
        """Whom this input makes it talk to, if the function came with a way to tell."""
        found = self.facts.endpoint
        return (found if isinstance(found, str) else _told(found, value)) or ""

    def estimate_duration(self, value: Json) -> float | None:
        """Seconds that this input will take, if the function came with a way to tell."""
        return None if self.facts.estimate is None else _told(self.facts.estimate, value)

    def classify(self, error: Exception) -> Category | None:
        """The category of an exception, if the function came with a way to tell."""
        found = None if self.facts.classify is None else self.facts.classify(error)
        return None if found is None else Category(found)

    async def health_check(self) -> ToolHealth:
        """What the function's own check says: that nothing is wrong unless it raises or returns what is."""
        if self._health is None:
            return ToolHealth()
        found = await self._health()
        return found if isinstance(found, ToolHealth) else ToolHealth(not found, str(found or ""))

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


T = TypeVar("T")


def _told(tell: Callable[[Json], T], value: Json) -> T | None:
    """What a function of the user's says of an input; one that stumbles says nothing."""
    try:
        return tell(value)
    except Exception:  # it may be handed anything, and what it says only advises
        return None


def _unfit(name: str, faults: Faults) -> ToolError:
    """What a reference resolved to does not fit the tool."""
    listed = "; ".join(f"/{'/'.join(map(str, path))}: {message}" for path, message in faults[:5])
    return ToolError(
        f"the input does not fit {name}: {listed}",
        category=Category.CONFIGURATION,
        suggestion="Look at the resolved input of the subtask and correct the input or the reference.",
    )
