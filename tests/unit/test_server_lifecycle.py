"""Starts that fail, with a script in Java's place. What works is shown on the real server, in the integration tests."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from graph.server import LocalNeo4jError, ServerSpec, StartFailed, State, Stopped, ToolsMissing, start, status, stop


@pytest.fixture
def spec(tmp_path: Path) -> ServerSpec:
    """A server whose jars are there and whose Java is a script: ``-version`` and the admin tool work."""
    jars = tmp_path / "cache" / "lib"
    jars.mkdir(parents=True)
    (jars / "neo4j-server-1.jar").touch()
    spec = ServerSpec(tmp_path / "neo4j", tmp_path / "cache", {"PATH": f"{tmp_path}:/usr/bin:/bin"}, start_seconds=0.2)
    java(spec, "echo 'ERROR Failed to bind: disk full'; exit 1")
    return spec


def java(spec: ServerSpec, script: str, admin: str = "exit 0") -> None:
    path = Path(spec.environ["PATH"].split(":")[0]) / "java"
    branches = f"-version) echo 'openjdk version \"17.0.1\"' >&2;; @*) {script};; *) {admin};;"
    path.write_text(f'#!/bin/sh\ncase "$1" in {branches} esac\n')
    path.chmod(0o755)


def test_nothing_started_yet(spec: ServerSpec) -> None:
    assert status(spec).state is State.STOPPED
    assert "agent03 neo4j start" in status(spec).detail
    assert stop(spec) is Stopped.NOT_RUNNING
    assert not spec.folder.exists()


def test_no_java_changes_nothing_that_counts(spec: ServerSpec) -> None:
    with pytest.raises(ToolsMissing, match="apt-get install openjdk-17-jre-headless maven"):
        start(replace(spec, environ={"PATH": "/nowhere"}))

    assert status(spec).state is State.STOPPED


def test_a_server_that_ends_at_once_is_quoted_and_leaves_a_stopped_state(spec: ServerSpec) -> None:
    with pytest.raises(StartFailed, match=r"ended at once: ERROR Failed to bind: disk full .*console\.log"):
        start(spec)

    assert status(spec).state is State.STOPPED
    assert stop(spec) is Stopped.NOT_RUNNING


def test_a_server_that_never_answers_is_killed(spec: ServerSpec) -> None:
    java(spec, f"echo $$ > {spec.cache}/pid; exec sleep 600")

    with pytest.raises(StartFailed, match="did not answer within 0 s: it said nothing"):
        start(spec)

    pid = int((spec.cache / "pid").read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_given_port_that_is_taken_is_refused_before_anything_runs(spec: ServerSpec) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} of 127.0.0.1 is taken"):
            start(replace(spec, bolt_port=port))

    assert not (spec.folder / "password").exists()


def test_the_admin_tools_complaint_is_told(spec: ServerSpec) -> None:
    java(spec, "exit 0", admin="echo no space left; exit 1")

    with pytest.raises(StartFailed, match="did not set the first password: no space left"):
        start(spec)


def test_a_database_whose_password_is_gone_is_not_touched(spec: ServerSpec) -> None:
    (spec.folder / "data" / "databases" / "system").mkdir(parents=True)

    with pytest.raises(LocalNeo4jError, match=r"holds a database but .*password is gone"):
        start(spec)


def test_a_folder_that_cannot_be_made_is_named(spec: ServerSpec) -> None:
    (spec.cache / "file").touch()

    with pytest.raises(LocalNeo4jError, match=r"file.* cannot be used: "):
        start(replace(spec, folder=spec.cache / "file" / "neo4j"))


def test_a_process_that_is_gone_is_dead_until_stop_has_cleaned_up(spec: ServerSpec) -> None:
    spec.folder.mkdir()
    recording = spec.cache / "classes.jsa.1.new"
    recording.write_text("half an archive")
    lost = {"bolt_port": 20001, "http_port": 20002, "pid": 2**22 - 1, "started": 1.0, "recording": str(recording)}
    (spec.folder / "state.json").write_text(json.dumps(lost))

    assert status(spec).state is State.DEAD
    assert stop(spec) is Stopped.NOT_RUNNING
    assert status(spec).state is State.STOPPED
    assert not recording.exists()
