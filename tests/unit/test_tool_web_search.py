"""``web_search`` against a loopback server that answers as SearXNG does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.errors import Category, SettingsError, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.plain_text import plain_text
from engine.tools.web_search import WebSearch, provider, read
from tests.support.tools_context import RecordingContext
from tests.support.tools_http import ScriptedServer, scripted_server

RESULTS: list[Any] = [
    {
        "url": "https://example.org/a",
        "title": "<b>Tea</b> &amp; milk",
        "content": "Hot\n\n<script>alert(1)</script> tea\u202e\u200b now",
        "publishedDate": "2026-11-01T00:00:00",
        "engine": "duckduckgo",
    },
    {"url": "javascript:alert(1)", "title": "no"},
    {"url": "https://ada:open@example.org/", "title": "no"},
    {"url": "https://example.org/a", "title": "again"},
    {"url": "https://example.org/" + "x" * 3_000, "title": "no"},
    {"url": "http://example.org/b", "content": 7},
    "nothing",
]
CLEAN = [
    {
        "url": "https://example.org/a",
        "title": "Tea & milk",
        "text": "Hot tea now",
        "published": "2026-11-01T00:00:00",
    },
    {"url": "http://example.org/b", "title": "http://example.org/b", "text": ""},
]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A provider."""
    async with scripted_server() as found:
        yield found


@pytest.fixture
async def tool(server: ScriptedServer) -> AsyncIterator[WebSearch]:
    """The tool with that provider, which the setting alone allows."""
    found = WebSearch(server.url("/"), AddressPolicy(), 0.5)
    yield found
    await found.close()


async def fail(tool: WebSearch) -> ToolError:
    """A search that must fail."""
    with pytest.raises(ToolError) as caught:
        await tool.run({"query": "tea"}, RecordingContext())
    return caught.value


async def test_results_come_back_clean(tool: WebSearch, server: ScriptedServer) -> None:
    server.answer("/search", body=json.dumps({"results": RESULTS}).encode(), content_type="application/json")
    value = {"query": "tea & milk", "language": "en", "time_range": "week", "page": 2, "safe": 2}
    assert tool.check(value) == []
    output = await tool.run(value, RecordingContext())
    assert output == {"query": "tea & milk", "results": CLEAN, "dropped": 5}
    target = server.requests[0].line.split()[1]
    assert target == "/search?q=tea%20%26%20milk&format=json&pageno=2&safesearch=2&language=en&time_range=week" or (
        target == "/search?q=tea+%26+milk&format=json&pageno=2&safesearch=2&language=en&time_range=week"
    )
    assert (await tool.run({"query": "tea", "limit": 1}, RecordingContext()))["results"] == CLEAN[:1]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"results": 7}', b"[" * 100_000])
async def test_an_answer_that_is_none_is_told(tool: WebSearch, server: ScriptedServer, body: bytes) -> None:
    server.answer("/search", body=body)
    error = await fail(tool)
    assert (error.category, "search.formats" in error.suggestion) == (Category.LOGIC, True)


async def test_a_provider_that_refuses_is_told(tool: WebSearch, server: ScriptedServer) -> None:
    server.answer("/search", "429 Too Many Requests", retry_after="3")
    error = await fail(tool)
    assert (error.category, error.delay) == (Category.TRANSIENT, 3.0)
    server.answer("/search", "403 Forbidden")
    error = await fail(tool)
    assert (error.category, "json" in error.suggestion) == (Category.PERMISSION, True)
    server.answer("/search", "302 Found", location="http://127.0.0.1:1/")
    assert (await fail(tool)).category is Category.CONFIGURATION


async def test_its_health_is_that_of_the_provider(tool: WebSearch, server: ScriptedServer) -> None:
    server.answer("/healthz", body=b"OK")
    assert (await tool.health_check()).ok
    server.answer("/healthz", "502 Bad Gateway")
    assert not (await tool.health_check()).ok


async def test_without_a_provider_it_says_what_to_set() -> None:
    tool = WebSearch("", AddressPolicy(), 0.5)
    error = await fail(tool)
    assert (error.category, "WEB_SEARCH_URL" in error.suggestion) == (Category.CONFIGURATION, True)
    health = await tool.health_check()
    assert (health.ok, "not configured" in health.detail) == (False, True)


async def test_the_setting_opens_its_own_port_only(tool: WebSearch, server: ScriptedServer) -> None:
    policy = AddressPolicy().also(f"127.0.0.1:{server.port}")
    assert policy.allows("127.0.0.1", server.port, "127.0.0.1")
    assert not policy.allows("127.0.0.1", server.port + 1, "127.0.0.1")
    assert not policy.allows("other", server.port, "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", ""),
        ("https://s.example", "https://s.example/search"),
        ("https://s.example:8080/x/", "https://s.example:8080/x/search"),
        ("http://s.example/search", "http://s.example/search"),
    ],
)
def test_the_address_of_a_provider_is_completed(url: str, found: str) -> None:
    assert provider(url) == found


@pytest.mark.parametrize("url", ["s.example", "ftp://s.example", "https://a:b@s.example", "https://s.example?x=1"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="WEB_SEARCH_URL"):
        provider(url)


def test_sizes_are_bounded() -> None:
    entry = {"url": "https://example.org/", "title": "x" * 100_000, "content": "<p>" * 30_000}
    (result,) = read(json.dumps({"results": [entry]}).encode(), "q", 10)["results"]
    assert (len(result["title"]), result["text"]) == (300, "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<p>a</p><p>b</p>", "a b"),
        ("a &lt;b&gt; c", "a <b> c"),
        ("<style>x</style>y", "y"),
        ("a\x00\x07\ue000b", "a b"),
        ("x" * 20, "xxxxxxxxx…"),
        ({"a": 1}, ""),
        ("<a href='", "<a href='"),
    ],
)
def test_plain_text_is_what_a_person_reads(value: object, text: str) -> None:
    assert plain_text(value, 10) == text
