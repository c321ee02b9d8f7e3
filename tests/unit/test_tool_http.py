"""The http_request tool against real loopback servers."""

from __future__ import annotations

import asyncio
import base64
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.http_client import Call, GuardedHttp, default_tls, shown
from engine.tools.http_request import HttpRequest, category_of, delay_of
from tests.support.tools_context import RecordingContext
from tests.support.tools_http import ScriptedServer, scripted_server


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A scripted server."""
    async with scripted_server() as found:
        yield found


@pytest.fixture
async def http(server: ScriptedServer) -> AsyncIterator[HttpRequest]:
    """A tool that may reach the server and nothing else inside."""
    tool = HttpRequest(AddressPolicy.parse([f"127.0.0.1:{server.port}"]), grace=0.3)
    yield tool
    await tool.close()


async def ask(tool: HttpRequest, url: str, **fields: Any) -> Any:
    """Sends a request."""
    value = {"url": url, **fields}
    assert tool.check(value) == []
    return await tool.run(value, RecordingContext())


async def failure(tool: HttpRequest, url: str, **fields: Any) -> ToolError:
    """Sends a request that must fail."""
    with pytest.raises(ToolError) as caught:
        await ask(tool, url, **fields)
    return caught.value


async def test_a_request_carries_what_it_was_given(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/things", "201 Created", b"ok", Content_Type="text/plain")
    found = await ask(
        http,
        server.url("/things?a=0"),
        method="post",
        headers={"X-Mine": "yes"},
        params={"q": "a b&c", "n": [1, 2.5], "flag": True},
        json={"x": [1, None, "é"]},
    )
    assert (found["status"], found["body"], found["headers"]["content-type"]) == (201, "ok", "text/plain")
    (request,) = server.requests
    assert request.line.startswith("POST /things?")
    assert all(part in request.line for part in ("q=a+b%26c", "n=1&n=2.5", "flag=true"))
    assert request.body == '{"x":[1,null,"é"]}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-mine"] == "yes"
    assert request.headers["user-agent"] == "agent03-core-engine"


async def test_a_body_is_sent_as_it_is_and_null_is_json(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/")
    await ask(http, server.url("/"), method="PUT", body="ä=1", headers={"Content-Type": "text/x"})
    await ask(http, server.url("/"), method="PUT", json=None)
    assert [request.body for request in server.requests] == ["ä=1".encode(), b"null"]
    assert server.requests[0].headers["content-type"] == "text/x"


@pytest.mark.parametrize(
    ("kind", "sent", "body"),
    [
        ("application/json", b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("application/json", b"", None),
        ("application/json", b"{broken", "{broken"),
        ("application/json", b"NaN", "NaN"),
        ("application/json", b"[" * 5000, "[" * 5000),
        ("text/html; charset=iso-8859-1", b"\xe9", "é"),
        ("text/plain; charset=nobody-knows", "é".encode(), "é"),
        ("text/csv", "a,é".encode(), "a,é"),
        ("application/atom+xml", b"<a/>", "<a/>"),
        ("image/png", b"", ""),
    ],
)
async def test_bodies_are_decoded_by_their_type(
    server: ScriptedServer, http: HttpRequest, kind: str, sent: bytes, body: Any
) -> None:
    server.answer("/", body=sent, Content_Type=kind)
    found = await ask(http, server.url("/"))
    assert found["body"] == body
    assert "encoding" not in found


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream"])
async def test_other_bodies_are_base64(server: ScriptedServer, http: HttpRequest, kind: str) -> None:
    server.answer("/", body=b"\x89PNG\xff", Content_Type=kind)
    found = await ask(http, server.url("/"))
    assert (base64.b64decode(found["body"]), found["encoding"]) == (b"\x89PNG\xff", "base64")


@pytest.mark.parametrize(
    ("status", "category"),
    [
        *((408, Category.TRANSIENT), (425, Category.TRANSIENT), (429, Category.TRANSIENT), (500, Category.TRANSIENT)),
        *((503, Category.TRANSIENT), (599, Category.TRANSIENT), (401, Category.PERMISSION), (403, Category.PERMISSION)),
        *((400, Category.CONFIGURATION), (404, Category.CONFIGURATION), (422, Category.CONFIGURATION)),
    ],
)
def test_statuses_have_categories(status: int, category: Category) -> None:
    assert category_of(status) is category


async def test_a_bad_status_is_an_error_with_the_response_in_it(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/busy", "503 Busy", b'{"why": "tea"}', Content_Type="application/json", Retry_After="7")
    error = await failure(http, server.url("/busy?token=secret", "user:secret@127.0.0.1"))
    assert (error.category, error.delay) == (Category.TRANSIENT, 7.0)
    assert str(error) == f"GET http://127.0.0.1:{server.port}/busy: the server answered 503"
    assert error.output["body"] == {"why": "tea"}  # type: ignore[index]
    server.answer("/gone", "404 Not Found", Retry_After="7")
    error = await failure(http, server.url("/gone"))
    assert (error.category, error.delay) == (Category.CONFIGURATION, None)
    server.answer("/mine", "403 Forbidden")
    assert (await failure(http, server.url("/mine"))).category is Category.PERMISSION


async def test_an_accepted_status_is_no_error(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/gone", "404 Not Found", b"no", Content_Type="text/plain")
    found = await ask(http, server.url("/gone"), accept_status=[404])
    assert (found["status"], found["body"]) == (404, "no")


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("99999999", 3600.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read_and_bounded(header: str | None, delay: float | None) -> None:
    assert delay_of(header, NOW) == delay


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{other}/", "http://localhost:{other}/", "http://169.254.169.254/latest/meta-data/"),
        *("http://[::1]:{other}/", "http://0x7f000001:{other}/", "http://2130706433:{other}/", "http://127.1:{other}/"),
        *("http://0:{other}/", "http://[::ffff:127.0.0.1]:{other}/", "http://10.0.0.1/"),
    ],
)
async def test_private_addresses_are_refused_in_every_spelling(http: HttpRequest, url: str) -> None:
    async with scripted_server() as inside:
        inside.answer("/")
        error = await failure(http, url.format(other=inside.port))
    assert error.category is Category.CONFIGURATION
    assert "private or local address" in str(error)
    assert "HTTP_ALLOW_PRIVATE" in error.suggestion
    assert inside.requests == []


async def test_a_redirect_does_not_lead_inside(server: ScriptedServer, http: HttpRequest) -> None:
    async with scripted_server() as inside:
        inside.answer("/")
        server.answer("/out", "302 Found", Location=inside.url("/"))
        error = await failure(http, server.url("/out"))
    assert (error.category, "private or local" in str(error)) == (Category.CONFIGURATION, True)
    assert inside.requests == []


async def test_redirects_are_followed_unless_told_otherwise(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/a", "302 Found", Location="/b", Set_Cookie="session=1; Path=/")
    server.answer("/b", body=b"here", Content_Type="text/plain")
    assert (await ask(http, server.url("/a")))["body"] == "here"
    assert server.requests[1].headers["cookie"] == "session=1"
    assert (await ask(http, server.url("/a"), follow_redirects=False))["status"] == 302
    server.answer("/round", "302 Found", Location="/round")
    error = await failure(http, server.url("/round"))
    assert (error.category, "redirects more than 10 times" in str(error)) == (Category.CONFIGURATION, True)


async def test_cookies_do_not_pass_from_one_request_to_another(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/", Set_Cookie="session=1; Path=/")
    await ask(http, server.url("/"))
    await ask(http, server.url("/"))
    assert ["cookie" in request.headers for request in server.requests] == [False, False]


async def test_a_name_is_judged_by_the_address_that_is_connected(server: ScriptedServer) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["10.0.0.1"], []])
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    policy = AddressPolicy.parse([f"127.0.0.1:{server.port}"])
    http = HttpRequest(policy, 0.3, GuardedHttp(policy, default_tls(), resolve))
    server.answer("/close")
    for _ in range(2):
        assert (await ask(http, server.url("/close", "rebinding.example")))["status"] == 200
    for _ in range(2):
        assert "private or local" in str(await failure(http, server.url("/close", "rebinding.example")))
    assert asked == ["rebinding.example"] * 4
    assert server.requests[0].headers["host"] == f"rebinding.example:{server.port}"
    await http.close()


async def test_the_next_address_is_tried_when_one_does_not_answer(server: ScriptedServer) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    policy = AddressPolicy.parse(["127.0.0.0/8"])
    http = HttpRequest(policy, 0.3, GuardedHttp(policy, default_tls(), resolve))
    server.answer("/")
    assert (await ask(http, server.url("/", "two.example")))["status"] == 200
    await http.close()


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Category.CONFIGURATION),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Category.TRANSIENT),
        (UnicodeError("label too long"), Category.CONFIGURATION),
    ],
)
async def test_names_that_cannot_be_resolved(error: Exception, category: Category) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise error

    policy = AddressPolicy()
    http = HttpRequest(policy, 0.3, GuardedHttp(policy, default_tls(), resolve))
    found = await failure(http, "http://nowhere.example/")
    assert (found.category, "nowhere.example" in str(found)) == (category, True)
    await http.close()


async def test_a_resolver_that_hangs_is_no_connection_in_time() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    policy = AddressPolicy()
    http = HttpRequest(policy, 0.3, GuardedHttp(policy, default_tls(), resolve))
    error = await failure(http, "http://slow.example/", timeout_seconds=0.5)
    assert (error.category, "no connection in time" in str(error)) == (Category.TRANSIENT, True)
    await http.close()


async def test_a_closed_port_is_transient(http: HttpRequest, server: ScriptedServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        tool = HttpRequest(AddressPolicy.parse(["127.0.0.1"]), 0.3)
        error = await failure(tool, f"http://127.0.0.1:{port}/")
    assert error.category is Category.TRANSIENT
    await tool.close()


async def test_a_server_that_does_not_answer_is_a_timeout(server: ScriptedServer, http: HttpRequest) -> None:
    error = await failure(http, server.url("/never"), timeout_seconds=0.1)
    assert error.category is Category.TIMEOUT
    await asyncio.wait_for(server.hung_up.wait(), 15)


async def test_a_server_that_drips_is_a_timeout_too(http: HttpRequest, server: ScriptedServer) -> None:
    server.answers["/drip"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
    error = await failure(http, server.url("/drip"), timeout_seconds=0.1)
    assert error.category is Category.TIMEOUT


@pytest.mark.parametrize("garbage", [b"what?\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_broken_answer_is_transient(server: ScriptedServer, http: HttpRequest, garbage: bytes) -> None:
    server.answers["/close"] = garbage
    assert (await failure(http, server.url("/close"))).category is Category.TRANSIENT


async def test_a_response_that_is_too_large_is_refused(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/", body=b"x" * 5001)
    error = await failure(http, server.url("/"), max_bytes=5000)
    assert (error.category, "5000" in str(error), "max_bytes" in error.suggestion) == (Category.RESOURCE, True, True)
    assert (await ask(http, server.url("/"), max_bytes=5001))["status"] == 200


async def test_the_default_size_is_halved_after_resources_ran_short(http: HttpRequest, server: ScriptedServer) -> None:
    server.answer("/", body=b"x" * 3_000_000)
    short = RecordingContext(reduction=2)
    with pytest.raises(ToolError, match="larger than 2621440 bytes"):
        await http.run({"url": server.url("/")}, short)
    given = {"url": server.url("/"), "max_bytes": 3_000_000}
    assert (await http.run(given, short))["status"] == 200  # type: ignore[index]


async def test_a_small_answer_that_unpacks_to_a_flood_is_refused(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/", body=gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip")
    assert (await failure(http, server.url("/"), max_bytes=100_000)).category is Category.RESOURCE
    server.answer("/", body=b"no gzip", Content_Encoding="gzip")
    assert (await failure(http, server.url("/"))).category is Category.LOGIC


async def test_a_cancelled_request_hangs_up(server: ScriptedServer, http: HttpRequest) -> None:
    task = asyncio.create_task(ask(http, server.url("/never")))
    async with asyncio.timeout(5):
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.hung_up.wait()


async def test_connections_are_used_again(server: ScriptedServer, http: HttpRequest) -> None:
    server.answer("/")
    await asyncio.gather(*(ask(http, server.url("/")) for _ in range(5)))
    assert len(server.requests) == 5
    await http.close()
    assert (await ask(http, server.url("/")))["status"] == 200, "it opens again after it was closed"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_that_nobody_signed_is_a_matter_of_configuration(tmp_path: Path) -> None:
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    subprocess.run([*argv, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    http = HttpRequest(AddressPolicy.parse(["127.0.0.1"]), 0.3)
    error = await failure(http, f"https://127.0.0.1:{port}/")
    assert (error.category, "certificate" in str(error)) == (Category.CONFIGURATION, True)
    server.close()
    await http.close()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, ("url",)),
        ({"url": "ftp://host/"}, ("url",)),
        ({"url": "file:///etc/passwd"}, ("url",)),
        ({"url": "http://"}, ("url",)),
        ({"url": "http://host:99999/"}, ("url",)),
        ({"url": "http://[::1/"}, ("url",)),
        ({"url": "http://host/\r\nX: 1"}, ("url",)),
        ({"url": "/relative"}, ("url",)),
        ({"url": "http://h/", "method": "GET /"}, ("method",)),
        ({"url": "http://h/", "headers": {"A": "b\r\nC: d"}}, ("headers",)),
        ({"url": "http://h/", "headers": {"A B": "c"}}, ("headers",)),
        ({"url": "http://h/", "headers": {"A": 1}}, ("headers", "A")),
        ({"url": "http://h/", "params": {"a": {"b": 1}}}, ("params",)),
        ({"url": "http://h/", "json": 1, "body": "1"}, ("body",)),
        ({"url": "http://h/", "json_": 1}, ("json_",)),
        ({"url": "http://h/", "timeout_seconds": 0}, ("timeout_seconds",)),
        ({"url": "http://h/", "accept_status": ["404"]}, ("accept_status", 0)),
        ({"url": "http://h/", "timeout": 3}, ("timeout",)),
    ],
)
def test_bad_input_is_named(http: HttpRequest, value: Any, path: tuple[str | int, ...]) -> None:
    assert [place for place, _ in http.check(value)] == [path]


@pytest.mark.parametrize(
    ("value", "repeatable"),
    [
        ({"url": "x"}, True),
        ({"url": "x", "method": "get"}, True),
        ({"url": "x", "method": "HEAD"}, True),
        ({"url": "x", "method": "POST"}, False),
        ({"url": "x", "method": "{{input.method}}"}, False),
        ("{{input}}", False),
    ],
)
def test_only_what_asks_is_repeated(http: HttpRequest, value: Any, repeatable: bool) -> None:
    assert http.repeatable(value) is repeatable


def test_urls_are_told_without_secrets() -> None:
    assert shown("https://me:pw@host.example/a?key=1#x") == "https://host.example/a"
    assert shown("http://[::1") == "(unreadable URL)"


async def test_a_url_that_only_the_client_refuses_is_told(server: ScriptedServer) -> None:
    policy = AddressPolicy()
    client = GuardedHttp(policy, default_tls())
    for url in ("gopher://host/", "http://0177.0.0.1/"):
        with pytest.raises(ToolError) as caught:
            await client.fetch(Call("GET", url, {}, [], None, 1.0, 10, True))
        assert caught.value.category is Category.CONFIGURATION
    await client.close()
