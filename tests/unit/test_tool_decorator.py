"""Functions that become tools: marks, signatures, calls."""

from __future__ import annotations

import asyncio
import threading
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import Field

from engine.errors import Category, Retryable, SettingsError, ToolError
from engine.toolport import RunContext
from engine.tools.base import FunctionTool
from engine.tools.decorator import mark_of, tool
from engine.tools.signature import tool_of
from tests.support.tools_context import RecordingContext, until


class Unit(StrEnum):
    """A hint that JSON carries as text."""

    METRE = "m"
    FOOT = "ft"


@tool("resize_image", version="2", deterministic=True, idempotent=True)
async def resize_image(path: str, width: int, height: int | None = None) -> dict[str, Any]:
    """Scales an image.

    It keeps the proportions.

    Args:
        path: where the image lies.
        width: new width, pixels.
        height: new height; kept in proportion when not given.
    """
    return {"path": path, "width": width, "height": height}


def made(function: Any) -> FunctionTool:
    """The tool of a decorated function."""
    mark = mark_of(function)
    assert mark is not None
    return tool_of(function, mark, grace=0.5)


async def test_a_decorated_function_stays_callable() -> None:
    assert await resize_image("a", 3) == {"path": "a", "width": 3, "height": None}


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_fresh_credentials_come_from_a_function_of_the_tool(asynchronous: bool) -> None:
    seen: list[bool] = []

    def fetch() -> None:
        seen.append(threading.current_thread() is threading.main_thread())

    async def afetch() -> None:
        fetch()

    @tool("guarded", refresh_credentials=afetch if asynchronous else fetch)
    async def guarded() -> None:
        """Needs a login."""

    await made(guarded).refresh_credentials()
    await made(resize_image).refresh_credentials()
    assert seen == [asynchronous]


async def test_hints_and_docstring_become_the_schema() -> None:
    found = made(resize_image)
    assert (found.name, found.version, found.deterministic, found.idempotent) == ("resize_image", "2", True, True)
    schema = found.schema()
    assert schema["description"] == "Scales an image."
    assert schema["required"] == ["path", "width"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["width"] == {"description": "new width, pixels.", "title": "width", "type": "integer"}
    assert await found.run({"path": "a", "width": 3}, RecordingContext()) == {"path": "a", "width": 3, "height": None}


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"path": "a"}, [("width",)]),
        ({"path": "a", "width": "3"}, [("width",)]),
        ({"path": "a", "width": 3.0}, [("width",)]),
        ({"path": 1, "width": None}, [("path",), ("width",)]),
        ({"path": "a", "width": 3, "arg_0": "a"}, [("arg_0",)]),
        ("a", [()]),
    ],
)
def test_bad_input_is_named(value: Any, paths: list[tuple[str, ...]]) -> None:
    assert [path for path, _ in made(resize_image).check(value)] == paths


async def test_hints_take_their_json_form() -> None:
    @tool("typed")
    async def typed(
        day: date, unit: Unit, pair: tuple[int, int], many: Annotated[list[int], Field(max_length=2)]
    ) -> Any:
        assert isinstance(day, date) and isinstance(unit, Unit) and isinstance(pair, tuple)
        return [day.isoformat(), unit, pair, many]

    value = {"day": "2026-01-31", "unit": "ft", "pair": [1, 2], "many": [3]}
    assert await made(typed).run(value, RecordingContext()) == ["2026-01-31", "ft", [1, 2], [3]]
    assert [path for path, _ in made(typed).check({**value, "day": "x", "many": [1, 2, 3]})] == [("day",), ("many",)]


async def test_parameters_may_be_called_what_pydantic_reserves() -> None:
    @tool("odd")
    async def odd(json: int, schema: int, model_config: int, _private: int = 4, copy: Any = None) -> Any:
        return [json, schema, model_config, _private, copy]

    assert await made(odd).run({"json": 1, "schema": 2, "model_config": 3, "copy": "c"}, RecordingContext()) == [
        *(1, 2, 3, 4),
        "c",
    ]


async def test_the_context_is_given_and_is_no_input() -> None:
    @tool("with_context")
    async def with_context(amount: int, context: RunContext) -> Any:
        context.log("info", "working", amount=amount)
        return context.task_id

    found, context = made(with_context), RecordingContext(task_id="t7")
    assert list(found.schema()["properties"]) == ["amount"]
    assert await found.run({"amount": 2}, context) == "t7"
    assert context.logged == [("info", "working", {"amount": 2})]


async def test_a_plain_function_runs_in_a_thread_of_its_own() -> None:
    @tool("plain")
    def plain(loud) -> Any:  # type: ignore[no-untyped-def]
        return [threading.current_thread() is threading.main_thread(), loud]

    assert await made(plain).run({"loud": {"a": 1}}, RecordingContext()) == [False, {"a": 1}]


async def test_a_cancelled_plain_function_is_stopped() -> None:
    started, stopped = threading.Event(), threading.Event()

    @tool("endless")
    def endless() -> None:
        try:
            started.set()
            while True:
                pass
        finally:
            stopped.set()

    run = asyncio.create_task(made(endless).run({}, RecordingContext()))
    await until(started.is_set)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert stopped.is_set()


async def test_an_exception_is_an_error_of_logic_with_its_line() -> None:
    @tool("broken")
    def broken() -> None:
        raise LookupError("nothing there")

    with pytest.raises(ToolError, match=r"LookupError: nothing there \(line \d+ of .*test_tool_decorator\)") as caught:
        await made(broken).run({}, RecordingContext())
    assert caught.value.category is Category.LOGIC
    assert isinstance(caught.value.__cause__, LookupError)


async def test_a_tool_error_keeps_what_it_says() -> None:
    @tool("later")
    async def later() -> None:
        raise Retryable("busy", delay=7, output=[1])

    with pytest.raises(Retryable) as caught:
        await made(later).run({}, RecordingContext())
    assert (caught.value.delay, caught.value.output) == (7, [1])


async def test_a_result_that_is_no_json_is_an_error_of_logic() -> None:
    @tool("odd_result")
    async def odd_result() -> Any:
        return {"when": date(2026, 1, 1)}

    with pytest.raises(ToolError, match=r"odd_result returned something else than JSON: a date .* at /when") as caught:
        await made(odd_result).run({}, RecordingContext())
    assert caught.value.category is Category.LOGIC
    assert caught.value.suggestion


def test_signatures_that_json_cannot_fill_are_refused() -> None:
    @tool("starred")
    def starred(*values: int) -> None: ...

    @tool("unreadable")
    def unreadable(value: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037

    @tool("strange")
    def strange(value: threading.Lock) -> None: ...

    for function, message in (
        (starred, r"starred: the parameter \*values"),
        (unreadable, "unreadable: a type hint cannot be read"),
        (strange, "strange: a hint has no JSON form"),
    ):
        with pytest.raises(SettingsError, match=message):
            made(function)


def test_the_decorator_needs_a_name_that_can_be_a_type() -> None:
    with pytest.raises(TypeError, match="write @tool"):
        tool(resize_image)  # type: ignore[arg-type]
    for name in ("", "1st", "two words", "a" * 101):
        with pytest.raises(ValueError, match="no name for a tool"):
            tool(name)


def test_only_marked_functions_have_a_mark() -> None:
    assert mark_of(resize_image) is not None
    assert mark_of(made) is None
    assert mark_of("text") is None
