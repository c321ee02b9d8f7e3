"""The python tool against real processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.tools.process import Processes
from engine.tools.python import Python
from tests.support.tools_context import RecordingContext, running, until


@pytest.fixture
async def python() -> AsyncIterator[Python]:
    """A python tool."""
    tool = Python(Processes(grace=0.3))
    yield tool
    await tool.close()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the engine's path, for modules of the test."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


async def run(tool: Python, context: RecordingContext | None = None, **value: Any) -> Any:
    """Runs code or a function."""
    assert tool.check(value) == []
    return await tool.run(value, context or RecordingContext())


async def failure(tool: Python, **value: Any) -> ToolError:
    """Runs what must fail."""
    with pytest.raises(ToolError) as caught:
        await run(tool, **value)
    return caught.value


async def test_the_value_of_result(python: Python) -> None:
    code = "result = [x * factor for x in inputs['data']]"
    assert await run(python, code=code, inputs={"data": [1, 2], "factor": 3}) == [3, 6]
    assert await run(python, code="pass") is None
    assert await run(python, code="result = (10 ** 30, {'é': None}, 1.5)") == [10**30, {"é": None}, 1.5]


async def test_a_printed_line_is_a_sign_of_life_at_once(python: Python) -> None:
    context = RecordingContext()
    task = asyncio.create_task(run(python, context, code="print('here')\nimport time\ntime.sleep(60)"))
    await until(lambda: context.signs)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("kind", "repeat"), [("Retryable", True), ("Fatal", False), ("ToolError", None)])
async def test_what_an_error_wishes_for_itself_is_kept(python: Python, kind: str, repeat: bool | None) -> None:
    error = await failure(python, code=f"from engine.errors import {kind}\nraise {kind}('no', delay=7)")
    assert (error.repeat, error.delay) == (repeat, 7)


async def test_a_process_that_dies_of_a_fault_is_a_crash(python: Python) -> None:
    error = await failure(python, code="import ctypes; ctypes.string_at(0)")
    assert (error.category, error.crashed) == (Category.LOGIC, True)
    assert not (await failure(python, code="raise ValueError")).crashed


async def test_code_is_a_whole_program(python: Python) -> None:
    code = "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nresult = [f(5), __name__]"
    assert await run(python, code=code) == [120, "__main__"]


async def test_a_function_of_any_module_is_called(python: Python, package: Path) -> None:
    (package / "jobs_plain.py").write_text(
        "class Box:\n    @staticmethod\n    def double(value):\n        return value * 2\n"
        "async def later(value=1):\n    return value + 1\n"
    )
    assert await run(python, function="jobs_plain:Box.double", kwargs={"value": 4}) == 8
    assert await run(python, function="jobs_plain:later") == 2
    assert await run(python, function="platform:python_version") == sys.version.split()[0]


async def test_prints_go_to_the_log_and_not_into_the_result(python: Python) -> None:
    context = RecordingContext()
    code = "import os, sys\nprint('one')\nos.write(1, b'two\\n')\nsys.stderr.write('three')\nresult = 1"
    assert await run(python, context, code=code) == 1
    ((level, message, fields),) = context.logged
    assert (level, message) == ("info", "printed")
    assert sorted(fields["text"].split()) == ["one", "three", "two"]


async def test_it_reads_no_input_of_the_engine(python: Python) -> None:
    assert await run(python, code="import sys; result = sys.stdin.read()") == ""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("\n\nx = 1 / 0", "ZeroDivisionError: division by zero (line 3 of the code)"),
        ("def f():\n    raise ValueError('bad')\nf()", "ValueError: bad (line 2 of the code)"),
        ("raise KeyError", "KeyError (line 1 of the code)"),
        ("import sys; sys.exit(3)", "SystemExit: 3 (line 1 of the code)"),
        ("return 5", "(line 1 of the code)"),
        ("result = object()", "a object is no JSON value"),
        ("result = {1: 2}", "the key 1 is no text"),
        ("result = [float('nan')]", "nan is no JSON number at /0"),
        ("result = '\\ud800'", "lone surrogate"),
        ("raise Exception('\\ud800')", "Exception: ?"),
        ("import os; os._exit(0)", "ended before it gave a result"),
        ("import os; os._exit(9)", "ended with exit code 9"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
    ],
)
async def test_what_goes_wrong_is_an_error_of_logic(python: Python, code: str, message: str) -> None:
    error = await failure(python, code=code)
    assert error.category is Category.LOGIC
    assert message in str(error)


async def test_an_error_deep_in_a_library_names_its_place(python: Python) -> None:
    error = await failure(python, code="import json\njson.loads('x')")
    assert "JSONDecodeError" in str(error)
    assert "decoder.py" in str(error)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("not_there.at_all:run", "there is no module not_there"),
        ("math:nope", "math has no nope"),
        ("math:pi", "math:pi is no function"),
    ],
)
async def test_a_function_that_is_not_there_is_a_matter_of_configuration(
    python: Python, function: str, message: str
) -> None:
    error = await failure(python, function=function)
    assert (error.category, str(error)) == (Category.CONFIGURATION, message)
    assert error.suggestion


async def test_errors_of_the_engines_tree_keep_their_category(python: Python) -> None:
    code = "from engine.errors import Retryable\nraise Retryable('later', delay=7, suggestion='wait', output=[1])"
    error = await failure(python, code=code)
    assert (str(error), error.category, error.delay) == ("later", Category.TRANSIENT, 7)
    assert (error.suggestion, error.output) == ("wait", [1])
    error = await failure(python, code="from engine.errors import Fatal\nraise Fatal('never', output=object())")
    assert (str(error), error.category, error.output) == ("never", Category.CONFIGURATION, None)


async def test_memory_is_limited(python: Python) -> None:
    error = await failure(python, code="x = bytearray(500_000_000)", limits={"memory_mb": 100})
    assert error.category is Category.RESOURCE
    assert "memory_mb (now 100)" in error.suggestion


async def test_processor_time_is_limited(python: Python) -> None:
    error = await failure(python, code="while True: pass", limits={"cpu_seconds": 1})
    assert error.category is Category.RESOURCE
    assert "cpu_seconds" in error.suggestion


@pytest.mark.parametrize(
    ("code", "what"), [("print('x' * 20_000)", "its log"), ("result = 'x' * 20_000", "its result")]
)
async def test_output_is_limited(python: Python, code: str, what: str) -> None:
    error = await failure(python, code=code, limits={"output_bytes": 10_000})
    assert error.category is Category.RESOURCE
    assert what in str(error)


async def test_a_large_value_goes_both_ways(python: Python) -> None:
    text = "é" * 2_000_000
    assert await run(python, code="result = data", inputs={"data": text}) == text


async def test_a_cancelled_call_is_killed_with_all_it_started(python: Python, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    code = (
        "import pathlib, signal, subprocess, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '72001.5'], start_new_session=True)\n"
        "pathlib.Path(inputs['marker']).touch()\n"
        "while True: time.sleep(60)"
    )
    task = asyncio.create_task(run(python, code=code, inputs={"marker": str(marker)}))
    await until(marker.exists)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1.3
    assert running("72001.5") == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, ()),
        ({"code": "x", "function": "a:b"}, ()),
        ({"code": "def f(:"}, ("code",)),
        ({"code": "x = '\0'"}, ("code",)),
        ({"code": "-" * 100_000 + "1"}, ("code",)),
        ({"code": "x", "kwargs": {"a": 1}}, ("kwargs",)),
        ({"function": "a:b", "inputs": {"a": 1}}, ("inputs",)),
        ({"function": "os.system('true')"}, ("function",)),
        ({"function": "a.b"}, ("function",)),
        ({"function": "a:b", "kwargs": [1]}, ("kwargs",)),
        ({"code": "x", "args": []}, ("args",)),
    ],
)
def test_bad_input_is_named(python: Python, value: Any, path: tuple[str, ...]) -> None:
    assert [place for place, _ in python.check(value)] == [path]


def test_a_syntax_error_is_told_with_its_line(python: Python) -> None:
    assert python.check({"code": "x = 1\ny = ="}) == [(("code",), "line 2: invalid syntax")]


def test_references_in_code_are_never_resolved(python: Python) -> None:
    assert python.literal == {"code"}
    assert not python.repeatable({"code": "x"})
