"""``browser`` in a real Chromium, on pages of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.browser import NAMES, Browser
from engine.tools.guard_proxy import GuardProxy
from tests.support.tools_context import RecordingContext, until
from tests.support.tools_http import ScriptedServer, scripted_server

PAGE = b"""<!doctype html><title>Shop</title><h1>Tea</h1><a href="/a">one</a> <a href="/b">two</a><input id=name>
<button onclick="setTimeout(() => { document.body.insertAdjacentHTML('beforeend',
'<p id=said>Hello ' + document.querySelector('#name').value + '</p>') }, 20)">go</button>"""
pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, NAMES)), reason="there is no Chromium: make browser installs it"
)


class Kept:
    """A blob store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def keep(self, subtask_id: str, data: bytes, digest: str) -> None:
        """Keeps a file."""
        assert (subtask_id, hashlib.sha256(data).hexdigest()) == ("01TESTTASK.0000001", digest)
        self.files[digest] = data


@pytest.fixture
def kept() -> Kept:
    """Where files go."""
    return Kept()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A shop that may be reached."""
    async with scripted_server() as found:
        found.answer("/", body=PAGE, content_type="text/html")
        yield found


@pytest.fixture
async def other() -> AsyncIterator[ScriptedServer]:
    """A server on another port, which may not be reached."""
    async with scripted_server() as found:
        found.answer("/", body=b"<title>secret</title>", content_type="text/html")
        yield found


@pytest.fixture
async def tool(server: ScriptedServer, kept: Kept) -> AsyncIterator[Browser]:
    """The tool; the shop's port is allowed."""
    found = Browser(AddressPolicy.parse([f"127.0.0.1:{server.port}"]), "", kept.keep)
    yield found
    await found.close()


async def fail(tool: Browser, url: str, *steps: Any, **fields: Any) -> ToolError:
    """A run that must fail."""
    with pytest.raises(ToolError) as caught:
        await tool.run({"url": url, "steps": list(steps), **fields}, RecordingContext())
    return caught.value


async def test_a_page_is_opened_filled_clicked_and_read(tool: Browser, server: ScriptedServer, kept: Kept) -> None:
    value = {
        "url": server.url("/"),
        "steps": [
            {"extract": {"name": "title", "selector": "h1"}},
            {"extract": {"name": "links", "selector": "a", "attribute": "href", "all": True}},
            {"extract": {"name": "none", "selector": ".none", "all": True}},
            {"fill": {"selector": "#name", "value": "Ada"}},
            {"click": "button"},
            {"wait_for": "#said"},
            {"extract": {"name": "said", "selector": "#said"}},
            {"screenshot": {"name": "view", "full_page": True}},
            {"screenshot": {"name": "head", "selector": "h1"}},
            {"pdf": {"name": "print"}},
        ],
    }
    assert tool.check(value) == []
    output: Any = await tool.run(value, RecordingContext())
    assert (output["url"], output["status"], output["title"]) == (server.url("/"), 200, "Shop")
    assert output["extracted"] == {"title": "Tea", "links": ["/a", "/b"], "none": [], "said": "Hello Ada"}
    files = {name: (kept.files[found["sha256"]][:5], found["media_type"]) for name, found in output["files"].items()}
    assert files == {
        "view": (b"\x89PNG\r", "image/png"),
        "head": (b"\x89PNG\r", "image/png"),
        "print": (b"%PDF-", "application/pdf"),
    }
    assert all(found["bytes"] == len(kept.files[found["sha256"]]) for found in output["files"].values())


async def test_two_runs_share_nothing(tool: Browser, server: ScriptedServer) -> None:
    server.answer("/set", body=b"ok", content_type="text/html", set_cookie="a=1")
    server.answer("/get", body=b"ok", content_type="text/html")
    for path in ("/set", "/get"):
        await tool.run({"url": server.url(path)}, RecordingContext())
    assert "cookie" not in server.requests[-1].headers


async def test_private_addresses_are_out_of_reach_whatever_way(
    tool: Browser, server: ScriptedServer, other: ScriptedServer
) -> None:
    server.answer("/redirect", "302 Found", location=other.url("/"))
    server.answer("/frame", body=f"<iframe src='{other.url('/')}'></iframe>".encode(), content_type="text/html")
    script = f"""<script>
      const ended = (what) => document.body.insertAdjacentHTML("beforeend", `<p class=x>${{what}}</p>`);
      addEventListener("load", () => {{
        fetch("{other.url("/")}", {{mode: "no-cors"}}).then((r) => r.text()).then(() => ended("fetched"));
        const socket = new WebSocket("ws://127.0.0.1:{other.port}/");
        socket.onopen = () => ended("open");
        socket.onerror = () => ended("refused");
      }});
    </script>"""
    server.answer("/script", body=script.encode(), content_type="text/html")
    for path in ("/redirect", "/frame", "/script"):
        with contextlib.suppress(ToolError):
            await tool.run(
                {"url": server.url(path), "steps": [{"wait_for": ".x"}], "timeout_seconds": 3}, RecordingContext()
            )
    error = await fail(tool, other.url("/"))
    assert (error.category, f"127.0.0.1:{other.port}" in error.suggestion) == (Category.CONFIGURATION, True)
    for name in ("localhost", "[::1]", "0.0.0.0"):
        assert (await fail(tool, f"http://{name}:{other.port}/")).category in (
            Category.CONFIGURATION,
            Category.TRANSIENT,
        )
    assert other.requests == []


async def test_what_goes_wrong_has_a_place_and_a_category(tool: Browser, server: ScriptedServer) -> None:
    error = await fail(
        tool, server.url("/"), {"extract": {"name": "a", "selector": "h1"}}, {"wait_for": "#never"}, timeout_seconds=6
    )
    assert (error.category, "step 1" in str(error)) == (Category.TIMEOUT, True)
    assert error.output == {"extracted": {"a": "Tea"}, "files": {}}
    error = await fail(tool, server.url("/"), {"click": ":::"})
    assert (error.category, "step 0" in str(error)) == (Category.LOGIC, True)
    server.answer("/large", body=b"x" * 3_000_000, content_type="text/html")
    assert (await fail(tool, server.url("/large"), max_bytes=1_000_000)).category is Category.RESOURCE


def children() -> set[int]:
    """The browsers that run below this process."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


async def test_a_cancellation_ends_its_browser(tool: Browser, server: ScriptedServer) -> None:
    before = children()
    running = asyncio.create_task(
        tool.run({"url": server.url("/"), "steps": [{"wait_for": "#never"}]}, RecordingContext())
    )
    await until(lambda: server.asked("/") and children() - before, 20)
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()
    await until(lambda: not children() - before)


async def test_what_is_missing_is_told(server: ScriptedServer, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Browser(AddressPolicy(), "/nowhere/chromium", kept.keep)
    error = await fail(tool, server.url("/"))
    assert (error.category, "BROWSER_PATH" in error.suggestion) == (Category.CONFIGURATION, True)
    assert not (await tool.health_check()).ok
    monkeypatch.setattr("engine.tools.browser.importlib.util.find_spec", lambda _: None)
    assert "agent03-core-engine[browser]" in (await tool.health_check()).suggestion
    monkeypatch.undo()
    assert (await Browser(AddressPolicy(), "", kept.keep).health_check()).ok


async def test_a_program_that_is_no_browser_is_told(server: ScriptedServer, kept: Kept) -> None:
    tool = Browser(AddressPolicy(), "/bin/true", kept.keep)
    try:
        error = await fail(tool, server.url("/"))
        assert (error.category, "does not start" in str(error)) == (Category.CONFIGURATION, True)
    finally:
        await tool.close()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"url": "file:///etc/passwd"}, ("url",)),
        ({"url": "http://a", "steps": [{}]}, ("steps", 0)),
        ({"url": "http://a", "steps": [{"click": "a", "wait_for": "b"}]}, ("steps", 0)),
        ({"url": "http://a", "steps": [{"pdf": {"name": "../x"}}]}, ("steps", 0, "pdf", "name")),
    ],
)
def test_bad_input_is_found_in_the_plan(tool: Browser, value: Any, path: tuple[Any, ...]) -> None:
    assert [found for found, _ in tool.check(value)] == [path]


def test_only_looking_may_be_repeated(tool: Browser) -> None:
    assert tool.repeatable({"url": "http://a", "steps": [{"pdf": {"name": "x"}}]})
    assert not tool.repeatable({"url": "http://a", "steps": [{"click": "a"}]})
    assert (tool.risk_of({"steps": [{"click": "a"}]}), tool.risk_of({"url": "http://a"})) == ("write", "read")


async def test_the_proxy_passes_what_is_allowed_and_no_more(server: ScriptedServer) -> None:
    policy = AddressPolicy.parse([f"127.0.0.1:{server.port}"])
    async with GuardProxy(policy, 10_000).serving() as proxy:

        async def ask(text: str) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(text.encode())
            try:
                return await asyncio.wait_for(reader.read(), 5)
            finally:
                writer.close()

        place = f"127.0.0.1:{server.port}"
        server.answer("/close", body=b"here")
        found = await ask(f"GET http://{place}/close?a=1 HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: x\r\n\r\n")
        assert found.endswith(b"here")
        assert server.requests[0].line == "GET /close?a=1 HTTP/1.1"
        assert "proxy-authorization" not in server.requests[0].headers
        tunnelled = await ask(f"CONNECT {place} HTTP/1.1\r\n\r\nGET /close HTTP/1.1\r\nHost: {place}\r\n\r\n")
        assert tunnelled.startswith(b"HTTP/1.1 200 Connection established\r\n\r\n") and tunnelled.endswith(b"here")
        for target in ("GET http://127.0.0.1:1/", "GET ftp://127.0.0.1/", "CONNECT 127.0.0.1:1", "CONNECT [::1]:2"):
            assert (await ask(f"{target} HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403")
        assert await ask("nonsense\r\n\r\n") == b""
        assert proxy.refused == ["127.0.0.1:1", "127.0.0.1:1", "::1:2"]
        server.answer("/close", body=b"x" * 50_000)
        assert len(await ask(f"GET http://{place}/close HTTP/1.1\r\nHost: {place}\r\n\r\n")) <= 10_000
        assert proxy.overflow.is_set()
