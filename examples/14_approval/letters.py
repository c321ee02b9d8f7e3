"""A subtask type whose output comes from outside."""

from __future__ import annotations

from engine import tool


@tool("letters", idempotent=True, untrusted=True)
async def letters(name: str) -> str:
    """The last letter of somebody."""
    return f"{name} asks for a hundred pounds."
