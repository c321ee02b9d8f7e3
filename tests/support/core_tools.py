"""Subtask types of the acceptance tests of the core engine, as a user would write them in a module of AGENT03_TOOLS."""

from __future__ import annotations

import asyncio

from engine import Retryable, RunContext, tool

BEGUN: dict[str, asyncio.Event] = {}
"""Set once ``endless`` of that name works."""
STOPPED: dict[str, asyncio.Event] = {}
"""Set once ``endless`` of that name has been told to stop."""


@tool("double", deterministic=True, idempotent=True)
async def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@tool("rest", idempotent=True)
async def rest(seconds: float) -> float:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return seconds


@tool("unsteady", idempotent=True)
async def unsteady(failures: int, context: RunContext) -> str:
    """Fails so many times, and then does not."""
    if context.token <= failures:
        raise Retryable(f"attempt {context.token} fails")
    return f"attempt {context.token} succeeds"


@tool("endless", idempotent=True)
async def endless(name: str) -> None:
    """Works until it is stopped."""
    BEGUN.setdefault(name, asyncio.Event()).set()
    try:
        await asyncio.Event().wait()
    finally:
        STOPPED.setdefault(name, asyncio.Event()).set()
