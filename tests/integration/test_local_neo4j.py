"""The local Neo4j for real: start, find it again, stop, come back with the data, recover from a kill.

One server serves them all; the fixture brings it back after a test that ended it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString, cast
from urllib.parse import urlsplit
from urllib.request import urlopen

import httpx2
import neo4j
import psutil
import pytest
from playwright.async_api import Playwright, async_playwright

from api import open_engine, schemas
from engine.settings import Settings
from graph.server import LocalNeo4jError, Server, State, Stopped, start
from tests.support.live import live_server
from tests.support.services import LocalNeo4j, Neo4jService, docker_answers, eventually

REPOSITORY = Path(__file__).parents[2]


def run(server: Server | Neo4jService, statement: LiteralString, **parameters: object) -> list[dict[str, object]]:
    """One statement over Bolt."""
    with neo4j.GraphDatabase.driver(server.url, auth=(server.user, server.password)) as driver:
        records, _, _ = driver.execute_query(statement, parameters)
        return [dict(record) for record in records]


def running(local: LocalNeo4j) -> Server:
    server = local.status().server
    assert server is not None
    return server


def test_the_server_of_the_run_answers_and_keeps_namespaces(neo4j_server: Neo4jService, namespace: str) -> None:
    run(neo4j_server, "CREATE (:Probe {namespace: $namespace})", namespace=namespace)

    (found,) = run(neo4j_server, "MATCH (p:Probe {namespace: $namespace}) RETURN count(p) AS n", namespace=namespace)

    assert found == {"n": 1}


def test_it_is_a_community_server_of_the_pinned_line(neo4j_server: Neo4jService) -> None:
    (found,) = run(neo4j_server, "CALL dbms.components() YIELD versions, edition RETURN versions[0] AS v, edition")

    assert found["edition"] == "community"
    assert str(found["v"]).startswith("5.26.")


def test_status_and_a_second_start_find_the_first(own_neo4j: LocalNeo4j) -> None:
    server = running(own_neo4j)

    again = start(own_neo4j.spec)

    assert again.already_running
    assert again.server == server
    assert own_neo4j.status().state is State.RUNNING
    assert server.url in own_neo4j.status().detail
    assert server.password not in own_neo4j.status().detail + repr(server)


def test_jars_are_one_netty_and_one_neo4j(own_neo4j: LocalNeo4j) -> None:
    names = [jar.name for jar in (own_neo4j.spec.cache / "lib").glob("*.jar")]
    netty = {match[1] for name in names if (match := re.match(r"netty-(?!tcnative)[a-z0-9-]+?-(\d[\d.]+\d)\.", name))}

    assert netty == {"4.1.137"}
    assert {"neo4j-server-5.26.30.jar", "neo4j-browser-5.24.0.jar"} <= set(names)


def test_asking_for_other_ports_while_it_runs_is_refused(own_neo4j: LocalNeo4j) -> None:
    server = running(own_neo4j)

    with pytest.raises(LocalNeo4jError, match=f"already runs at {server.url}.*stop it to change its ports"):
        start(replace(own_neo4j.spec, bolt_port=server.bolt_port + 1))


def test_it_runs_on_its_own_on_loopback_with_its_secret_kept(own_neo4j: LocalNeo4j) -> None:
    server = running(own_neo4j)
    process = psutil.Process(server.pid)
    folder = own_neo4j.spec.folder

    assert os.getsid(server.pid) == server.pid
    listening = {c.laddr.port: c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert set(listening) == {server.bolt_port, server.http_port}
    assert {ip.removeprefix("::ffff:") for ip in listening.values()} == {"127.0.0.1"}
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert server.password not in " ".join(process.cmdline())
    state = json.loads((folder / "state.json").read_text())
    assert (state["pid"], state["bolt_port"], state["http_port"]) == (server.pid, server.bolt_port, server.http_port)
    assert server.password not in json.dumps(state)


async def test_the_browser_is_served_and_leads_to_bolt(own_neo4j: LocalNeo4j) -> None:
    server = running(own_neo4j)

    def get(url: str) -> str:
        try:
            with urlopen(url, timeout=5) as answer:
                return str(answer.read(), "utf-8")
        except OSError as error:
            raise AssertionError(f"{url}: {error}") from error

    page = await eventually(lambda: asyncio.to_thread(get, server.browser), 20)
    discovery = await asyncio.to_thread(get, f"http://127.0.0.1:{server.http_port}/")

    assert "Neo4j Browser" in page
    assert list((own_neo4j.spec.folder / "tmp").iterdir()), "what the web server unpacks stays in the folder"
    assert f":{server.bolt_port}" in json.loads(discovery)["bolt_direct"]


async def test_the_browser_shows_a_task_in_the_colours_of_the_engine_from_its_link(
    own_neo4j: LocalNeo4j, namespace: str, tmp_path: Path
) -> None:
    server, engine_url = running(own_neo4j), own_neo4j.spec.engine_url
    settings = Settings.model_validate(
        {
            "data_path": tmp_path,
            "namespace": namespace,
            "neo4j_url": server.url,
            "neo4j_auth": server.auth,
            "neo4j_browser_url": server.browser,
        }
    )
    good = {"key": "good", "type": "noop"}
    bad = {"key": "bad", "type": "calculate", "input": {"expression": "1/0"}, "dependencies": ["good"]}
    async with open_engine(settings) as engine, live_server(engine, port=urlsplit(engine_url).port or 0) as live:
        task_id = (await engine.submit({"plan": {"subtasks": [good, bad]}})).task_id
        await engine.wait(task_id)
        saved = await asyncio.to_thread(run_saved_queries, server, task_id)
        async with httpx2.AsyncClient(base_url=live.url) as client:
            shown = schemas.TaskDocument.model_validate_json((await client.get(f"/tasks/{task_id}")).content)
        assert shown.task.browser_url is not None
        async with async_playwright() as playwright:
            circles, guide = await look_at(playwright, shown.task.browser_url, server.password)

    assert saved.pop("paint") == 2
    assert [name for name, rows in saved.items() if not rows and name != "repeated"] == []
    assert circles == {"good": "#86efac", "bad": "#f87171"}, "green and red, by style.grass"
    assert f":style {engine_url}/browser/style.grass" in guide
    assert "// Latest tasks" in guide


def run_saved_queries(server: Server, task_id: str) -> dict[str, int]:
    """How many rows each of the saved queries gives; the one that takes the colours away is run first."""
    files = sorted((REPOSITORY / "ops" / "neo4j-browser").glob("*.cypher"), key=lambda file: file.stem != "unpaint")
    parameters = {"task": task_id, "key": "good"}
    return {file.stem: len(run(server, cast(LiteralString, file.read_text("utf-8")), **parameters)) for file in files}


async def look_at(playwright: Playwright, link: str, password: str) -> tuple[dict[str, str], str]:
    """Opens Neo4j Browser at a link, logs in and runs what stands in its editor: nodes with their colour, and the guide
    that it has fetched.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium: make browser installs it")
    browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    try:
        page = await browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        await page.goto(link)
        await page.fill("[data-testid=username]", "neo4j")
        await page.fill("[data-testid=password]", password)
        await page.click("[data-testid=connect]")
        await page.get_by_text("What the engine keeps in this database").first.wait_for()
        await page.click("[data-testid=editor-Run]")
        await page.locator("g.node text", has_text="bad").first.wait_for()
        nodes = await page.evaluate(
            """() => [...document.querySelectorAll("g.node")].map((node) =>
              [node.querySelector("text").textContent.trim(), node.querySelector(".b-outline").getAttribute("fill")])"""
        )
        return dict(nodes), "\n".join(await page.locator(".slide").all_inner_texts())
    finally:
        await browser.close()


def test_only_the_kept_password_opens_it(own_neo4j: LocalNeo4j) -> None:
    server = running(own_neo4j)
    kept = own_neo4j.spec.folder / "password"
    password = kept.read_text()

    kept.write_text("wrong-password\n")
    try:
        refused = own_neo4j.status()
        with pytest.raises(LocalNeo4jError, match=r"refuses the password in .*password"):
            start(replace(own_neo4j.spec, start_seconds=0.1))
    finally:
        kept.write_text(password)

    assert refused.state is State.SILENT
    assert running(own_neo4j) == server


def test_a_stop_is_clean_and_a_start_comes_back_on_the_same_ports_with_the_data(
    own_neo4j: LocalNeo4j, namespace: str
) -> None:
    before = running(own_neo4j)
    run(before, "CREATE (:Probe {namespace: $namespace})", namespace=namespace)

    assert own_neo4j.stop() is Stopped.CLEAN

    assert not psutil.pid_exists(before.pid)
    assert own_neo4j.status().state is State.STOPPED
    assert own_neo4j.stop() is Stopped.NOT_RUNNING
    after = own_neo4j.start()
    assert (after.url, after.browser, after.auth) == (before.url, before.browser, before.auth)
    assert after.pid != before.pid
    assert run(after, "MATCH (p:Probe {namespace: $n}) RETURN count(p) AS n", n=namespace) == [{"n": 1}]


def test_after_kill_9_it_is_dead_and_a_start_recovers_what_was_committed(own_neo4j: LocalNeo4j, namespace: str) -> None:
    before = running(own_neo4j)
    run(before, "UNWIND range(1, 100) AS i CREATE (:Probe {namespace: $namespace, i: i})", namespace=namespace)

    own_neo4j.kill()

    dead = own_neo4j.status()
    assert (dead.state, dead.server) == (State.DEAD, None)
    assert str(before.pid) in dead.detail
    after = own_neo4j.start()
    assert after.url == before.url
    assert run(after, "MATCH (p:Probe {namespace: $n}) RETURN count(p) AS n", n=namespace) == [{"n": 100}]


def test_a_frozen_server_is_silent_and_still_stops_cleanly_and_many_starters_bring_up_one(
    own_neo4j: LocalNeo4j,
) -> None:
    own_neo4j.pause()

    silent = own_neo4j.status()

    assert silent.state is State.SILENT
    assert silent.server is not None
    assert "does not answer" in silent.detail
    with pytest.raises(LocalNeo4jError, match="stop it and start it again"):
        start(replace(own_neo4j.spec, start_seconds=0.1))
    assert own_neo4j.stop() is Stopped.CLEAN

    pids: list[int] = []
    starters = [threading.Thread(target=lambda: pids.append(start(own_neo4j.spec).server.pid)) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(100)
    assert len(pids) == 3
    assert set(pids) == {own_neo4j.start().pid}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a machine without Docker, with a Java and a Maven that fetches nothing."""
    for name, script in {"java": "echo 'version \"17.0.1\"' >&2", "mvn": "echo offline; exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "test_it.py").write_text("def test_it(neo4j_server): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    yield {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(REPOSITORY),
        "DOCKER_HOST": "unix:///nowhere.sock",
    }


def pytest_run(environ: dict[str, str], folder: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rs", "test_it.py"]
    command += options
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_run_elsewhere_skips_with_one_sentence(machine: dict[str, str], tmp_path: Path) -> None:
    code, told = pytest_run(machine, tmp_path)

    assert code == 0, told
    assert "no Neo4j for this test: Maven could not fetch the Neo4j jars (offline)" in told


def test_a_run_in_ci_fails_when_it_skipped_although_java_and_maven_are_there(
    machine: dict[str, str], tmp_path: Path
) -> None:
    code, told = pytest_run({**machine, "CI": "true"}, tmp_path, "-n", "1")

    assert code == 1, told
    assert "Neo4j tests were skipped in CI although" in told


def test_a_run_in_ci_passes_where_there_is_no_java(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "java").unlink()

    # The machine's own Java must not be found either.
    code, told = pytest_run({**machine, "CI": "true", "PATH": str(tmp_path)}, tmp_path)

    assert code == 0, told
    assert "no java is on the PATH" in told


def test_a_docker_engine_that_is_not_there_is_seen_at_once() -> None:
    assert not docker_answers({"DOCKER_HOST": "unix:///nowhere.sock"})
    assert not docker_answers({"DOCKER_HOST": "tcp://127.0.0.1:1"})


KILLED_RUN = """
import os, signal, subprocess
from tests.support.services import Guard
server = subprocess.Popen(["sleep", "600"], start_new_session=True)
Guard(server.pid)
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_what_a_killed_run_had_started_ends_with_it() -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_RUN, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await run.communicate()

    assert run.returncode == -signal.SIGKILL
    await eventually(lambda: not psutil.pid_exists(int(told)))
