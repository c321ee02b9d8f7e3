"""``http_request``: one HTTP request; a status of 400 and above is an error unless it is accepted.

The client (``engine.tools.http_client``) is loaded and opened with the first request: importing it and reading the
system's certificates takes a moment, which no engine without such requests should wait for.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import Field, field_validator

from engine.errors import Category, ToolError
from engine.model import Json
from engine.toolport import Resources, Risk, RunContext
from engine.tools.addresses import AddressPolicy, endpoint_of, web_address
from engine.tools.base import Input, InputFault, ModelTool
from engine.tools.web_client import WebClient

if TYPE_CHECKING:
    from engine.tools.http_client import Call, GuardedHttp, Reply

_MIB = 1024 * 1024
_TRANSIENT = {408, 425, 429}
_PERMISSION = {401, 403}
_LONGEST_DELAY_SECONDS = 3600.0
"""A server may name any time in Retry-After; nobody should wait for days because of it."""
_QUOTAS = (("ratelimit-remaining", "ratelimit-reset"), ("x-ratelimit-remaining", "x-ratelimit-reset"))
_QUOTA = re.compile(r"r=0\b.*?;\s*t=([0-9]{1,9})\b")
_SINCE_1970 = 1_000_000_000.0
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT_TYPES = re.compile(r"text/|application/(.*\+)?(xml|javascript|x-www-form-urlencoded|yaml|x-ndjson|toml)\b")
_JSON_TYPE = re.compile(r"[^/]+/(.*\+)?json\b")


class HttpRequestInput(Input):
    """What to ask for."""

    method: str = Field(default="GET", pattern=r"^[A-Za-z]{1,20}$")
    """GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS."""
    url: str = Field(min_length=1, max_length=65_536)
    """http or https, with a host."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Request headers."""
    params: dict[str, Json] = Field(default_factory=dict)
    """Query parameters: text, numbers, truth values, or lists of them."""
    json_: Json = Field(default=None, alias="json")
    """Body, sent as JSON."""
    body: str | None = None
    """Body, sent as it is, in UTF-8."""
    accept_status: list[int] = Field(default_factory=list)
    """Statuses from 400 on that are no error."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    """Time for the whole request, its redirects included."""
    max_bytes: int = Field(default=10 * _MIB, ge=1, le=64 * _MIB)
    """A larger response is refused."""
    follow_redirects: bool = True
    """Follow up to ten redirects."""

    @field_validator("url")
    @classmethod
    def _complete(cls, value: str) -> str:
        return web_address(value)

    @field_validator("headers")
    @classmethod
    def _sendable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _TOKEN.fullmatch(name) or any(char in text for char in "\r\n\0") or not text.isascii():
                raise ValueError(f"{name!r} or its value cannot be sent: ASCII only, without line breaks")
        return value

    @field_validator("params")
    @classmethod
    def _flat(cls, value: dict[str, Json]) -> dict[str, Json]:
        for name, given in value.items():
            items = given if isinstance(given, list) else [given]
            if not all(isinstance(item, (str, int, float)) for item in items):
                raise ValueError(f"{name} must be text, a number, true, false, or a list of them")
        return value


class HttpRequest(ModelTool[HttpRequestInput]):
    """Sends a request; its output is ``{"status", "headers", "body"}``.

    A JSON body is decoded, text is text; anything else is base64, with ``"encoding": "base64"`` beside it.
    """

    name = "http_request"
    untrusted = True
    resources = Resources(output_bytes=10 * _MIB)
    model = HttpRequestInput
    breaker = True

    def __init__(self, policy: AddressPolicy, grace: float, client: GuardedHttp | None = None) -> None:
        self._web = WebClient(policy, grace, client)

    def examine(self, value: HttpRequestInput) -> None:
        """One body at most."""
        if value.body is not None and "json_" in value.model_fields_set:
            raise InputFault("give either json or body", "body")

    def repeatable(self, value: Json) -> bool:
        """GET and HEAD only ask."""
        return isinstance(value, dict) and str(value.get("method", "GET")).upper() in ("GET", "HEAD")

    def risk_of(self, value: Json) -> Risk:
        """What only asks changes nothing."""
        return "read" if self.repeatable(value) else "write"

    def endpoint(self, value: Json) -> str:
        """Host and port of the URL."""
        return endpoint_of(value.get("url")) if isinstance(value, dict) else ""

    async def perform(self, value: HttpRequestInput, context: RunContext) -> Json:
        """Sends it and judges the status."""
        client = await self._web.opened()
        reply = await client.fetch(_call(value, context.reduction))
        output = output_of(reply)
        if (rest := rest_of(reply.status, reply.headers, datetime.now(UTC))) is not None:
            context.limited(rest)
        if reply.status >= 400 and reply.status not in value.accept_status:
            raise _status_error(value, reply, output)
        return output

    async def close(self) -> None:
        """Closes the connections."""
        await self._web.close()


def category_of(status: int) -> Category:
    """408, 425, 429 and 5xx transient, 401 and 403 permission, any other configuration."""
    if status in _TRANSIENT or status >= 500:
        return Category.TRANSIENT
    return Category.PERMISSION if status in _PERMISSION else Category.CONFIGURATION


def delay_of(retry_after: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, an hour at most; None when it says nothing useful."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_DELAY_SECONDS)


def rest_of(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """For how many seconds a server wants to be left alone, by an answer of its; None when it does not say so.

    It says so with 429 or 503 and ``Retry-After``; or because nothing is left of a quota, in the headers of
    draft-ietf-httpapi-ratelimit-headers or in the older ones with ``X-``, whose reset is seconds, or since 1970.
    """
    if status in (429, 503):
        told = delay_of(headers.get("retry-after"), now)
        if told is not None:
            return told
    for left, reset in _QUOTAS:
        if headers.get(left, "").strip() == "0":
            return _until_reset(headers.get(reset), now)
    quota = _QUOTA.search(headers.get("ratelimit", ""))
    return min(float(quota[1]), _LONGEST_DELAY_SECONDS) if quota else None


def _until_reset(text: str | None, now: datetime) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    if seconds > _SINCE_1970:
        seconds -= now.timestamp()
    return min(seconds, _LONGEST_DELAY_SECONDS) if seconds > 0 else None


def _call(value: HttpRequestInput, reduction: int) -> Call:
    from engine.tools.http_client import Call

    headers = {"user-agent": "agent03-core-engine", **{name.lower(): text for name, text in value.headers.items()}}
    content = value.body.encode() if value.body is not None else None
    if "json_" in value.model_fields_set:
        content = msgspec.json.encode(value.json_)
        headers.setdefault("content-type", "application/json")
    return Call(
        method=value.method.upper(),
        url=value.url,
        headers=headers,
        params=[(name, _as_text(item)) for name, given in value.params.items() for item in _as_list(given)],
        content=content,
        seconds=value.timeout_seconds,
        max_bytes=_max_bytes(value, reduction),
        follow_redirects=value.follow_redirects,
    )


def _max_bytes(value: HttpRequestInput, reduction: int) -> int:
    """What the subtask says; else the default, halved so many times after resources ran short."""
    return value.max_bytes if "max_bytes" in value.model_fields_set else max(_MIB, value.max_bytes >> reduction)


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _as_text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def output_of(reply: Reply) -> dict[str, Any]:
    """A response as an output: JSON decoded, text as text, anything else in base64."""
    output: dict[str, Any] = {"status": reply.status, "headers": dict(reply.headers)}
    kind = reply.headers.get("content-type", "").lower()
    if _JSON_TYPE.match(kind):
        try:
            return output | {"body": msgspec.json.decode(reply.content) if reply.content else None}
        except (ValueError, RecursionError):
            kind = "text/plain"  # it says JSON and is not: shown as it came
    if not reply.content or reply.charset or _TEXT_TYPES.match(kind):
        return output | {"body": _text(reply)}
    return output | {"body": base64.b64encode(reply.content).decode(), "encoding": "base64"}


def _text(reply: Reply) -> str:
    try:
        return reply.content.decode(reply.charset or "utf-8", errors="replace")
    except LookupError:  # a charset that nobody knows
        return reply.content.decode(errors="replace")


def _status_error(value: HttpRequestInput, reply: Reply, output: Json) -> ToolError:
    from engine.tools.http_client import shown

    category = category_of(reply.status)
    suggestion = {
        Category.PERMISSION: "Check the credentials in the headers.",
        Category.CONFIGURATION: "Correct the request, or name the status in accept_status if it is no error.",
    }.get(category, "")
    return ToolError(
        f"{value.method.upper()} {shown(value.url)}: the server answered {reply.status}",
        category=category,
        suggestion=suggestion,
        output=output,
        delay=delay_of(reply.headers.get("retry-after"), datetime.now(UTC)) if category is Category.TRANSIENT else None,
    )
