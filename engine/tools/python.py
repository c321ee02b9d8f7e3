"""``python``: a caller's function or code in a process of its own, which can be limited and killed for real.

The process sees the engine's ``sys.path``, so it finds what the engine finds. What the code prints goes to the
subtask's log. It is limited, not caged: it may do what the engine's user may do.
"""

from __future__ import annotations

import ast
import platform
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import Field

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Resources, Risk, RunContext
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.guardians import NotStarted
from engine.tools.process import MIB, Command, Ended, Limits, Processes, TooMuchOutput
from engine.tools.process_failures import failed, not_started, too_much_output
from engine.tools.shell import ProcessLimits

_RUNNER = Path(__file__).with_name("python_runner.py")
_FUNCTION = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
_LOGGED_BYTES = 8192


class PythonInput(Input):
    """What to run: a function with its arguments, or code with its inputs."""

    function: str | None = Field(default=None, pattern=_FUNCTION)
    """``package.module:name``; a coroutine function is awaited."""
    kwargs: dict[str, Json] = Field(default_factory=dict)
    """Arguments of the function."""
    code: str | None = Field(default=None, max_length=MIB)
    """Statements; the value of the variable ``result`` at their end is the output."""
    inputs: dict[str, Json] = Field(default_factory=dict)
    """Variables of the code; all of them are also in the variable ``inputs``."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables besides the inherited ones."""
    limits: ProcessLimits = ProcessLimits()
    """What it may use."""


class Python(ModelTool[PythonInput]):
    """Runs Python; its output is the return value, or the value of ``result``."""

    name = "python"
    risk: Risk = "dangerous"
    literal = frozenset({"code"})
    model = PythonInput
    resources = Resources(memory_mb=4096, output_bytes=16 * MIB)
    """Defaults; numeric libraries reserve memory for every processor."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    def examine(self, value: PythonInput) -> None:
        """One of function and code, with the arguments that belong to it; code must parse."""
        if (value.function is None) == (value.code is None):
            raise InputFault("give either function (with kwargs) or code (with inputs)")
        if value.function is None and value.kwargs:
            raise InputFault("belongs to function; the variables of code are called inputs", "kwargs")
        if value.code is None and value.inputs:
            raise InputFault("belongs to code; the arguments of function are called kwargs", "inputs")
        if value.code is not None and (fault := _syntax_fault(value.code)):
            raise InputFault(fault, "code")

    def environment(self, value: Json) -> Mapping[str, str]:  # noqa: ARG002
        """The interpreter, for a subtask that asks to be cached."""
        return {"python": platform.python_version()}

    async def perform(self, value: PythonInput, context: RunContext) -> Json:
        """Runs it to its end; an exception is an error of category logic unless it names another."""
        limits = value.limits.resolved(Limits.of(self.resources), context.reduction)
        argv = [sys.executable, "-P", str(_RUNNER)]
        command = Command(argv, limits, stdin=_request(value), env=value.env)
        try:
            ended = await self._processes.run(command, context.progress)
        except NotStarted as error:
            raise not_started("python", error.errno) from None
        except TooMuchOutput as flood:
            stream = "its result" if flood.stream == "stdout" else "its log"
            raise too_much_output("the code", stream, limits, None) from None
        context.measured(ended.memory_bytes, ended.all_cpu_seconds)
        printed = ended.stderr[-_LOGGED_BYTES:].decode(errors="replace").strip()
        if printed:
            context.log("info", "printed", text=printed)
        return _value(ended, limits)

    async def close(self) -> None:
        """Ends the helper process."""
        await self._processes.close()


def _syntax_fault(code: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the parser would like otherwise is the author's affair
            ast.parse(code)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"cannot be parsed: {error}"
    return None


def _request(value: PythonInput) -> bytes:
    path = [str(entry) for entry in sys.path]
    if value.code is None:
        return msgspec.json.encode({"path": path, "function": value.function, "kwargs": value.kwargs})
    return msgspec.json.encode({"path": path, "code": value.code, "inputs": value.inputs})


def _value(ended: Ended, limits: Limits) -> Json:
    try:
        answer = msgspec.json.decode(ended.stdout)
    except (msgspec.MsgspecError, RecursionError):
        raise _no_answer(ended, limits) from None
    if "error" in answer:
        raise _error(answer["error"], limits)
    return answer["value"]


def _no_answer(ended: Ended, limits: Limits) -> ToolError:
    """The process ended before it could answer: a crash, a limit, or ``os._exit`` in the code."""
    if ended.exit_code != 0:
        return failed("the Python process", ended, limits, None)
    return ToolError(
        "the Python process ended before it gave a result",
        category=Category.LOGIC,
        suggestion="Let the code run to its end; do not call os._exit or os.fork in it.",
    )


def _error(found: dict[str, Any], limits: Limits) -> ToolError:
    kind = found["kind"]
    place = f" ({found['place']})" if found["place"] and kind != "not_json" else ""
    if kind == "memory":
        return ToolError(
            f"the code ran out of memory{place}",
            category=Category.RESOURCE,
            suggestion=f"Raise limits.memory_mb (now {limits.memory_mb}), or give it less data.",
        )
    if kind == "not_found":
        return ToolError(
            found["message"],
            category=Category.CONFIGURATION,
            suggestion="Install the package where the engine runs, or correct function (package.module:name).",
        )
    if kind == "tool":
        error = ToolError(
            found["message"],
            category=Category(found.get("category", Category.LOGIC)),
            suggestion=str(found.get("suggestion", "")),
            delay=found.get("delay"),
            output=found.get("output"),
        )
        error.repeat = found.get("repeat")
        return error
    suggestion = "Return None, text, numbers, lists and dictionaries with text keys." if kind == "not_json" else ""
    return ToolError(f"{found['message']}{place}", category=Category.LOGIC, suggestion=suggestion)
