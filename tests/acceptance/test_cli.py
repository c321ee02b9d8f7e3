"""The command line as a user meets it: real processes, their output, and their exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api import schemas
from tests.support.services import Neo4jService, eventually
from tests.support.serving import plain_client

COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]
SECONDS = 60.0
NUMBERS = {"key": "numbers", "type": "noop", "input": [1, 2, 3]}
SQUARE = {
    "key": "square",
    "type": "calculate",
    "map": {"over": "{{subtasks.numbers.output}}"},
    "input": {"expression": "n ** 2", "variables": {"n": "{{item}}"}},
    "dependencies": ["numbers"],
}
ALL = {"key": "all", "type": "noop", "input": "{{previous_output}}", "dependencies": ["square"]}
GOOD = {"name": "squares", "plan": {"subtasks": [NUMBERS, SQUARE, ALL]}}
BAD = {
    "plan": {
        "subtasks": [
            {"key": "bad", "type": "calculate", "input": {"expression": "1 / 0"}},
            {"key": "below", "type": "noop", "dependencies": ["bad"]},
        ]
    }
}
LONG = {"plan": {"subtasks": [{"key": "long", "type": "sleep", "input": {"seconds": 60}}]}}


@dataclass(frozen=True)
class Cli:
    """Runs the command in a folder of its own, with nothing but the given settings."""

    folder: Path
    settings: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ
        }
        root = str(Path(__file__).parents[2])
        data = {"DATA_PATH": str(self.folder / "data"), "FILE_ROOTS": str(self.folder), "PYTHONPATH": root}
        return inherited | data | {"SHUTDOWN_GRACE_SECONDS": "0.3", "EMBEDDED_BUFFER_MB": "128"} | self.settings

    def __call__(self, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=self.folder,
            env=self.environment | settings,
        )

    def plan(self, body: Any, name: str = "plan.json") -> str:
        file = self.folder / name
        file.write_text(body if isinstance(body, str) else json.dumps(body))
        return str(file)

    @asynccontextmanager
    async def started(self, *arguments: str, until: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that runs meanwhile; entered when a line with ``until`` stands on its stderr."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS):
                await _line(process, until)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def cli_on_graph(request: pytest.FixtureRequest, folder: Path, namespace: str, timeout_seconds: int) -> Cli:
    """The command on the graph that a fixture's parameter names, "embedded" or "neo4j"; an engine that says nothing
    for that long counts as gone.
    """
    settings = {"NAMESPACE": namespace, "ENGINE_TIMEOUT_SECONDS": str(timeout_seconds)}
    if request.param == "neo4j":
        server: Neo4jService = request.getfixturevalue("neo4j_server")
        settings |= {"NEO4J_URL": server.url, "NEO4J_AUTH": server.auth}
    return Cli(folder, settings)


async def _line(process: asyncio.subprocess.Process, part: str) -> str:
    assert process.stderr
    seen: list[str] = []
    while line := (await process.stderr.readline()).decode():
        seen.append(line)
        if part in line:
            return line
    raise AssertionError(f"{part!r} never came: {''.join(seen)}")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path, {})


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The only line of a command that ended with an expected error."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


# --- run -------------------------------------------------------------------------------------------------------------


def test_run_prints_the_result_on_stdout_and_the_rest_on_stderr(cli: Cli) -> None:
    done = cli("run", cli.plan(GOOD))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"value": 1}, {"value": 4}, {"value": 9}]
    lines = done.stderr.splitlines()
    assert "[1/3] numbers completed" in lines
    assert any(line.endswith("square[2] completed") for line in lines)
    assert lines[-1].endswith("completed: 6 completed")
    assert "\x1b" not in done.stderr


def test_run_with_json_prints_what_the_api_would(cli: Cli) -> None:
    done = cli("run", cli.plan(GOOD), "--json", "--parallel", "2")
    document = schemas.TaskDocument.model_validate_json(done.stdout)
    assert (document.task.name, document.task.subtasks) == ("squares", {"completed": 6})


def test_run_reads_yaml_and_stdin(cli: Cli) -> None:
    text = "plan:\n  subtasks:\n    - {key: a, type: noop, input: on}\n"
    assert cli("run", cli.plan(text, "plan.yaml")).stdout == "on\n"
    assert cli("run", "-", stdin=text).stdout == "on\n"


def test_a_failed_task_is_exit_1_and_says_what_failed(cli: Cli) -> None:
    done = cli("run", cli.plan(BAD))
    assert done.returncode == 1
    assert "bad" in done.stdout
    assert "Traceback" not in done.stderr
    assert "[2/2] below blocked" in done.stderr
    document = schemas.TaskDocument.model_validate_json(cli("run", cli.plan(BAD), "--json").stdout)
    assert document.task.status == "failed"


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "No such file"), ('{"plan": ', "not usable JSON"), ("", "is empty"), ("a: [", "neither usable JSON")],
)
def test_a_missing_or_malformed_file_is_one_line_and_exit_2(cli: Cli, text: str | None, said: str) -> None:
    name = "plan.yaml" if text == "a: [" else "plan.json"
    path = cli.plan(text, name) if text is not None else str(cli.folder / name)
    line = one_line(cli("run", path), 2)
    assert path in line
    assert said in line
    assert not (cli.folder / "data").exists(), "nothing was opened"


def test_a_faulty_plan_is_exit_2_with_a_line_for_each_fault(cli: Cli) -> None:
    done = cli("run", "-", stdin='{"plan": {"subtasks": [{"key": "a", "type": "nop"}, {"key": "a", "type": "noop"}]}}')
    assert done.returncode == 2
    assert done.stdout == ""
    assert "/plan/subtasks/0/type" in done.stderr
    assert "/plan/subtasks/1/key" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_is_kept_and_goes_on(cli: Cli, number: signal.Signals) -> None:
    body = {"plan": {"subtasks": [{"key": "first", "type": "noop"}, *LONG["plan"]["subtasks"]]}}
    async with cli.started("run", cli.plan(body), until="first completed") as process:
        process.send_signal(number)
        line = await _line(process, "is kept in")
        assert await process.wait() == 130
    task_id = line.split()[1]
    assert "agent03 serve" in line
    async with cli.started("serve", "--port", "0", until="listens") as server, _client(cli, server) as client:
        task = (await client.get(f"/tasks/{task_id}")).json()["task"]
        assert task["status"] == "processing"
        assert (await client.post(f"/tasks/{task_id}/cancel")).status_code == 200
        server.terminate()
        assert await server.wait() == 0


def test_on_a_terminal_the_progress_is_live(cli: Cli) -> None:
    primary, secondary = os.openpty()
    environment = cli.environment | {"TERM": "xterm", "COLUMNS": "100"}
    command = [*COMMAND, "run", cli.plan(GOOD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=secondary, env=environment) as process:
        os.close(secondary)
        drawn = _all_of(primary)
        assert process.stdout
        assert json.loads(process.stdout.read()) == [{"value": 1}, {"value": 4}, {"value": 9}]
    os.close(primary)
    assert "6/6" in drawn
    assert "\x1b[" in drawn


def _all_of(terminal: int) -> str:
    """What is written to a terminal until nobody holds its other end."""
    found = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536):
            found += part
    return found.decode()


# --- settings and back ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("serve",), ("run", "-"), ("doctor",), ("neo4j", "status")])
def test_a_wrong_setting_is_one_line_that_names_it_and_exit_2(cli: Cli, command: tuple[str, ...]) -> None:
    assert "BACKEND_PORT=80x" in one_line(cli(*command, stdin=json.dumps(GOOD), BACKEND_PORT="80x"), 2)


def test_an_env_file_counts_only_when_it_is_named(cli: Cli) -> None:
    file = cli.folder / ".env"
    file.write_text("LOG_LEVEL=loud\n")
    assert cli("doctor").returncode == 0
    assert "LOG_LEVEL=loud" in one_line(cli("doctor", "--env-file", str(file)), 2)
    assert "absent.env" in one_line(cli("doctor", "--env-file", "absent.env"), 2)


def test_neo4j_unreachable_is_one_line_and_exit_3(cli: Cli) -> None:
    settings = {"NEO4J_URL": "bolt://127.0.0.1:9", "NEO4J_START_TIMEOUT_SECONDS": "0.5"}
    for command in (("serve", "--port", "0"), ("run", cli.plan(GOOD))):
        line = one_line(cli(*command, **settings), 3)
        assert "bolt://127.0.0.1:9" in line
        assert "NEO4J_URL" in line


def test_a_wrong_password_is_one_line_and_exit_3(cli: Cli, neo4j_server: Neo4jService) -> None:
    settings = {"NEO4J_URL": neo4j_server.url, "NEO4J_AUTH": "neo4j/not-the-password"}
    line = one_line(cli("run", cli.plan(GOOD), **settings), 3)
    assert "NEO4J_AUTH" in line
    assert "not-the-password" not in line


def test_a_run_on_neo4j(cli: Cli, neo4j_server: Neo4jService, namespace: str) -> None:
    settings = {"NEO4J_URL": neo4j_server.url, "NEO4J_AUTH": neo4j_server.auth, "NAMESPACE": namespace}
    done = cli("run", cli.plan(GOOD), **settings)
    assert done.returncode == 0, done.stderr
    doctor = json.loads(cli("doctor", "--json", **settings).stdout)
    assert doctor["ok"], doctor
    assert any("bolt://" in check["detail"] for check in doctor["checks"])


def test_a_taken_port_is_one_line_and_exit_3_before_anything_is_opened(cli: Cli, taken_port: int) -> None:
    line = one_line(cli("serve", "--port", str(taken_port)), 3)
    assert str(taken_port) in line
    assert not (cli.folder / "data").exists()


def test_an_unknown_host_is_one_line_and_exit_3(cli: Cli) -> None:
    assert "--host" in one_line(cli("serve", "--host", "no.such.host.invalid", "--port", "0"), 3)


async def test_an_embedded_graph_in_use_is_one_line_that_names_the_holder(cli: Cli) -> None:
    async with cli.started("serve", "--port", "0", until="listens") as server:
        for command in (("run", cli.plan(GOOD)), ("serve", "--port", "0")):
            line = one_line(await asyncio.to_thread(cli, *command), 3)
            assert str(server.pid) in line
        done = await asyncio.to_thread(cli, "doctor")
        assert done.returncode == 3
        assert str(server.pid) in done.stdout


# --- serve -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _client(cli: Cli, server: asyncio.subprocess.Process) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that was started on a free port."""
    port = await eventually(lambda: _port(server.pid))
    async with plain_client(port) as client:
        yield client


def _port(pid: int) -> int:
    import psutil

    listening = [each for each in psutil.Process(pid).net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return int(listening[0].laddr.port) if listening else 0


async def test_serve_drains_on_sigterm(cli: Cli) -> None:
    async with cli.started("serve", "--port", "0", until="listens") as server, _client(cli, server) as client:
        body = {"plan": {"subtasks": [{"key": "short", "type": "sleep", "input": {"seconds": 0.1}}]}}
        task_id = (await client.post("/tasks", json=body)).json()["task_id"]
        await eventually(lambda: _has(client, task_id, "processing"))
        server.terminate()
        await _line(server, "draining")
        assert await server.wait() == 0
    document = json.loads(cli("doctor", "--json").stdout)
    assert document["ok"], document
    async with cli.started("serve", "--port", "0", until="listens") as server, _client(cli, server) as client:
        await eventually(lambda: _has(client, task_id, "completed"))
        server.send_signal(signal.SIGINT)
        assert await server.wait() == 0


async def _has(client: httpx2.AsyncClient, task_id: str, status: str) -> bool:
    return bool((await client.get(f"/tasks/{task_id}")).json()["task"]["status"] == status)


async def test_serve_logs_json_lines_and_survives_kill_9(cli: Cli) -> None:
    process_of = Cli(cli.folder, {"LOG_FORMAT": "json"})
    async with process_of.started("serve", "--port", "0", until="listens") as server, _client(cli, server) as client:
        task_id = (await client.post("/tasks", json=GOOD, headers={"x-request-id": "r-1"})).json()["task_id"]
        line = json.loads(await _line(server, '"r-1"'))
        assert (line["event"], line["status"], line["path"]) == ("request", 200, "/tasks")
        await eventually(lambda: _has(client, task_id, "completed"))
        server.kill()
        await server.wait()
    async with process_of.started("serve", "--port", "0", until="listens") as server, _client(cli, server) as client:
        assert await _has(client, task_id, "completed")
        server.terminate()
        assert await server.wait() == 0


# --- undo ------------------------------------------------------------------------------------------------------------


def test_undo_puts_back_what_a_task_has_changed(cli: Cli) -> None:
    kept, made = cli.folder / "kept.txt", cli.folder / "made.txt"
    kept.write_text("before")
    steps = [
        {"key": "over", "type": "write_file", "input": {"path": "kept.txt", "content": "after"}},
        {"key": "new", "type": "write_file", "input": {"path": "made.txt", "content": "x"}, "dependencies": ["over"]},
    ]
    done = cli("run", cli.plan({"plan": {"subtasks": steps}}), "--json")
    task_id = json.loads(done.stdout)["task"]["id"]
    assert (kept.read_text(), made.exists()) == ("after", True)

    asked = cli("undo", task_id, "--dry-run")
    assert asked.stdout.split() == [str(kept), str(made)]
    assert kept.read_text() == "after"
    assert cli("undo", task_id).stdout == asked.stdout
    assert (kept.read_text(), made.exists()) == ("before", False)

    assert "outside" in one_line(cli("undo", task_id, FILE_ROOTS=str(cli.folder / "data")), 1)
    assert "changed none" in one_line(cli("undo", "01NOSUCHTASK"), 1)
    assert "no task id" in one_line(cli("undo", "../x"), 2)


# --- the rest --------------------------------------------------------------------------------------------------------


def test_doctor_finds_all_well_and_names_what_is_not(cli: Cli) -> None:
    well = cli("doctor")
    assert well.returncode == 0, well.stdout
    assert "ok    graph: embedded" in well.stdout
    ill = cli("doctor", REDIS_URL="redis://127.0.0.1:9/0")
    assert ill.returncode == 1
    assert "WRONG redis" in ill.stdout
    assert "-> start Redis or correct REDIS_URL" in ill.stdout
    gone = cli("doctor", "--json", NEO4J_URL="bolt://127.0.0.1:9", NEO4J_START_TIMEOUT_SECONDS="0.5")
    assert gone.returncode == 3
    assert json.loads(gone.stdout)["ok"] is False
    tools = cli("doctor", AGENT03_TOOLS="no_such_module")
    assert tools.returncode == 1
    assert "no_such_module" in tools.stdout


def test_neo4j_status_and_stop_without_a_server(cli: Cli) -> None:
    line = one_line(cli("neo4j", "status"), 3)
    assert "agent03 neo4j start" in line
    done = cli("neo4j", "stop")
    assert (done.returncode, done.stdout) == (0, "")
    assert "not running" in done.stderr


def test_version_help_and_wrong_usage(cli: Cli) -> None:
    assert cli("version").stdout.startswith("agent03-core-engine ")
    assert {"serve", "run", "demo", "doctor", "undo", "neo4j", "version"} <= set(cli("--help").stdout.split())
    for wrong in (("run",), ("nonsense",), ("run", "x", "--parallel", "0"), ("serve", "--port", "99999")):
        done = cli(*wrong)
        assert done.returncode == 2, wrong
        assert "Traceback" not in done.stderr
