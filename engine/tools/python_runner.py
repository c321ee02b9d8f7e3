"""Runs a caller's Python code in a process of its own. A script: the engine starts it, never imports it to run it.

It reads one JSON request from stdin, ``{"path": [...], "function", "kwargs"}`` or ``{"path", "code", "inputs"}``, and
writes one JSON answer, ``{"value"}`` or ``{"error": {...}}``, to the descriptor that was stdout. The code's own prints
go to stderr, so they cannot mix with the answer. Only the standard library is loaded, which keeps the start short.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import keyword
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

CODE_NAME = "<code>"


def main() -> None:
    """One request, one answer."""
    request = json.loads(sys.stdin.buffer.read())
    answer_to = os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a line is a sign of life when it is printed
    sys.path[:] = request["path"]
    answer = perform(request)
    with contextlib.suppress(Exception):  # the code may have closed or replaced it
        sys.stdout.flush()
    data = json.dumps(answer, ensure_ascii=False).encode(errors="replace")
    while data:
        data = data[os.write(answer_to, data) :]
    os.close(answer_to)


def perform(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request; whatever the code raises becomes its error."""
    plain = _beside("json_value").plain
    try:
        return {"value": plain(call(request))}
    except BaseException as error:
        return {"error": {**describe(error), "output": partial(error, plain)}}


def call(request: dict[str, Any]) -> Any:
    """The function's value (a coroutine is run to its end), or ``result`` of the code."""
    if "code" in request:
        return run_code(request["code"], request["inputs"])
    value = find(request["function"])(**request["kwargs"])
    if not hasattr(value, "__await__"):
        return value
    import asyncio  # takes long to import and is needed by coroutines only

    async def awaited() -> Any:
        return await value

    return asyncio.run(awaited())


def run_code(source: str, inputs: dict[str, Any]) -> Any:
    """Runs ``source`` with each input as a variable, and all of them as ``inputs``; None when it sets no ``result``."""
    names = {name: value for name, value in inputs.items() if name.isidentifier() and not keyword.iskeyword(name)}
    scope: dict[str, Any] = {**names, "inputs": inputs, "__name__": "__main__"}
    compiled: CodeType = compile(source, CODE_NAME, "exec", dont_inherit=True)
    exec(compiled, scope)  # noqa: S102 (running the caller's code is what this process is for)
    return scope.get("result")


class NotFound(Exception):
    """There is no such function here."""


def find(function: str) -> Any:
    """What ``package.module:name`` names; the name may have dots."""
    module_name, _, path = function.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise NotFound(f"there is no module {error.name}") from None
    for name in path.split("."):
        if not hasattr(found, name):
            raise NotFound(f"{module_name} has no {path}")
        found = getattr(found, name)
    if not callable(found):
        raise NotFound(f"{function} is no function")
    return found


def describe(error: BaseException) -> dict[str, Any]:
    """Message, kind and place of an error. Errors of the engine's own tree keep what they say about themselves."""
    text = str(error)
    described: dict[str, Any] = {
        "kind": kind_of(error),
        "message": f"{type(error).__name__}: {text}" if text else type(error).__name__,
        "place": place_of(error.__traceback__),
    }
    for name in ("category", "suggestion", "delay", "repeat"):
        value = getattr(error, name, None)
        if described["kind"] == "tool" and isinstance(value, (str, int, float)):
            described[name] = value
    if described["kind"] in ("tool", "not_found", "not_json"):
        described["message"] = text
    if isinstance(error, SyntaxError) and error.filename == CODE_NAME:
        described["place"] = f"line {error.lineno} of the code"
    return described


def partial(error: BaseException, plain: Callable[[object], object]) -> object:
    """What the code had before it failed, as far as its error carries it and JSON can."""
    try:
        return plain(getattr(error, "output", None)) if kind_of(error) == "tool" else None
    except ValueError:
        return None


def kind_of(error: BaseException) -> str:
    """What the engine needs to tell apart."""
    errors = sys.modules.get("engine.errors")
    if errors is not None and isinstance(error, errors.ToolError):
        return "tool"
    if isinstance(error, NotFound):
        return "not_found"
    if isinstance(error, MemoryError):
        return "memory"
    return "not_json" if type(error).__name__ == "NotJson" else "exception"


def place_of(trace: TracebackType | None) -> str:
    """The last line of the trace outside this file, in words."""
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == CODE_NAME:
            place = f"line {trace.tb_lineno} of the code"
        elif code.co_filename != __file__:
            place = f"{code.co_filename}, line {trace.tb_lineno}, in {code.co_name}"
        trace = trace.tb_next
    return place


def _beside(name: str) -> ModuleType:
    """The module in the file beside this one, without importing the package that both belong to."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"{name}.py is missing beside {__file__}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
