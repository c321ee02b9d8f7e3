"""``agent03 submit`` and ``agent03 task ...`` against a server that really runs: output, exit codes, errors."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from api import schemas
from tests.acceptance.test_cli import BAD, GOOD, Cli, _line, _port, one_line
from tests.support.services import eventually
from tests.support.serving import Serving, plain_client

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Desk:
    """Commands against one server."""

    cli: Cli
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, *arguments: str, stdin: str = "") -> Done:
        return await asyncio.to_thread(self.cli, *arguments, stdin=stdin, ENGINE_URL=self.url)

    async def ok(self, *arguments: str) -> str:
        done = await self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    async def subtask(self, task_id: str, key: str) -> schemas.SubtaskDetail:
        return schemas.SubtaskDetail.model_validate_json(await self.ok("task", "show", task_id, key, "--json"))

    async def task(self, task_id: str) -> schemas.Task:
        return schemas.TaskDocument.model_validate_json(await self.ok("task", "show", task_id, "--json")).task

    async def until(self, task_id: str, key: str, status: str) -> None:
        """Asks the API itself: it is asked often, and each command is a process."""
        async with plain_client(self.port) as client:

            async def there() -> bool:
                answer = (await client.get(f"/tasks/{task_id}/subtasks/{key}")).json()
                return bool(answer["subtask"]["status"] == status)

            await eventually(there, 60)


def lasting_desk(folder: Path) -> Iterator[Desk]:
    """A server for several tests, and commands against it."""
    cli = Cli(folder, {})
    server = Serving(folder, cli.environment | {"AGENT03_TOOLS": ""})
    asyncio.run(server.start())
    yield Desk(cli, server.port)
    server.discard()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One server for the tests of this file that do not end it; each looks at tasks of its own."""
    yield from lasting_desk(tmp_path_factory.mktemp("desk"))


@asynccontextmanager
async def desk_of(cli: Cli, port: int = 0) -> AsyncIterator[tuple[Desk, asyncio.subprocess.Process]]:
    """A server and commands against it; it is killed at the end."""
    async with cli.started("serve", "--port", str(port), until="listens") as server:
        found = await eventually(lambda: _port(server.pid))
        yield Desk(cli, found), server


def held(key: str, file: Path, *needs: str, **fields: Any) -> dict[str, Any]:
    """A subtask that runs until ``file`` is there."""
    script = f"while [ ! -e {file} ]; do sleep 0.05; done; echo went on"
    return {"key": key, "type": "shell", "input": {"argv": ["sh", "-c", script]}, "dependencies": list(needs), **fields}


def plan(*subtasks: dict[str, Any]) -> dict[str, Any]:
    return {"plan": {"subtasks": list(subtasks)}}


async def test_submit_and_wait_prints_the_result(desk: Desk) -> None:
    done = await desk("submit", desk.cli.plan(GOOD), "--wait")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"value": 1}, {"value": 4}, {"value": 9}]
    assert "[6/6]" in done.stderr
    assert done.stderr.strip().splitlines()[-1].endswith("completed: 6 completed")

    done = await desk("submit", "-", "--wait", "--json", stdin=json.dumps(GOOD))
    assert schemas.TaskDocument.model_validate_json(done.stdout).task.result[2] == {"value": 9}


async def test_a_task_that_failed_is_exit_1_and_a_faulty_one_exit_2(desk: Desk) -> None:
    done = await desk("submit", desk.cli.plan(BAD), "--wait")
    assert done.returncode == 1
    assert "bad: logic:" in done.stdout
    done = await desk("submit", desk.cli.plan({"plan": {"subtasks": [{"key": "a", "type": "noopp"}]}}))
    assert done.returncode == 2
    assert '/plan/subtasks/0/type: there is no subtask type "noopp"; did you mean "noop"?' in done.stderr
    done = await desk("submit", "tooo long" * 700 + " a sentence")
    assert done.returncode == 2
    assert "/description: " in done.stderr


async def test_a_sentence_is_a_task(desk: Desk) -> None:
    done = await desk("submit", "Calculate factorial of 10", "--wait")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"value": 3628800})


async def test_the_graph_is_asked_by_name_and_in_cypher(desk: Desk) -> None:
    await desk.ok("submit", desk.cli.plan(GOOD), "--wait")
    names = [line.split("\t")[0] for line in (await desk.ok("query")).splitlines()]
    assert {"critical_path", "ready_frontier"} < set(names)
    rows = [line.split("\t") for line in (await desk.ok("query", "tasks_by_owner", "limit=5")).splitlines()]
    assert rows[0][:2] == ["user_id", "tasks"]
    asked = await desk("query", "-", "x=[1]", stdin="RETURN $x AS list, 'a' AS text // why not")
    assert (asked.returncode, asked.stdout) == (0, "list\ttext\n[1]\ta\n")
    assert "DELETE may not come here" in one_line(await desk("query", "-", stdin="MATCH (n) DELETE n"), 2)


async def test_a_key_makes_one_task(desk: Desk) -> None:
    file = desk.cli.plan(GOOD | {"name": "keyed"})
    first = await desk("submit", file, "--idempotency-key", "k-1")
    again = await desk("submit", file, "--idempotency-key", "k-1")
    assert first.stdout == again.stdout
    assert "made by this key before" in again.stderr
    assert "agent03 task watch" in first.stderr
    other = await desk("submit", desk.cli.plan(BAD, "other.json"), "--idempotency-key", "k-1")
    assert "take a new key" in one_line(other, 1)
    assert "1 to 255" in one_line(await desk("submit", file, "--idempotency-key", "a b"), 2)

    task_id = first.stdout.strip()
    assert json.loads(await desk.ok("task", "watch", task_id)) == [{"value": 1}, {"value": 4}, {"value": 9}]
    header, newest, *_ = (await desk.ok("task", "list", "--status", "succeeded")).splitlines()
    assert (header.split()[:3], newest.split()[:3]) == (["ID", "STATUS", "DONE"], [task_id, "completed", "100%"])
    listed = json.loads(await desk.ok("task", "list", "--json"))
    assert [row["id"] for row in listed if row["name"] == "keyed"] == [task_id]
    shown = await desk.ok("task", "show", task_id)
    assert f"task {task_id} completed: 6 completed" in shown
    assert "square[2]" in shown
    assert '"value": 9' in await desk.ok("task", "show", task_id, "square[2]")


async def test_a_paused_task_starts_nothing_new_until_it_is_resumed(desk: Desk, tmp_path: Path) -> None:
    go = tmp_path / "go"
    body = plan(held("first", go), {"key": "next", "type": "noop", "input": 1, "dependencies": ["first"]})
    task_id = await desk.ok("submit", desk.cli.plan(body))
    await desk.until(task_id, "first", "processing")

    assert f"task {task_id} paused" in await desk.ok("task", "pause", task_id)
    assert "nothing of it starts: pausing" in await desk.ok("task", "show", task_id)
    go.touch()
    await desk.until(task_id, "next", "ready")
    assert (await desk.task(task_id)).gate == "paused"
    assert f"task {task_id} paused" in await desk.ok("task", "pause", task_id)
    assert f"task {task_id} " in await desk.ok("task", "resume", task_id)
    assert await desk.ok("task", "watch", task_id) == "1"


async def test_a_failed_subtask_is_retried_another_skipped_and_a_task_cancelled(desk: Desk, tmp_path: Path) -> None:
    go, late = tmp_path / "go", desk.cli.folder / "late.txt"
    bad = {"key": "bad", "type": "read_file", "input": {"path": str(late)}}
    worse = {"key": "worse", "type": "calculate", "input": {"expression": "1 / 0"}}
    below = {"key": "below", "type": "noop", "dependencies": ["bad"]}
    task_id = await desk.ok("submit", desk.cli.plan(plan(bad, worse, below, held("hold", go))))
    await desk.until(task_id, "below", "blocked")
    assert "what to do: " in await desk.ok("task", "show", task_id, "bad")

    late.write_text("here")
    await desk.ok("task", "retry", task_id, "bad")
    await desk.until(task_id, "below", "completed")
    await desk.until(task_id, "worse", "failed")
    await desk.ok("task", "skip", task_id, "worse")
    line = one_line(await desk("task", "skip", task_id, "below"), 1)
    assert line == "agent03: subtask below is completed, so skip is not possible; legal now: nothing"
    assert "cancelled" in await desk.ok("task", "cancel", task_id)
    assert "cancelled" in await desk.ok("task", "cancel", task_id)
    assert "legal now: rerun, delete" in one_line(await desk("task", "resume", task_id), 1)
    assert (await desk("task", "watch", task_id)).returncode == 1


async def test_what_a_crash_has_put_in_doubt_is_approved_or_rejected(tmp_path: Path) -> None:
    """``shell`` may have acted before its engine was killed, so a person decides about a repeat."""
    cli, go = Cli(tmp_path, {}), tmp_path / "go"
    async with desk_of(cli) as (desk, server):
        task_id = await desk.ok("submit", cli.plan(plan(held("one", go), held("two", go, critical=False))))
        for key in ("one", "two"):
            await desk.until(task_id, key, "processing")
        server.kill()
        await server.wait()
    async with desk_of(cli) as (desk, _):
        await desk.until(task_id, "two", "awaiting_approval")
        assert (await desk.subtask(task_id, "one")).subtask.reason == "interrupted"
        assert "processing, awaiting_approval" in await desk.ok("task", "list")
        go.touch()
        await desk.ok("task", "approve", task_id, "one", "--comment", "it only waits")
        await desk.ok("task", "reject", task_id, "two", "--comment", "not again")
        done = await desk("task", "watch", task_id)
        assert done.returncode == 0, done.stderr
        task = await desk.task(task_id)
        assert [(row.key, row.status.value) for row in task.warnings] == [("two", "failed")]
        two = (await desk.subtask(task_id, "two")).subtask
        assert two.error is not None
        assert (two.error.category, two.error.message) == ("permission", "rejected: not again")
        attempts = (await desk.subtask(task_id, "one")).attempts
        assert [attempt.outcome for attempt in attempts] == ["interrupted", "completed"]


async def test_watching_outlives_a_restart_and_ctrl_c_leaves_the_task_alone(tmp_path: Path, free_port: int) -> None:
    go, url = tmp_path / "go", f"http://127.0.0.1:{free_port}"
    cli = Cli(tmp_path, {"ENGINE_URL": url})
    body = plan({"key": "first", "type": "noop"}, held("second", go, "first", on_interrupt="retry"))
    async with desk_of(cli, free_port) as (desk, server):
        task_id = await desk.ok("submit", cli.plan(body))
        async with cli.started("task", "watch", task_id, until="first completed") as left:
            left.send_signal(signal.SIGINT)
            assert "the task goes on" in await _line(left, "not watching")
            assert await left.wait() == 130
        watching = cli.started("task", "watch", task_id, until="first completed")
        process = await watching.__aenter__()
        server.kill()
        await server.wait()
    try:
        await _line(process, "waiting up to")
        async with desk_of(cli, free_port):
            go.touch()
            assert "completed: 2 completed" in await _line(process, "completed: 2")
            assert await process.wait() == 0
    finally:
        await watching.__aexit__(None, None, None)


async def test_mistakes_are_one_line_each(desk: Desk, tmp_path: Path) -> None:
    for command in (("show",), ("watch",), ("cancel",), ("pause",), ("resume",)):
        line = one_line(await desk("task", command[0], "nobody"), 2)
        assert line.startswith("agent03: no task has the id 'nobody'")
    go = tmp_path / "go"
    task_id = await desk.ok("submit", desk.cli.plan(plan(held("a", go))))
    await desk.until(task_id, "a", "processing")
    for verb in ("retry", "skip", "approve", "reject"):
        assert "has no subtask 'b'" in one_line(await desk("task", verb, task_id, "b"), 2)
    assert "on_timeout needs timeout_seconds" in one_line(
        await desk("task", "pause", task_id, "--on-timeout", "cancel"), 2
    )
    assert 'did you mean "running"?' in one_line(await desk("task", "list", "--status", "runing"), 2)
    assert "cannot read absent.json" in one_line(await desk("submit", "absent.json"), 2)
    assert (await desk("task", "pause", task_id, "--mode", "gently")).returncode == 2
    go.touch()
    await desk.ok("task", "watch", task_id)


def test_nobody_there_is_one_line_and_exit_3(cli: Cli, stranger: str) -> None:
    for command in (("submit", cli.plan(GOOD)), ("task", "list"), ("task", "watch", "x"), ("task", "cancel", "x")):
        line = one_line(cli(*command, ENGINE_URL="http://127.0.0.1:9"), 3)
        assert "no server answers at http://127.0.0.1:9" in line
        assert "start one with 'agent03 serve', or set ENGINE_URL" in line
        assert "is no agent03 server" in one_line(cli(*command, ENGINE_URL=stranger), 3)
    assert "ENGINE_URL=localhost:8003 is not usable" in one_line(cli("task", "list", ENGINE_URL="localhost:8003"), 2)


def test_an_answer_that_gets_lost_names_the_key_to_send_again_with(cli: Cli, mute: str) -> None:
    line = one_line(cli("submit", cli.plan(GOOD), "--idempotency-key", "k-7", ENGINE_URL=mute), 3)
    assert "send it again with --idempotency-key k-7: it makes no second task" in line


def test_help_says_what_each_verb_does(cli: Cli) -> None:
    shown = cli("task", "--help").stdout
    verbs = {"list", "show", "watch", "cancel", "pause", "resume", "retry", "skip", "approve", "reject"}
    assert verbs <= set(shown.split())
    for verb in verbs:
        assert cli("task", verb, "--help").returncode == 0
    assert "SENTENCE" in cli("submit", "--help").stdout


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path, {})


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on; a restarted server takes it again."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as taken:
        return int(taken.server_address[1])


async def test_why_report_and_diff(desk: Desk, tmp_path: Path) -> None:
    go = tmp_path / "go"
    bad = {"key": "bad", "type": "calculate", "input": {"expression": "1 / 0"}}
    body = plan(held("first", go), {"key": "next", "type": "noop", "dependencies": ["first"]}, bad)
    task_id = await desk.ok("submit", desk.cli.plan(body))
    await desk.until(task_id, "first", "processing")
    await desk.until(task_id, "bad", "failed")

    told = await desk.ok("why", task_id, "next")
    assert told.startswith("next waits for first, which is processing: runs since ")
    assert [line.split()[:2] for line in told.splitlines()[2:]] == [
        ["SUBTASK", "STATUS"],
        ["next", "pending"],
        ["first", "processing"],
    ]
    whole = json.loads(await desk.ok("task", "why", task_id, "--json"))
    assert [(cause["code"], cause["key"]) for cause in whole["causes"]] == [("running", "first")]
    assert "no subtask 'nobody'" in one_line(await desk("task", "why", task_id, "nobody"), 2)

    go.touch()
    await desk("task", "watch", task_id)
    assert "The task has failed at " in await desk.ok("task", "why", task_id)
    report = await desk.ok("task", "report", task_id)
    assert "| `bad` | logic |" in report
    assert json.loads(await desk.ok("task", "report", task_id, "--json"))["failed"] == 1
    again = (await desk("task", "rerun", task_id, "--from", "start", "--wait")).stderr
    second = next(word for word in again.split() if len(word) == 26 and word != task_id)
    found = await desk.ok("task", "diff", task_id, second)
    assert found.startswith(f"{second} is a rerun of {task_id}. The plan is the same: 3 subtasks.")
    assert json.loads(await desk.ok("task", "diff", task_id, second, "--json"))["shape"]["same"]
    assert "no task has the id 'nobody'" in one_line(await desk("task", "diff", task_id, "nobody"), 2)


class Stranger(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


class Mute(Stranger):
    """Takes a request and hangs up."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.close_connection = True

    do_POST = do_GET


def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def stranger() -> Iterator[str]:
    """Some other web server."""
    yield from _served(Stranger)


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that never answers."""
    yield from _served(Mute)


async def test_a_task_and_a_plan_are_drawn_in_every_form(desk: Desk) -> None:
    body = plan(
        {"key": "list", "type": "noop", "input": [1, 2, 3]},
        {"key": "each", "type": "noop", "input": "{{item}}", "map": {"over": "{{subtasks.list.output}}"}},
        {"key": "bad", "type": "calculate", "input": {"expression": "1/0"}, "dependencies": ["list"]},
    )
    file = desk.cli.plan(body)
    task_id = (await desk("submit", file, "--wait", "--json")).stderr.split("task ")[-1].split()[0]

    tree = await desk.ok("task", "graph", task_id)
    assert [line.split()[:3] for line in tree.splitlines()] == [
        ["0", "✓", "list"],
        ["1", "✓", "each"],
        ["✓", "each[#]", "━━━━━━━━━━━━━━━━"],
        ["✗", "bad", "failed"],
    ]
    assert (await desk.ok("task", "graph", task_id, "--mermaid")).count("each[") == 3
    folded = await desk.ok("task", "graph", task_id, "--dot", "--collapse")
    assert 'label="✓ each[#]\\nnoop · 3 completed"' in folded
    assert ElementTree.fromstring(await desk.ok("task", "graph", task_id, "--svg")).tag.endswith("svg")
    assert "ask for one at a time" in one_line(await desk("task", "graph", task_id, "--svg", "--dot"), 2)
    assert "no task has the id" in one_line(await desk("task", "graph", "nobody", "--svg"), 2)

    timeline = await desk.ok("task", "show", task_id, "--timeline")
    lines = [line.split() for line in timeline.splitlines()]
    assert [line[1] if line[0] == "*" else line[0] for line in lines[1:3]] == ["list", "each"]
    assert any(line[0] == "bad" and line[-1] == "failed" for line in lines)
    rows = json.loads(await desk.ok("task", "show", task_id, "--timeline", "--json"))
    assert [row["key"] for row in rows if row["status"] == "completed"] == [
        "list",
        "each",
        *(f"each[{n}]" for n in range(3)),
    ]

    seen = (await desk.ok("top", "--once")).splitlines()
    assert seen[0].startswith("engine healthy, up ")
    assert seen[1].startswith("tasks open 0   slots 0/")
    assert re.search(r"\b[1-9]\d* logic\b", seen[4])

    assert '"○ each<br/>noop"]:::planned;' in await desk.ok("plan", "graph", file, "--mermaid")
    assert "/plan/subtasks: is missing" in (await desk("plan", "graph", "-", stdin='{"plan": {}}')).stderr
