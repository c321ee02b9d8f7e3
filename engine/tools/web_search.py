"""``web_search``: asks a search provider, SearXNG or what answers as it does (``/search?format=json``).

What comes back is from strangers: results are taken apart, checked and put together anew as plain text and http(s)
addresses of bounded size. It is marked untrusted, so it reaches no shell and no mail without a person between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, field_validator
from typing_extensions import TypedDict

from engine.errors import Category, SettingsError, ToolError
from engine.model import Json
from engine.toolport import Risk, RunContext, ToolHealth, ToolLimits
from engine.tools.addresses import AddressPolicy, endpoint_of, web_address
from engine.tools.base import Input, ModelTool
from engine.tools.http_request import category_of, delay_of
from engine.tools.plain_text import plain_text
from engine.tools.web_client import WebClient

MAX_BYTES = 4 * 1024 * 1024
"""Of an answer."""
TITLE_CHARACTERS, TEXT_CHARACTERS, URL_CHARACTERS = 300, 1_000, 2_000
_NOT_SET = ToolHealth(
    False, "not configured: there is no search provider", "Set WEB_SEARCH_URL, start the engine again."
)
_HEALTH_SECONDS = 5.0


class WebSearchInput(Input):
    """What to look for."""

    query: str = Field(min_length=1, max_length=500)
    """As typed into a search field."""
    limit: int = Field(default=10, ge=1, le=50)
    """Most results."""
    page: int = Field(default=1, ge=1, le=50)
    """Which page of results."""
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z]{2,4})?$")
    """Such as en or de-AT; the provider's own unless given."""
    time_range: Literal["day", "week", "month", "year"] | None = None
    """How old results may be."""
    safe: Literal[0, 1, 2] = 1
    """How strictly results are filtered: 0 not at all, 2 most."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=120)
    """Time for the whole search."""

    @field_validator("query")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("must be one line that says something")
        return value


class Found(TypedDict):
    """One result; ``published`` is a date as the provider says it."""

    url: str
    title: str
    text: str
    published: NotRequired[str]


class WebSearchOutput(TypedDict):
    """What was found; ``dropped`` results were no results: without an address, or there already."""

    query: str
    results: list[Found]
    dropped: int


class WebSearch(ModelTool[WebSearchInput]):
    """Searches the web; its output is ``{"query", "results": [{"url", "title", "text", "published"?}], "dropped"}``."""

    name = "web_search"
    idempotent = True
    risk: Risk = "read"
    untrusted = True
    limits = ToolLimits(parallel=4, per_minute=60)
    model = WebSearchInput
    output = WebSearchOutput

    def __init__(self, url: str, policy: AddressPolicy, grace: float) -> None:
        self._url = provider(url)
        self._web = WebClient(policy.also(endpoint_of(self._url)), grace)

    def endpoint(self, value: Json) -> str:  # noqa: ARG002
        """The provider."""
        return endpoint_of(self._url)

    async def health_check(self) -> ToolHealth:
        """Whether the provider answers; nothing is searched."""
        if not self._url:
            return _NOT_SET
        try:
            reply = await self._get(self._url.removesuffix("search") + "healthz", [], _HEALTH_SECONDS)
        except ToolError as error:
            return ToolHealth(False, str(error), error.suggestion or "Start it, or correct WEB_SEARCH_URL.")
        if reply.status >= 500:
            return ToolHealth(False, f"the search provider answers {reply.status}", "Look at its log.")
        return ToolHealth()

    async def perform(self, value: WebSearchInput, context: RunContext) -> Json:  # noqa: ARG002
        """Asks, and takes the answer apart."""
        if not self._url:
            raise ToolError(_NOT_SET.detail, category=Category.CONFIGURATION, suggestion=_NOT_SET.suggestion)
        reply = await self._get(self._url, _params(value), value.timeout_seconds)
        if reply.status != 200:
            raise _status_error(reply.status, reply.headers.get("retry-after"))
        return dict(read(reply.content, value.query, value.limit))

    async def _get(self, url: str, params: list[tuple[str, str]], seconds: float) -> Any:
        from engine.tools.http_client import Call

        client = await self._web.opened()
        headers = {"accept": "application/json", "user-agent": "agent03-core-engine"}
        return await client.fetch(Call("GET", url, headers, params, None, seconds, MAX_BYTES, follow_redirects=False))

    async def close(self) -> None:
        """Closes the connections."""
        await self._web.close()


def provider(url: str) -> str:
    """The address of the search itself; "" stays so. Raises ``SettingsError``."""
    if not url:
        return ""
    try:
        parts = urlsplit(web_address(url))
    except ValueError:
        raise SettingsError("WEB_SEARCH_URL is no address; write it as https://host[:port][/path]") from None
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(
            "WEB_SEARCH_URL must have no user, query or fragment; write it as https://host[:port][/path]"
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/search') else path + '/search'}"


def read(content: bytes, query: str, limit: int) -> WebSearchOutput:
    """The results in an answer; raises ``ToolError`` (logic) when it is none."""
    try:
        answer = msgspec.json.decode(content)
        entries = answer["results"]
        whole = isinstance(entries, list)
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ToolError(
            "the search provider's answer holds no list of results",
            category=Category.LOGIC,
            suggestion="WEB_SEARCH_URL must lead to a SearXNG with json among search.formats in its settings.yml.",
        )
    found = list(_results(entries))
    results = list({result["url"]: result for result in reversed(found)}.values())[::-1]
    return {"query": query, "results": results[:limit], "dropped": len(entries) - len(results)}


def _results(entries: list[Any]) -> Iterator[Found]:
    for entry in entries:
        if not isinstance(entry, dict) or (url := _url(entry.get("url"))) is None:
            continue
        title = plain_text(entry.get("title"), TITLE_CHARACTERS) or url
        result: Found = {"url": url, "title": title, "text": plain_text(entry.get("content"), TEXT_CHARACTERS)}
        if published := plain_text(entry.get("publishedDate"), 40):
            result["published"] = published
        yield result


def _url(value: object) -> str | None:
    """An address that may be shown and followed; None for anything else."""
    if not isinstance(value, str) or len(value) > URL_CHARACTERS:
        return None
    try:
        found = web_address(value)
        return None if "@" in urlsplit(found).netloc else found
    except ValueError:
        return None


def _params(value: WebSearchInput) -> list[tuple[str, str]]:
    found = [("q", value.query), ("format", "json"), ("pageno", str(value.page)), ("safesearch", str(value.safe))]
    if value.language is not None:
        found.append(("language", value.language))
    if value.time_range is not None:
        found.append(("time_range", value.time_range))
    return found


def _status_error(status: int, retry_after: str | None) -> ToolError:
    category = category_of(status)
    hint = "Enable json among search.formats in the settings.yml of SearXNG." if status == 403 else ""
    return ToolError(
        f"the search provider answered {status}",
        category=category,
        suggestion=hint or ("" if category is Category.TRANSIENT else "Correct WEB_SEARCH_URL."),
        delay=delay_of(retry_after, datetime.now(UTC)) if category is Category.TRANSIENT else None,
    )
