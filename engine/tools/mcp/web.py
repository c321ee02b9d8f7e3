"""A server over HTTP. Whatever goes wrong on the way becomes an error of the one call that it happened to.

The library ends a connection, and all calls on it, when one request fails; and what a status was it does not say. So
both are made into answers that it understands. Answers are read up to a bound, and proxies of the environment are for
the network, not for this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from engine.tools.mcp.answers import STATUS, TOO_LONG, UNREACHED

CONNECT_SECONDS = 10.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_REFUSED = -32099
_EVENTS = "text/event-stream"


class WebClient(httpx2.AsyncClient):
    """The client of one server.

    Args:
        url: of the server.
        headers: of every request.
        most: bytes of an answer.
    """

    def __init__(self, url: str, headers: Mapping[str, str], most: int) -> None:
        limits = httpx2.Timeout(None, connect=CONNECT_SECONDS, write=CONNECT_SECONDS, pool=None)
        through = urlsplit(url).hostname not in _LOOPBACK
        super().__init__(headers=dict(headers), timeout=limits, trust_env=through)
        self._most = most

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The answer to a request; one that tells what has gone wrong where there is none."""
        try:
            response = await super().send(request, **options)
            kind = response.headers.get("content-type", "").lower()
            if response.is_redirect or (kind.startswith(_EVENTS) and response.status_code < 400):
                return response
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            return _told(request, 503, f"cannot be reached ({type(error).__name__})", {UNREACHED: _why(error)})
        except httpx2.RequestError as error:
            return _told(request, 503, "gave no answer", {UNREACHED: _why(error), "sent": True})
        if body is None:
            return _told(request, 502, "answers too much", {TOO_LONG: self._most})
        if response.status_code >= 400 and not _is_error(body):
            wanted = _seconds(response.headers.get("retry-after"))
            details = {STATUS: response.status_code, "retry_after": wanted}
            return _told(request, response.status_code, f"answers {response.status_code}", details)
        kept = {name: response.headers[name] for name in response.headers if name.lower() not in _ABOUT_THE_BYTES}
        return httpx2.Response(response.status_code, headers=kept, content=body, request=request)

    async def _read(self, response: httpx2.Response) -> bytes | None:
        """All of an answer; None when it is too long."""
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > self._most:
                return None
        return bytes(body)


_ABOUT_THE_BYTES = frozenset({"content-length", "content-encoding", "transfer-encoding"})


def _told(request: httpx2.Request, status: int, message: str, data: Mapping[str, Any]) -> httpx2.Response:
    """An error of the protocol. Its id is set by whoever reads it."""
    told = {"jsonrpc": "2.0", "id": 0, "error": {"code": _REFUSED, "message": message, "data": data}}
    headers = {"content-type": "application/json"}
    return httpx2.Response(status, headers=headers, content=msgspec.json.encode(told), request=request)


def _is_error(body: bytes) -> bool:
    """Whether an answer is an error of the protocol, which says more than a status."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("jsonrpc") == "2.0" and isinstance(found.get("error"), dict)


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _seconds(text: str | None) -> float | None:
    """Retry-After, where it is a number of seconds."""
    return min(float(text), 86_400.0) if text is not None and text.isdecimal() else None
