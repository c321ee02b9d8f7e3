"""Folders and servers that cannot be used, by the command line: one line each, and nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.test_cli import GOOD, Cli, one_line
from tests.support.services import RedisProcess


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path, {})


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("run", "-"), ("doctor",), ("key", "list")])
@pytest.mark.parametrize("place", ["a file", "below a file", "where nobody may write"])
def test_a_data_folder_that_cannot_be_used_is_one_line_and_exit_2(
    cli: Cli, command: tuple[str, ...], place: str
) -> None:
    file = cli.folder / "taken"
    file.write_text("mine")
    path = {"a file": file, "below a file": file / "data"}.get(place, Path("/proc/agent03"))
    line = one_line(cli(*command, stdin=json.dumps(GOOD), DATA_PATH=str(path)), 2)
    assert f"DATA_PATH {path} cannot be used" in line
    assert file.read_text() == "mine"


def test_a_blob_store_that_cannot_be_used_is_one_line_and_exit_3(cli: Cli) -> None:
    assert "BLOB_PATH" in one_line(cli("run", "-", stdin=json.dumps(GOOD), BLOB_PATH="/proc/agent03"), 3)


def test_a_redis_that_lets_nobody_in_stops_no_task_and_is_told_without_its_password(cli: Cli, tmp_path: Path) -> None:
    guarded = RedisProcess(tmp_path, password="rightsecret")
    guarded.start()
    try:
        wrong = guarded.url.replace("rightsecret", "wrongsecret")
        for url in (wrong, guarded.url.replace("redis://", "rediss://"), "redis://127.0.0.1:9"):
            done = cli("run", "-", stdin=json.dumps(GOOD), REDIS_URL=url)
            assert done.returncode == 0, done.stderr
            assert "Redis is away" in done.stderr
            assert "Traceback" not in done.stderr
            assert "secret" not in done.stderr
            doctor = cli("doctor", REDIS_URL=url)
            assert (doctor.returncode, "REDIS_URL" in doctor.stdout) == (1, True), doctor.stdout
            assert "secret" not in doctor.stdout + doctor.stderr
    finally:
        guarded.stop()
