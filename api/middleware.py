"""What surrounds every request: its id, its log line, its metric, and the answer when something unforeseen breaks.

Plain ASGI, because Starlette's base class puts a task and a queue between the route and the socket.
"""

from __future__ import annotations

import re
import time
import uuid
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import internal_problem
from api.trace_context import trace_id

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ELSEWHERE = frozenset({"cross-site", "same-site"})
OTHER_SITE = "A page of another site asked for this. Use the API directly, or its own page."
POLICY_VIOLATION = 1008
CLIENT_GONE = 499
"""Status in logs and metrics of a request whose client left before the answer."""
_ID = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}")
_log = structlog.get_logger("api")


class Requests:
    """Gives every request an id, logs and measures it, and answers 500 when nobody else did."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        instance = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = instance
        answer = _Answer(send, instance)
        bound = {"request_id": instance}
        if trace := trace_id(headers.get("traceparent", "")):
            bound["trace_id"], answer.echoed = trace, headers["traceparent"]
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(**bound):
            try:
                await self._guarded(scope, receive, answer)
            finally:
                self._record(scope, answer.status, (answer.streams_from or time.perf_counter()) - started)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self.app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = CLIENT_GONE
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            if answer.started:
                raise
            await internal_problem(answer.instance)(scope, receive, answer.send)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        self.metrics.request(scope["method"], route, status, seconds)
        quiet = route is not None and route.startswith(("/health", "/metrics")) and status < 400
        write = _log.debug if quiet else _log.info
        caller = scope["state"].get("caller")
        who = {"subject": caller.subject} if caller else {}
        write("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1), **who)


class _Answer:
    """The way back: adds the id to the response and remembers its status."""

    def __init__(self, send: Send, instance: str) -> None:
        self._send = send
        self.instance = instance
        self.started = False
        self.echoed = ""
        """The caller's ``traceparent``."""
        self.streams_from: float | None = None
        """When the answer began, if it is a stream that ends when its reader has had enough."""
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.instance
            if self.echoed:
                headers["traceparent"] = self.echoed
            if headers.get("content-type", "").startswith("text/event-stream"):
                self.streams_from = time.perf_counter()
        await self._send(message)


async def refuse_other_sites(connection: HTTPConnection) -> None:
    """A dependency of every route: a page of another site may not make a browser change anything here.

    The engine runs commands and usually listens on loopback without keys, where any page the user opens could reach
    it. Browsers say in ``Origin`` where whatever may change something comes from, and a WebSocket, which other sites
    could read as well. To an address that they trust they say it in ``Sec-Fetch-Site``, which counts more: a proxy
    leaves it as it is, and may change the name that ``Origin`` is compared with. Other clients send neither.

    Raises:
        HTTPException: 403.
        WebSocketException: the same before the connection is accepted.
    """
    headers = connection.headers
    if connection.scope["type"] == "websocket":
        if _of_other_site(headers):
            raise WebSocketException(POLICY_VIOLATION, OTHER_SITE)
    elif connection.scope["method"] not in SAFE_METHODS:
        said = headers.get("sec-fetch-site")
        if said in ELSEWHERE or (said is None and _of_other_site(headers)):
            raise HTTPException(403, OTHER_SITE)


def _of_other_site(headers: Headers) -> bool:
    """Whether a browser says that a page under another name asks; "null" is what it says of a page without any."""
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        return True


def _request_id(headers: Headers) -> str:
    """The caller's id when it is harmless, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex
