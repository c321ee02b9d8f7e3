"""How a call of a tool finds its way to the API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context

from api.mcp.door import Door

Reach = Callable[[Context[Any, Any]], AbstractAsyncContextManager[Door]]
"""The door for a call, by its context; it is closed after the call."""


def in_name_of_caller(ctx: Context[Any, Any]) -> AbstractAsyncContextManager[Door]:
    """Into the application that the call has come to over HTTP, with the caller's own credentials."""
    request = ctx.request_context.request
    assert request is not None
    return Door.inside(request)


def by(door: Door) -> Reach:
    """One door for all calls; whoever has opened it closes it."""

    @asynccontextmanager
    async def reach(_: Context[Any, Any]) -> Any:
        yield door

    return reach
