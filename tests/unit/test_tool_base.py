"""How tools are made, and what they say about bad input."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Facts, RunContext
from engine.tools.base import FunctionTool, Input, InputFault, ModelTool
from engine.tools.noop import Noop
from engine.tools.sleep import Sleep
from tests.support.tools_context import RecordingContext


class Box(Input):
    """A small model."""

    width: int = Field(ge=1, le=9)
    """Centimetres."""
    names: list[str] = Field(default_factory=list, max_length=2)
    ratio: float = 1.0


class Measure(ModelTool[Box]):
    """Returns the width."""

    name = "measure"
    model = Box

    def examine(self, value: Box) -> None:
        """Refuses one width."""
        if value.width == 7:
            raise InputFault("seven is taken", "width")

    async def perform(self, value: Box, context: RunContext) -> Json:
        """The width, and who asked."""
        return [value.width, context.key]


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"width": 3}, []),
        ({}, [(("width",), "this field is needed")]),
        ([], [((), "must be an object")]),
        (None, [((), "must be an object")]),
        ({"width": "3"}, [(("width",), "should be a valid integer")]),
        ({"width": True}, [(("width",), "should be a valid integer")]),
        ({"width": 10}, [(("width",), "should be less than or equal to 9")]),
        ({"width": 7}, [(("width",), "seven is taken")]),
        ({"width": 3, "names": ["a", 1]}, [(("names", 1), "should be a valid string")]),
        ({"width": 3, "names": ["a"] * 3}, [(("names",), "should have at most 2 items")]),
        ({"width": 3, "ratio": float("nan")}, [(("ratio",), "should be a finite number")]),
        (
            {"width": 3, "widht": 4},
            [(("widht",), "unknown field; there are: width, names, ratio; did you mean width?")],
        ),
    ],
)
def test_every_fault_is_named_with_its_place(value: Json, faults: list[tuple[tuple[str | int, ...], str]]) -> None:
    assert Measure().check(value) == faults


def test_all_faults_are_reported_at_once() -> None:
    assert [path for path, _ in Measure().check({"width": 0, "ratio": "x", "other": 1})] == [
        ("width",),
        ("ratio",),
        ("other",),
    ]


def test_the_schema_tells_fields_limits_and_descriptions() -> None:
    schema = Measure().schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["width"]
    assert schema["properties"]["width"]["maximum"] == 9
    assert schema["properties"]["width"]["description"] == "Centimetres."


async def test_run_hands_the_model_and_the_context_on() -> None:
    assert await Measure().run({"width": 3}, RecordingContext(key="k")) == [3, "k"]


@pytest.mark.parametrize("value", [{"width": 0}, {"width": 7}, "text"])
async def test_run_refuses_what_a_reference_turned_into_something_unfit(value: Json) -> None:
    with pytest.raises(ToolError, match="does not fit measure") as caught:
        await Measure().run(value, RecordingContext())
    assert caught.value.category is Category.CONFIGURATION
    assert "resolved input" in caught.value.suggestion


async def test_noop_takes_anything_and_returns_the_very_same() -> None:
    value = {"a": [1, {"b": None}]}
    tool = Noop()
    assert tool.check(value) == [] == tool.check(object())
    assert await tool.run(value, RecordingContext()) is value
    assert tool.deterministic and tool.idempotent and tool.repeatable(value)
    await tool.close()


async def test_sleep_says_how_long_it_slept_or_returns_its_output() -> None:
    assert await Sleep().run({"seconds": 0}, RecordingContext()) == {"slept": 0.0}
    assert await Sleep().run({"seconds": 0.001, "output": None}, RecordingContext()) is None
    assert await Sleep().run({"seconds": 0, "output": [1]}, RecordingContext()) == [1]


@pytest.mark.parametrize("seconds", [-1, "1", None, float("inf"), 1e9])
def test_sleep_refuses_what_is_no_time(seconds: Json) -> None:
    assert [path for path, _ in Sleep().check({"seconds": seconds})] == [("seconds",)]


class Arguments(BaseModel):
    """Of a function."""

    amount: int


async def _double(value: Arguments, context: RunContext) -> object:
    return (value.amount * 2, context.task_id)


async def test_a_function_with_a_model_becomes_a_tool() -> None:
    tool = FunctionTool("double", _double, Arguments, Facts(version="3", deterministic=True), description="Doubles.")
    assert (tool.name, tool.version, tool.deterministic, tool.idempotent) == ("double", "3", True, False)
    assert tool.schema()["description"] == "Doubles."
    assert tool.schema()["title"] == "double"
    assert await tool.run({"amount": 4}, RecordingContext(task_id="t")) == [8, "t"]


def test_a_function_tool_refuses_input_that_is_no_json() -> None:
    tool = FunctionTool("double", _double, Arguments)
    ((path, message),) = tool.check({"amount": object()})
    assert path == ()
    assert "no JSON value" in message
