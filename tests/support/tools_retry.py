"""Subtask types that fail as a test wants; AGENT03_TOOLS names this module. What they saw is in ``SEEN``, by name."""

from __future__ import annotations

from collections import defaultdict

from engine.errors import Category, Fatal, Retryable, ToolError
from engine.tools.decorator import tool

MODULE = "tests.support.tools_retry"
SEEN: defaultdict[str, list[str]] = defaultdict(list)
"""By the subtask's name what happened, in order."""
LOGINS: list[str] = []
"""The names of those whose credentials are refreshed; the hook is told nothing of the subtask."""


@tool("later")
async def later(name: str, delay: float, times: int) -> str:
    """Asks to be repeated after a delay, so many times."""
    SEEN[name].append("called")
    if len(SEEN[name]) <= times:
        raise Retryable("not yet", delay=delay)
    return name


@tool("never")
async def never(name: str) -> None:
    """Says that no repeat will help."""
    SEEN[name].append("called")
    raise Fatal("there is no such thing")


async def _login() -> None:
    for name in LOGINS:
        SEEN[name].append("refreshed")


@tool("guarded", refresh_credentials=_login)
async def guarded(name: str) -> str:
    """Is refused until its credentials are fresh."""
    SEEN[name].append("called")
    if "refreshed" not in SEEN[name]:
        raise ToolError("the token has expired", category=Category.PERMISSION)
    return name


def _no_login() -> None:
    raise OSError("the login server is away")


@tool("locked_out", refresh_credentials=_no_login)
async def locked_out(name: str) -> None:
    """Is refused, and its credentials cannot be refreshed."""
    SEEN[name].append("called")
    raise ToolError("the token has expired", category=Category.PERMISSION)
