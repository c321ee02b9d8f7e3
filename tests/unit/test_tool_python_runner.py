"""The script that runs a caller's code, called inside this process: every branch of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ToolError
from engine.tools import python_runner


@pytest.mark.parametrize(
    ("request_", "value"),
    [
        ({"code": "result = a + len(inputs)", "inputs": {"a": 2, "not a name": 1, "class": 3}}, 5),
        ({"code": "x = 1", "inputs": {}}, None),
        ({"function": "math:gcd", "kwargs": {}}, 0),
        ({"function": "asyncio:sleep", "kwargs": {"delay": 0, "result": "slept"}}, "slept"),
    ],
)
def test_values(request_: dict[str, Any], value: Any) -> None:
    assert python_runner.perform(request_) == {"value": value}


def test_errors_are_described() -> None:
    found = python_runner.perform({"code": "x = 1\nraise OSError('full')", "inputs": {}})["error"]
    assert found == {"kind": "exception", "message": "OSError: full", "place": "line 2 of the code", "output": None}
    assert python_runner.perform({"code": "raise MemoryError", "inputs": {}})["error"]["kind"] == "memory"
    assert python_runner.perform({"code": "result = b''", "inputs": {}})["error"]["kind"] == "not_json"
    found = python_runner.perform({"code": "x = (", "inputs": {}})["error"]
    assert (found["kind"], found["place"]) == ("exception", "line 1 of the code")
    found = python_runner.perform({"function": "json:loads", "kwargs": {"s": "x"}})["error"]
    assert "decoder.py, line" in found["place"]


def test_errors_of_the_engines_tree_speak_for_themselves() -> None:
    found = python_runner.describe(ToolError("busy", suggestion="wait", delay=2.5))
    assert found == {
        "kind": "tool",
        "message": "busy",
        "place": "",
        "category": "logic",
        "suggestion": "wait",
        "delay": 2.5,
    }


@pytest.mark.parametrize("function", ["not_there_at_all:x", "math:nope", "math:pi"])
def test_a_function_that_is_not_there(function: str) -> None:
    assert python_runner.perform({"function": function, "kwargs": {}})["error"]["kind"] == "not_found"
