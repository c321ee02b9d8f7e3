"""Tools of real MCP servers as subtask types: over stdio and HTTP, and servers that misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from engine.errors import Category, ToolError
from engine.secrets.vault import Vault
from engine.states import TaskStatus
from engine.tools.mcp import link
from engine.tools.mcp.source import McpServers
from tests.support.engines import Lab, run, subtasks
from tests.support.mcp_client import GOOD, called, configured, connected, good, raw, tool_of
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.serving import free_port
from tests.support.tools_context import RecordingContext, running


class Secrets:
    """Where the secrets of a test are kept."""

    def __init__(self, **kept: str) -> None:
        self.kept = kept

    def names(self) -> list[str]:
        return list(self.kept)

    def has(self, name: str) -> bool:
        return name in self.kept

    def read(self, name: str) -> str | None:
        return self.kept.get(name)


async def _fails(servers: McpServers, name: str, **given: Any) -> ToolError:
    with pytest.raises(ToolError) as failed:
        await called(servers, name, **given)
    return failed.value


@asynccontextmanager
async def over_http(folder: Path) -> AsyncIterator[str]:
    """A server of the library that listens; its address."""
    port = free_port()
    with (folder / "http.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-P", str(GOOD), "http", str(port)], stdout=log, stderr=log)
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await eventually(lambda: _listens(client, f"http://127.0.0.1:{port}/mcp"), timeout=60.0)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


async def _listens(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        await client.post(url)
    except httpx2.ConnectError:
        return False
    return True


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that answers everything with the same bytes; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    finally:
        server.close()


async def test_tools_over_stdio_and_http_are_subtask_types_of_an_engine(lab: Lab, tmp_path: Path) -> None:
    async with over_http(tmp_path) as url:
        servers = {"near": good(env={"MCP_LOG": str(tmp_path / "log")}), "far": {"url": url}}
        engine = await lab.start(mcp_servers=configured(tmp_path, servers))
        # Submitted before anything has connected: names are taken on trust, and found out when they run.
        task = await run(
            engine,
            plan(
                step("near", type="mcp.near.add", input={"numbers": [1, 2]}),
                step(
                    "far",
                    "near",
                    type="mcp.far.add",
                    input={"numbers": [40, "{{subtasks.near.output.structured.total}}"]},
                ),
                step("bad", type="mcp.near.nothing", critical=False),
            ),
        )
        assert task.status is TaskStatus.COMPLETED, task.error
        rows = await subtasks(engine, task.id)
        assert (await engine.output(rows["far"]))["structured"] == {"total": 43, "parts": [40, 3]}
        assert rows["bad"].error is not None
        assert "has no tool nothing" in str(rows["bad"].error)
        offered = {entry["name"]: entry for entry in await engine.offered()}
        add = offered["mcp.near.add"]
        assert (add["risk"], add["untrusted"], add["idempotent"], add["limit"]) == ("read", True, True, 4)
        assert add["description"] == "Adds numbers."
        assert add["input_schema"]["properties"]["numbers"]["type"] == "array"
        assert offered["mcp.far.note"]["risk"] == "write"
        assert offered["mcp.near.environment"]["risk"] == "dangerous"
        await eventually(lambda: engine._tool_watch.of("mcp.far.add")["ok"])
        with pytest.raises(Exception, match=r"mcp\.near\.addd"):
            await engine.submit(plan(step("typo", type="mcp.near.addd")))
    # The server over HTTP is gone now.
    failed = await run(engine, plan(step("far", type="mcp.far.add", input={"numbers": [1]}, retry={"max_attempts": 1})))
    assert failed.status is TaskStatus.FAILED
    assert json.loads((await subtasks(engine, failed.id))["far"].error or "")["category"] == "transient"


async def test_an_engine_starts_at_once_without_its_servers_and_knows_their_tools_from_before(
    lab: Lab, tmp_path: Path
) -> None:
    if lab.kind != "embedded":
        pytest.skip("nothing of it touches the graph")
    engine = await lab.start(mcp_servers=configured(tmp_path, {"raw": raw()}))
    await eventually(lambda: (lab.folder / "mcp_tools.json").exists())
    await lab.stop(engine)
    mute = raw("mute", limits={"connect_seconds": 0.5})
    engine = await lab.start(mcp_servers=configured(tmp_path, {"raw": mute, "no": {"command": "/no/such/program"}}))
    assert "mcp.raw.echo" not in engine._tools.names()  # another program may have other tools
    await lab.stop(engine)
    engine = await lab.start(mcp_servers=configured(tmp_path, {"raw": raw()}))
    assert "mcp.raw.echo" in engine._tools.names()
    assert engine._tools.repeatable("mcp.raw.echo")
    task = await run(engine, plan(step("a", type="mcp.raw.echo", input={"x": 1})))
    assert task.status is TaskStatus.COMPLETED
    assert not [entry for entry in await engine.offered() if entry["name"].startswith("mcp.no.")]


async def test_a_process_gets_no_more_of_the_environment_than_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_AUTH", "neo4j/engine-password")
    monkeypatch.setenv("PASSED_ON", "yes")
    vault = Vault(Secrets(TOKEN="hush-hush-token"))
    given = good(env={"KEY": "k:{{secrets.TOKEN}}"}, inherit=["PASSED_ON"])
    async with connected(tmp_path, vault, good=given) as servers:
        found = (await called(servers, "mcp.good.environment"))["structured"]
    assert "NEO4J_AUTH" not in found
    assert (found["KEY"], found["PASSED_ON"]) == ("k:hush-hush-token", "yes")
    assert found["cwd"] == os.path.realpath(tmp_path)


async def test_what_a_tool_says_of_its_failure_and_progress_reaches_the_attempt(tmp_path: Path) -> None:
    async with connected(tmp_path, good=good()) as servers:
        error = await _fails(servers, "mcp.good.refuse", why="no such city")
        context = RecordingContext()
        assert (await called(servers, "mcp.good.steps", context, count=3))["structured"] == {"result": 3}
    assert error.category is Category.LOGIC
    assert context.signs == 3


async def test_a_changed_list_of_tools_is_heard_of(tmp_path: Path) -> None:
    async with connected(tmp_path, good=good()) as servers:
        await called(servers, "mcp.good.grow")
        await eventually(lambda: "mcp.good.grown" in servers.names())
        assert servers.get("mcp.good.grow") is None
        assert (await called(servers, "mcp.good.grown"))["structured"] == {"result": "grown"}


async def test_a_server_that_dies_in_a_call_is_started_again_and_only_what_does_no_harm_is_repeated(
    tmp_path: Path,
) -> None:
    async with connected(tmp_path, raw=raw()) as servers:
        await called(servers, "mcp.raw.echo")
        once = await _fails(servers, "mcp.raw.die")
        again = await called(servers, "mcp.raw.echo", back=True)
        safely = await _fails(servers, "mcp.raw.die_safely")
    assert json.loads(again["text"]) == {"back": True}
    assert "exit code 3" in str(once)
    assert (once.category, once.repeat) == (Category.TRANSIENT, False)
    assert (safely.category, safely.repeat) == (Category.TRANSIENT, None)


async def test_a_server_that_hangs_in_a_call_is_killed_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PROBE_SECONDS", 0.2)
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    server = raw()
    server["args"].append(mark)
    async with connected(tmp_path, raw=server) as servers:
        await called(servers, "mcp.raw.echo")
        (before,) = running(mark)
        hanging = asyncio.create_task(called(servers, "mcp.raw.hang", until=str(tmp_path / "never")))
        await eventually(lambda: servers._links["raw"]._calls == 1)
        hanging.cancel()
        await eventually(lambda: running(mark) and running(mark) != [before])
        assert json.loads((await called(servers, "mcp.raw.echo", a=1))["text"]) == {"a": 1}
    assert running(mark) == []


@pytest.mark.parametrize(
    ("mode", "category", "says"),
    [
        ("exit", Category.TRANSIENT, "no database here"),
        ("mute", Category.TIMEOUT, "does not answer within its time"),
        ("garbage", Category.TIMEOUT, "Traceback"),
        ("flood", Category.RESOURCE, "more than 100,000 bytes"),
    ],
)
async def test_a_server_that_cannot_be_spoken_to_says_why(
    tmp_path: Path, mode: str, category: Category, says: str
) -> None:
    server = raw(mode, limits={"connect_seconds": 1.0, "output_bytes": 100_000})
    async with connected(tmp_path, bad=server) as servers:
        error = await _fails(servers, "mcp.bad.echo")
        health = servers._links["bad"].health("echo")
    assert error.category is category
    assert says in str(error)
    assert (health.ok, health.detail) == (False, str(error))


async def test_a_missing_program_and_a_missing_secret_are_told(tmp_path: Path) -> None:
    secret = raw(env={"A": "{{secrets.NOWHERE}}"})
    async with connected(tmp_path, gone={"command": "/no/such/program"}, secret=secret) as servers:
        gone, missing = await _fails(servers, "mcp.gone.x"), await _fails(servers, "mcp.secret.x")
    assert "there is no such program" in str(gone)
    assert "NOWHERE does not exist" in str(missing)
    assert {gone.category, missing.category} == {Category.CONFIGURATION}


async def test_stray_lines_and_unusable_tools_do_no_harm(tmp_path: Path) -> None:
    async with connected(tmp_path, chatty=raw("chatty"), odd=raw("odd")) as servers:
        assert json.loads((await called(servers, "mcp.chatty.echo", a=[1]))["text"]) == {"a": [1]}
        await called(servers, "mcp.odd.echo")
        assert [name for name in servers.names() if name.startswith("mcp.odd.")] == [
            "mcp.odd.echo",
            "mcp.odd.with_slash",
        ]


async def test_answers_that_are_too_long_or_not_as_promised_are_refused(tmp_path: Path) -> None:
    async with connected(tmp_path, raw=raw(limits={"output_bytes": 100_000})) as servers:
        await called(servers, "mcp.raw.echo")
        long = await _fails(servers, "mcp.raw.much", bytes=200_000)
        odd = await _fails(servers, "mcp.raw.typed", n=1)
        unfit = await _fails(servers, "mcp.raw.typed", n="one")
        assert tool_of(servers, "mcp.raw.typed").check({"n": "one"})
        assert tool_of(servers, "mcp.raw.typed").check([1]) == [((), "must be an object")]
    assert (long.category, long.repeat) == (Category.RESOURCE, False)
    assert (odd.category, unfit.category) == (Category.LOGIC, Category.CONFIGURATION)


@pytest.mark.parametrize(
    ("answer", "category", "says"),
    [
        (b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", Category.PERMISSION, "401"),
        (b"HTTP/1.1 503 No\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", Category.TRANSIENT, "503"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p/>", Category.LOGIC, "text/html"),
        (b"HTTP/1.1 307 Go\r\nlocation: http://example.org/\r\ncontent-length: 0\r\n\r\n", Category.LOGIC, "Redirect"),
        (b"nonsense\r\n\r\n", Category.TRANSIENT, "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", Category.TRANSIENT, ""),
    ],
)
async def test_a_server_over_http_that_is_none_says_why(
    tmp_path: Path, answer: bytes, category: Category, says: str
) -> None:
    async with answering(answer) as url, connected(tmp_path, far={"url": url}) as servers:
        error = await _fails(servers, "mcp.far.x")
    assert error.category is category, error
    assert says in str(error)


async def test_headers_hold_the_secret_as_it_is_when_it_connects(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    kept = Secrets(TOKEN="first-token-of-all")
    far = {"url": url, "headers": {"Authorization": "Bearer {{secrets.TOKEN}}"}}
    async with connected(tmp_path, Vault(kept), far=far) as servers:
        await _fails(servers, "mcp.far.x")
        assert b"Bearer first-token-of-all" in seen[0]
        kept.kept["TOKEN"] = "second-token-of-all"
        await tool_of(servers, "mcp.far.x").refresh_credentials()
        await eventually(lambda: b"Bearer second-token-of-all" in seen[-1])
    server.close()
