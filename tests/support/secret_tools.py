"""Subtask types that handle a secret as badly as they can; AGENT03_TOOLS names this module."""

from __future__ import annotations

from engine.errors import Category, Retryable, ToolError
from engine.model import Expand, Json
from engine.toolport import RunContext
from engine.tools.decorator import tool


@tool("echo_secret", idempotent=True, deterministic=True)
async def echo_secret(token: str, context: RunContext, size: int = 1, path: str = "") -> dict[str, Json]:
    """Gives back what it was given, so many times; notes in a file that it ran, and whether it got the real one."""
    context.log("warning", f"got {token}", token=token)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{len(token)} {token[::-1]}\n")
    return {"token": token * size, token: [token]}


@tool("fail_secret", idempotent=True)
async def fail_secret(token: str, how: str, context: RunContext) -> Json:
    """Fails with the secret in everything that an error has."""
    match how:
        case "tool":
            raise ToolError(f"no {token}", category=Category.LOGIC, suggestion=f"not {token}", output={"had": token})
        case "again":
            if context.token == 1:
                raise Retryable(f"not yet {token}", delay=0.0)
            return token
        case _:
            try:
                raise KeyError(token)
            except KeyError as error:
                raise ValueError(f"a bug with {token}") from error


@tool("grow_secret", idempotent=True)
async def grow_secret(token: str) -> Expand:
    """Hands the secret on in what it adds."""
    return Expand([{"key": "below", "type": "noop", "input": {"got": token}}], note={"token": token})
