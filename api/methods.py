"""Methods that no route declares: HEAD wherever GET is, OPTIONS where no route has its own, and what ``Allow`` names.

Plain ASGI around the router. HEAD runs the GET without its body; a stream behind it is told that its reader has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DECLARED = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The methods of the path in ``scope``, as ``Allow`` names them; empty when no route has it."""
    routes = list(routes)
    found = [method for method in DECLARED if _matches(routes, {**scope, "method": method, "path_params": {}})]
    if not found:
        return ""
    return ", ".join([*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"])


def _matches(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


class Methods:
    """Answers OPTIONS, and runs HEAD as GET."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        method = scope["method"] if scope["type"] == "http" else ""
        own = method == "OPTIONS" and _matches(self._routes, scope)
        if method == "OPTIONS" and not own and (allow := allowed(self._routes, scope)):
            return await Response(status_code=204, headers={"Allow": allow})(scope, receive, send)
        if method != "HEAD":
            return await self._app(scope, receive, send)
        answer = _Headers(scope, receive, send)
        scope["method"] = "GET"
        try:
            await self._app(scope, answer.receive, answer.send)
        finally:
            scope["method"] = "HEAD"
        return None


class _Headers:
    """Lets the head of an answer through and nothing of its body. The server below is asked for HEAD, and holds the
    length of what it sends against that.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._done = False

    async def receive(self) -> Message:
        return {"type": "http.disconnect"} if self._done else await self._receive()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if self._done:
                return
            self._done = True
            message = {"type": "http.response.body", "body": b""}
        self._scope["method"] = "HEAD"
        try:
            await self._send(message)
        finally:
            self._scope["method"] = "GET"
