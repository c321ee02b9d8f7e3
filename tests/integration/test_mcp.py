"""MCP clients, those of the library: over HTTP and on stdin and stdout, against real servers on both graphs."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from anthropic import AsyncAnthropic
from anthropic.lib.tools.mcp import async_mcp_tool
from mcp import Client

from tests.support.claude import KEY, fake_claude
from tests.support.documents import blocks
from tests.support.graphs import KINDS
from tests.support.mcp import answer, over_http, over_stdio, refusal
from tests.support.plans import plan, step
from tests.support.services import Neo4jService, eventually
from tests.support.serving import ROOT, Serving, free_port

DOCUMENT = ROOT / "docs" / "howto" / "mcp.md"
TOOLS = {
    "submit",
    "preview",
    "watch",
    "results",
    "why",
    "logs",
    "tasks",
    "subtask_types",
    "cancel",
    "approvals",
    "approve",
    "reject",
    "graph_query",
    "recall_dry_run",
    "embedding_search",
    "read_file",
    "write_file",
    "get_shared_state",
    "set_shared_state",
}
GOOD = plan(
    step("n", input=[1, 2, 3]),
    step("sum", "n", type="aggregation", input={"data": [{"v": 1}, {"v": 5}], "aggregate": {"total": "sum(v)"}}),
)
BAD = plan(step("halve", type="calculate", input={"expression": "1 / 0"}), step("after", "halve"))
OUTSIDE = ("../other/a.md", "/etc/passwd", "notes/../../x", "..", "a/../../../etc/passwd")
SECRET = "what nobody may see"
LONG = plan(step("wait", type="sleep", input={"seconds": 600}))


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> AsyncIterator[Serving]:
    """A server on one of the graphs."""
    settings = {"NAMESPACE": namespace, "FILE_ROOTS": str(tmp_path / "files"), "MAX_BODY_BYTES": "20000"}
    if request.param == "neo4j":
        service: Neo4jService = request.getfixturevalue("neo4j_server")
        settings |= {"NEO4J_URL": service.url, "NEO4J_AUTH": service.auth}
    made = Serving(tmp_path / "data", settings)
    await made.start()
    yield made
    made.discard()


def ways(server: Serving, folder: Path) -> dict[str, Callable[[], AbstractAsyncContextManager[Client]]]:
    """How a client reaches it."""
    url = f"http://127.0.0.1:{server.port}"
    return {"http": lambda: over_http(f"{url}/mcp"), "stdio": lambda: over_stdio({"ENGINE_URL": url}, folder)}


async def test_a_client_drives_the_engine_over_http_and_on_stdio(server: Serving, tmp_path: Path) -> None:
    for name, connect in ways(server, tmp_path).items():
        async with connect() as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            await _works(client, f"sums {name}")
            await _fails(client)
            await _is_stopped(client)
            await _is_refused(client)


async def _works(client: Client, name: str) -> None:
    types = await answer(client, "subtask_types")
    assert {"name", "description", "risk"} == set(types["types"][0])
    assert "input_schema" in await answer(client, "subtask_types", name="aggregation")
    seen = await answer(client, "preview", task=GOOD)
    assert seen["generations"] == [["n"], ["sum"]]
    task_id = (await answer(client, "submit", task=GOOD, name=name))["task_id"]
    told: list[tuple[float, float | None]] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    call = await client.call_tool("watch", {"task_id": task_id, "timeout_seconds": 60}, progress_callback=heard)
    watched = call.structured_content
    assert (watched["final"], watched["task"]["status"]) == (True, "completed")
    assert told == sorted(set(told))
    found = await answer(client, "results", task_id=task_id)
    assert {row["key"]: row["status"] for row in found["subtask_results"]} == {"n": "completed", "sum": "completed"}
    detail = await answer(client, "results", task_id=task_id, key="n")
    assert detail["subtask"]["output"] == [1, 2, 3]
    assert [task["id"] for task in (await answer(client, "tasks", search=name, limit=1))["tasks"]] == [task_id]
    rows = await answer(
        client, "graph_query", cypher="MATCH (t:Task {id: $id}) RETURN t.name AS name", parameters={"id": task_id}
    )
    assert rows["rows"] == [[name]]
    reached = await answer(client, "recall_dry_run", subtask=f"{task_id}/n")
    assert (reached["dry_run"], reached["subtasks_count"]) == (True, 1)


async def _fails(client: Client) -> None:
    task_id = (await answer(client, "submit", task=BAD))["task_id"]
    watched = await answer(client, "watch", task_id=task_id)
    assert (watched["task"]["status"], [row["key"] for row in watched["failed"]]) == ("failed", ["halve"])
    assert "division by zero" in str(await answer(client, "why", task_id=task_id, key="after"))


async def _is_stopped(client: Client) -> None:
    task_id = (await answer(client, "submit", task=LONG))["task_id"]
    watched = await answer(client, "watch", task_id=task_id, timeout_seconds=0.3)
    assert watched["final"] is False
    await _shares(client, task_id)
    assert (await answer(client, "cancel", task_id=task_id))["task"]["status"] in ("cancelled", "processing")
    assert (await answer(client, "watch", task_id=task_id))["task"]["status"] == "cancelled"


async def _is_refused(client: Client) -> None:
    assert 'did you mean "noop"' in await refusal(client, "submit", task=plan(step("a", type="nop")))
    assert "no task has the id" in await refusal(client, "watch", task_id="01KAJ7M2Q8Z5T3V9W4X6Y7B8C9")
    assert "extra_forbidden" in await refusal(client, "submit", task={"sentence": "Do anything at all"})
    assert "may only read" in await refusal(client, "graph_query", cypher="MATCH (n) DETACH DELETE n")


async def _shares(client: Client, task_id: str) -> None:
    await answer(client, "write_file", task_id=task_id, path="notes/a.md", content="# A")
    assert (await answer(client, "read_file", task_id=task_id, path="notes/a.md"))["content"] == "# A"
    await answer(
        client, "write_file", task_id=task_id, path="notes/b.md", content="The harbour master was asked twice."
    )
    await eventually(lambda: _finds(client, task_id, "who asked the harbour master"), timeout=30.0)
    assert "should have a word" in await refusal(client, "embedding_search", query="?")
    await answer(client, "set_shared_state", task_id=task_id, name="taken", value={"by": [1, None]}, ttl_seconds=60)
    assert (await answer(client, "get_shared_state", task_id=task_id, name="taken"))["value"] == {"by": [1, None]}
    assert "nobody has put it there" in await refusal(client, "get_shared_state", task_id=task_id, name="other")
    assert "names nothing" in await refusal(client, "results", task_id="..")
    for path in OUTSIDE:
        for tool, more in (("read_file", {}), ("write_file", {"content": "mine"})):
            told = await refusal(client, tool, task_id=task_id, path=path, **more)
            assert "folder" in told
            assert SECRET not in told


async def _finds(client: Client, task_id: str, query: str) -> bool:
    found = await answer(client, "embedding_search", query=query, task_id=task_id, kind="file")
    return [hit["name"] for hit in found["hits"]] == ["notes/b.md"]


async def test_the_tool_runner_of_claudes_sdk_drives_the_engine(server: Serving, tmp_path: Path) -> None:
    async with fake_claude() as fake:
        claude = AsyncAnthropic(api_key=KEY, base_url=f"http://127.0.0.1:{fake.port}", max_retries=0)
        for name, connect in ways(server, tmp_path).items():
            fake.calls(("a", "submit", {"task": GOOD, "name": f"run {name}"}), ("b", "watch", {"task_id": "nope"}))
            fake.calls(("c", "tasks", {"search": f"run {name}", "limit": 1}))
            fake.says("It is on its way.")
            async with connect() as client:
                tools = [async_mcp_tool(tool, client.session) for tool in (await client.list_tools()).tools]
                runner = claude.beta.messages.tool_runner(
                    model="claude-sonnet-5-5",
                    max_tokens=500,
                    tools=tools,
                    messages=[{"role": "user", "content": "Have it summed."}],
                )
                last = await runner.until_done()
                assert last.content[0].type == "text"
                assert last.content[0].text == "It is on its way."
                told = {id_: (str(text), failed) for at in (-2, -1) for id_, (text, failed) in fake.results(at).items()}
                assert {tool["name"] for tool in fake.requests[-3]["tools"]} == TOOLS
                assert (told["a"][1], told["b"][1], told["c"][1]) == (False, True, False)
                assert "no task has the id" in told["b"][0]
                (task,) = (await answer(client, "tasks", search=f"run {name}", limit=1))["tasks"]
                assert task["id"] in told["a"][0]
                assert task["id"] in told["c"][0]
                assert (await answer(client, "watch", task_id=task["id"]))["task"]["status"] == "completed"
        await claude.close()


async def test_a_link_in_the_folder_of_a_task_leads_nowhere(server: Serving, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "secret.txt").write_text(SECRET)
    task_id = await server.submit(LONG)
    folder = tmp_path / "files" / task_id
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(beside)
    (folder / "file").symlink_to(beside / "secret.txt")
    async with over_http(f"http://127.0.0.1:{server.port}/mcp") as client:
        for path in ("link/secret.txt", "file"):
            assert SECRET not in await refusal(client, "read_file", task_id=task_id, path=path)
            await refusal(client, "write_file", task_id=task_id, path=path, content="mine")
        folder.rename(folder.with_name("moved"))
        folder.symlink_to(beside)
        told = await refusal(client, "read_file", task_id=task_id, path="secret.txt")
    assert "symbolic link" in told
    assert [file.read_text() for file in beside.iterdir()] == [SECRET]


async def test_an_engine_of_its_own_on_stdio_goes_on_at_the_next_start(tmp_path: Path) -> None:
    place = {"DATA_PATH": str(tmp_path / "data"), "EMBEDDED_BUFFER_MB": "128", "SHUTDOWN_GRACE_SECONDS": "0.1"}
    async with over_stdio(place, tmp_path, "--embedded") as client:
        task_id = (await answer(client, "submit", task=plan(step("a", type="sleep", input={"seconds": 2}))))["task_id"]
    async with over_stdio(place, tmp_path, "--embedded") as client:
        watched = await answer(client, "watch", task_id=task_id)
    assert watched["task"]["status"] == "completed"


async def test_the_configuration_in_the_document_works(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(DOCUMENT) if block.saved_as == "mcp.json"]
    server = Serving(tmp_path / "data", {})
    await server.start()
    try:
        configured = json.loads(block.text.replace("8003", str(server.port)))["mcpServers"]
        for found in (configured["agent03"], configured["agent03-alone"]):
            program = [str(Path(sys.executable).parent / found["command"]), *found["args"]]
            async with over_stdio(found["env"], tmp_path, program=program) as client:
                assert (await answer(client, "tasks"))["tasks"] == []
        async with over_http(configured["agent03-http"]["url"]) as client:
            assert (await answer(client, "tasks"))["tasks"] == []
    finally:
        server.discard()


async def test_without_a_server_every_tool_says_what_to_do(tmp_path: Path) -> None:
    async with over_stdio({"ENGINE_URL": f"http://127.0.0.1:{free_port()}"}, tmp_path) as client:
        assert "agent03 serve" in await refusal(client, "tasks")
