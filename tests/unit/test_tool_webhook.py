"""The ``webhook`` tool against a loopback server that checks signatures as receivers do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Receiver

from engine.errors import Category, ToolError
from engine.tools.addresses import AddressPolicy
from engine.tools.webhook import MAX_BYTES, Webhook
from tests.support.tools_context import RecordingContext
from tests.support.tools_http import ScriptedServer, scripted_server

SECRET = "whsec_" + "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A receiver."""
    async with scripted_server() as found:
        yield found


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    """The tool; loopback is allowed."""
    found = Webhook(AddressPolicy.parse(["127.0.0.1"]), SECRET, 0.5)
    yield found
    await found.close()


async def fail(hook: Webhook, **value: Any) -> ToolError:
    """A call that must fail."""
    with pytest.raises(ToolError) as caught:
        await hook.run({"data": 1, **value}, RecordingContext())
    return caught.value


async def test_what_is_sent_is_signed_and_a_repeat_is_known(hook: Webhook, server: ScriptedServer) -> None:
    server.answer("/hook", "202 Accepted", b'{"taken": true}', content_type="application/json")
    data = {"greeting": "grün", "list": [1, 2.5, None]}
    for _ in range(2):
        output = await hook.run({"url": server.url("/hook"), "data": data}, RecordingContext())
        assert (output["status"], output["body"], output["id"]) == (202, {"taken": True}, "01TESTTASK.0000001")
    for request in server.requests:
        assert Receiver(SECRET).verify(request.body.decode(), request.headers) == data
        assert request.headers["idempotency-key"] == request.headers["webhook-id"] == "01TESTTASK.0000001"
        assert request.headers["content-type"] == "application/json"


async def test_a_refusal_has_a_category_and_a_delay(hook: Webhook, server: ScriptedServer) -> None:
    server.answer("/busy", "503 Busy", b"later", retry_after="7", content_type="text/plain")
    server.answer("/moved", "302 Found", b"", location="/hook")
    server.answer("/none", "404 Not Found")
    error = await fail(hook, url=server.url("/busy"))
    assert (error.category, error.delay, error.output) == (Category.TRANSIENT, 7.0, error.output)
    assert json.loads(json.dumps(error.output))["body"] == "later"
    assert (await fail(hook, url=server.url("/moved"))).category is Category.CONFIGURATION
    assert (await fail(hook, url=server.url("/none"))).category is Category.CONFIGURATION
    assert server.asked("/hook") == 0, "it is not followed: what is signed is for one receiver"


async def test_private_addresses_are_refused(server: ScriptedServer) -> None:
    hook = Webhook(AddressPolicy(), SECRET, 0.5)
    error = await fail(hook, url=server.url("/hook"))
    assert (error.category, "HTTP_ALLOW_PRIVATE" in error.suggestion) == (Category.CONFIGURATION, True)
    assert server.requests == []
    await hook.close()


async def test_without_a_secret_it_says_what_to_set(server: ScriptedServer) -> None:
    hook = Webhook(AddressPolicy.parse(["127.0.0.1"]), "", 0.5)
    error = await fail(hook, url=server.url("/hook"))
    assert (error.category, "WEBHOOK_SECRET" in error.suggestion) == (Category.CONFIGURATION, True)
    assert not (await hook.health_check()).ok
    assert server.requests == []


def test_what_must_not_go_out_is_refused(hook: Webhook) -> None:
    url = "https://hooks.example.org/in"
    assert hook.check({"url": url, "data": {"key": "AKIA" + "A" * 16}})[0][0] == ("data",)
    assert "bytes" in hook.check({"url": url, "data": "x" * MAX_BYTES})[0][1]
    assert hook.check({"url": "ftp://hooks.example.org", "data": 1})[0][0] == ("url",)
    assert (hook.repeatable({}), hook.endpoint({"url": url})) == (True, "hooks.example.org")
