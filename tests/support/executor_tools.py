"""Tools that show where they run, for tests of executors; AGENT03_TOOLS names this module there."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine import Category, Expand, RunContext, ToolError, tool
from engine.model import Json
from engine.toolport import Resources


@tool("x_echo", idempotent=True)
def echo(value: Json = None) -> dict[str, Json]:
    """What it was given, and the process it ran in."""
    return {"value": value, "pid": os.getpid()}


@tool("x_async", idempotent=True)
async def as_coroutine(value: Json = None) -> Json:
    """The same of a coroutine function."""
    await asyncio.sleep(0)
    return value


@tool("x_block", idempotent=True)
async def block(path: str) -> str:
    """A coroutine function that holds up its loop until a file is there."""
    while not Path(path).exists():
        time.sleep(0.01)
    return path


@tool("x_token", idempotent=True)
def token(context: RunContext) -> dict[str, Json]:
    """What a call knows of itself."""
    left = context.deadline - time.monotonic()
    return {"key": context.key, "token": context.token, "left": left, "reduction": context.reduction}


@tool("x_fail", idempotent=True)
def fail(category: str, output: Json = None, delay: float | None = None) -> None:
    """Fails as it is told."""
    raise ToolError("it fails", category=Category(category), suggestion="Ask.", output=output, delay=delay)


def _ours(error: Exception) -> str | None:
    return "transient" if isinstance(error, LookupError) else None


@tool("x_raise", idempotent=True, classify=_ours)
def raises(kind: str) -> None:
    """Raises what is no ``ToolError``."""
    raise {"key": KeyError("gone"), "value": ValueError("no number")}[kind]


@tool("x_stay", idempotent=True)
def stay(path: str, context: RunContext, descendants: bool = False, alive: bool = False) -> str:
    """Writes its process's id, and that of a process in a session of its own, to a file, and stays until ``path.go``
    is there.
    """
    other = subprocess.Popen(["sleep", "300"], start_new_session=True).pid if descendants else 0
    part = Path(f"{path}.part")
    part.write_text(f"{os.getpid()} {other}")
    part.rename(path)
    while not Path(f"{path}.go").exists():
        time.sleep(0.01)
        if alive:
            context.progress()
    return "stayed"


@tool("x_also_stay", idempotent=True)
def also_stay(path: str, context: RunContext) -> str:
    """The same as another type."""
    return stay(path, context)


@tool("x_die", idempotent=True)
def die(how: str, path: str = "") -> str:
    """Ends its process instead of returning; where ``path`` is, it returns."""
    if path and Path(path).exists():
        return "lives"
    print("these are my last words", file=sys.stderr, flush=True)
    match how:
        case "exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault":
            ctypes.string_at(0)
    return how


@tool("x_die_once")
def die_once(how: str) -> str:
    """The same, of a tool that must not be repeated unasked."""
    return die(how)


@tool("x_big", idempotent=True)
def big(size: int) -> str:
    """A text of that many letters."""
    return "x" * size


@tool("x_bounded", idempotent=True, resources=Resources(memory_mb=512, cpu_seconds=1, output_bytes=100_000))
def bounded(memory_mb: int = 0, size: int = 0, forever: bool = False) -> str:
    """Takes memory, processor time, or room for its output."""
    held = bytearray(memory_mb << 20)
    while forever:
        held = held[:1]
    return "x" * size


@tool("x_say", idempotent=True)
def say(context: RunContext, lines: int = 2) -> int:
    """Logs and prints."""
    for number in range(lines):
        context.log("info", f"line {number}", number=number)
    print("printed by the tool")
    return lines


@tool("x_odd", idempotent=True)
def odd() -> object:
    """Returns what JSON cannot carry."""
    return object()


@tool("x_spin", idempotent=True, deterministic=False)
def spin(rounds: int) -> int:
    """Computes."""
    found = 1
    for number in range(rounds):
        found = (found * 31 + number) % 1_000_003
    return found


@tool("x_grow", idempotent=True)
def grow(names: list[str]) -> Expand:
    """Adds subtasks."""
    return Expand([{"key": name, "type": "noop", "input": {"name": name}} for name in names])
