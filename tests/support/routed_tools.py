"""Tools that do the same in different ways: what a router chooses between. AGENT03_TOOLS names this module."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.errors import Fatal, Retryable
from engine.model import Json
from engine.toolport import RunContext
from engine.tools.decorator import tool

CALLS: Counter[str] = Counter()
"""Calls by tool."""
ILL: set[str] = set()
"""Tools whose health check fails."""
SLOW_SECONDS, QUICK_SECONDS = 0.4, 0.02


def _health(name: str) -> Json:
    return lambda: f"{name} is ill" if name in ILL else ""


@tool("square", idempotent=True)
async def square(n: int) -> str:
    """Does not say who has done it."""
    CALLS["square"] += 1
    return f"square {n * n}"


@tool("steady", idempotent=True, health_check=_health("steady"))
async def steady(n: int) -> str:
    """Quick and sure."""
    CALLS["steady"] += 1
    await asyncio.sleep(QUICK_SECONDS)
    return f"steady {n * n}"


@tool("slow", idempotent=True)
async def slow(n: int) -> str:
    """Sure, and twenty times as slow."""
    CALLS["slow"] += 1
    await asyncio.sleep(SLOW_SECONDS)
    return f"slow {n * n}"


@tool("flaky", idempotent=True)
async def flaky(n: int, context: RunContext) -> str:
    """As quick, and every second number fails at its first attempt."""
    CALLS["flaky"] += 1
    await asyncio.sleep(QUICK_SECONDS)
    if n % 2 and context.token == 1:
        raise Retryable("not this time")
    return f"flaky {n * n}"


@tool("broken", idempotent=True)
async def broken(n: int) -> str:
    """Never works."""
    CALLS["broken"] += 1
    raise Fatal(f"cannot square {n}")


@tool("unfinished")
async def unfinished(n: int) -> str:
    """Works until it is stopped, and must not be repeated blindly."""
    CALLS["unfinished"] += 1
    await asyncio.Event().wait()
    return str(n)


@tool("lettered", idempotent=True)
async def lettered(text: str) -> str:
    """Takes another input."""
    return text
