"""``calculate``: the value of an arithmetic expression; see ``arithmetic`` for the language and its limits."""

from __future__ import annotations

import ast
import math

from pydantic import Field, field_validator

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext
from engine.tools.arithmetic import MAX_LENGTH, ExpressionFault, evaluate, names, parse
from engine.tools.arithmetic_prices import FUNCTIONS, TooMuchWork
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.faults import closest
from engine.tools.json_value import NotJson, plain


class CalculateInput(Input):
    """An expression and its variables."""

    expression: str = Field(min_length=1, max_length=MAX_LENGTH)
    """Such as ``factorial(10)``, ``(a + b) / 2`` or ``max(values) > 3``."""
    variables: dict[str, Json] = Field(default_factory=dict)
    """Numbers, truth values or lists of them, by the names that the expression uses."""

    @field_validator("variables")
    @classmethod
    def _numeric(cls, value: dict[str, Json]) -> dict[str, Json]:
        for name, given in value.items():
            items = given if isinstance(given, list) else [given]
            if not all(isinstance(item, (int, float)) for item in items):
                raise ValueError(f"{name} must be a number, true, false, or a list of them")
        return value


class Calculate(ModelTool[CalculateInput]):
    """Evaluates an expression; its output is ``{"value": ...}``."""

    name = "calculate"
    deterministic = True
    idempotent = True
    risk: Risk = "read"
    model = CalculateInput

    def examine(self, value: CalculateInput) -> None:
        """The expression must parse, and every name in it must be a variable."""
        tree = _parsed(value)
        for name in sorted(names(tree) - value.variables.keys()):
            hint = "; a function needs its brackets" if name in FUNCTIONS else closest(name, value.variables)
            raise InputFault(f"uses {name}, which is not among the variables{hint}", "expression")

    async def perform(self, value: CalculateInput, context: RunContext) -> Json:  # noqa: ARG002
        """Evaluates it; what arithmetic refuses is an error of category logic."""
        try:
            found = evaluate(_parsed(value), value.variables)
        except (TooMuchWork, MemoryError) as error:
            raise ToolError(
                f"{value.expression[:80]}: {error}",
                category=Category.RESOURCE,
                suggestion="Use smaller numbers, or a python subtask, which has limits of its own.",
            ) from None
        except (ArithmeticError, ValueError, TypeError) as error:
            raise ToolError(
                f"{value.expression[:80]}: {error}", suggestion="Correct the expression or its variables."
            ) from None
        return {"value": _checked(found)}


def _parsed(value: CalculateInput) -> ast.expr:
    try:
        return parse(value.expression)
    except ExpressionFault as fault:
        raise InputFault(str(fault), "expression") from None


def _checked(found: Json) -> Json:
    """Only what JSON carries: neither infinity nor more digits than Python writes."""
    if isinstance(found, float) and not math.isfinite(found):
        raise ToolError(f"the result is {found}, which is no number", suggestion="Correct the expression.")
    try:
        return plain(found)
    except NotJson as error:
        raise ToolError(
            f"the result is too long: {error}",
            category=Category.RESOURCE,
            suggestion="Divide it, take its remainder or its logarithm.",
        ) from None
