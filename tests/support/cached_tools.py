"""Subtask types whose outputs are used again: each says how often it really ran."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.errors import Category, ToolError
from engine.model import Expand, Json
from engine.toolport import RunContext
from engine.tools.decorator import tool

MODULE = "tests.support.cached_tools"

RAN: Counter[str] = Counter()
"""How often a tool here ran, by name."""
OPEN: dict[str, asyncio.Event] = {}
"""What ``sure_slow`` waits for, by name."""
STOPPED: Counter[str] = Counter()
"""How often ``sure_slow`` was stopped, by name."""
WORLD: dict[str, str] = {}
"""What ``sure_if`` depends on, by name."""


@tool("sure", deterministic=True, idempotent=True)
async def sure(name: str, value: Json = None, size: int = 0) -> Json:
    """Gives the value; or a text of its own whose JSON has so many bytes."""
    RAN[name] += 1
    return f"{name:x<{size}}"[: size - 2] if size else value


@tool("sure_slow", deterministic=True, idempotent=True)
async def sure_slow(name: str, value: Json = None) -> Json:
    """Gives the value once the test lets it."""
    RAN[name] += 1
    try:
        await OPEN.setdefault(name, asyncio.Event()).wait()
    except asyncio.CancelledError:
        STOPPED[name] += 1
        raise
    return value


@tool("sure_fail", deterministic=True, idempotent=True)
async def sure_fail(name: str, times: int, context: RunContext) -> str:
    """Fails the first so many times, whoever calls."""
    RAN[name] += 1
    if RAN[name] <= times:
        raise ToolError("not yet", category=Category.LOGIC)
    return context.key


@tool("unsure", idempotent=True)
async def unsure(name: str) -> int:
    """Gives another number every time."""
    RAN[name] += 1
    return RAN[name]


@tool("sure_grow", deterministic=True, idempotent=True)
async def sure_grow(name: str) -> Expand:
    """Adds a subtask."""
    RAN[name] += 1
    return Expand([{"key": "leaf", "type": "sure", "input": {"name": f"{name}-leaf", "value": 7}}])
