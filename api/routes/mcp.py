"""The engine for MCP clients, over streamable HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.types import Message, Receive, Scope, Send

from api.body import read_bytes
from api.routes import TheSettings

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

router = APIRouter(include_in_schema=False)


@router.post("/mcp")
async def call_mcp(request: Request, settings: TheSettings) -> Response:
    """One message of a client of the Model Context Protocol; the protocol describes itself. There is no session."""
    body = await read_bytes(request, settings.max_body_bytes)
    return _Handed(await _server(request.app.state), body, settings.max_body_bytes)


async def _server(state: Any) -> MCPServer[Any]:
    """The server, loaded by a thread when it is first asked for: half a second that nobody else needs to spend."""
    if not hasattr(state, "mcp"):
        state.mcp = await asyncio.to_thread(_built)
    found: MCPServer[Any] = state.mcp
    return found


def _built() -> MCPServer[Any]:
    from api.mcp.reach import in_name_of_caller
    from api.mcp.server import build_server

    return build_server(in_name_of_caller)


class _Handed(Response):
    """The answer, left to the library; its body has been read already."""

    def __init__(self, server: MCPServer[Any], body: bytes, most: int) -> None:
        super().__init__()
        self._server = server
        self._sent = body
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        from api.mcp.server import one_request

        messages: list[Message] = [{"type": "http.request", "body": self._sent, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        manager = one_request(self._server, self._most)
        async with manager.run():
            await manager.handle_request(scope, again, send)
