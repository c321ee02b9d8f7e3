"""Subtask types of the chaos tests; AGENT03_TOOLS names this module."""

from __future__ import annotations

import asyncio
import os

from engine.toolport import RunContext
from engine.tools.decorator import tool


@tool("append", idempotent=True)
async def append(path: str, seconds: float, context: RunContext) -> str:
    """Appends the line "KEY ATTEMPT" to a file at once, then takes its time."""
    return await _leave_a_line(path, seconds, context)


@tool("charge")
async def charge(path: str, seconds: float, context: RunContext) -> str:
    """The same, and not to be repeated without need: its line stands for an effect on the world."""
    return await _leave_a_line(path, seconds, context)


async def _leave_a_line(path: str, seconds: float, context: RunContext) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{context.key} {context.token}\n".encode())
    finally:
        os.close(descriptor)
    await asyncio.sleep(seconds)
    return context.key


@tool("say", idempotent=True)
async def say(text: str, context: RunContext) -> str:
    """Logs a line, and returns it."""
    context.log("info", text)
    return text
