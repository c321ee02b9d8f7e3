"""The compose file through the real compose tool, the image's recipe, and the file of settings against the settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from engine.settings import Settings

REPOSITORY = Path(__file__).parents[2]
COMPOSE_FILE = REPOSITORY / "docker-compose.agent03.yml"
ENV_FILE = REPOSITORY / ".env.agent03"

DEFAULTS = Settings.model_validate({})
HOST_VALUES = {
    "NEO4J_URL": "bolt://localhost:7433",
    "NEO4J_BROWSER_URL": "http://localhost:7403/browser/",
    "REDIS_URL": "redis://localhost:6303/0",
}
"""What the file sets and a start without it does not: the published ports of the compose file."""


def compose_tool() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=30)
        if asked.returncode == 0:
            return ["docker", "compose"]
    pytest.skip("no compose tool to read the compose file with: apt-get install docker-compose")


def compose_config(*options: str) -> dict[str, Any]:
    """The file as compose understands it; nothing of this process's environment gets into it."""
    done = subprocess.run(
        [*compose_tool(), *options, "-f", str(COMPOSE_FILE), "config"],
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout))


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """The file with every variable filled in from .env.agent03."""
    return compose_config("--env-file", str(ENV_FILE), "--profile", "scale")


def published(service: dict[str, Any]) -> set[str]:
    """The ports as host:published->target, from the short and the long notation."""
    ports = set()
    for port in service.get("ports", []):
        if isinstance(port, str):
            host, outside, inside = port.removesuffix("/tcp").rsplit(":", 2)
            ports.add(f"{host}:{outside}->{inside}")
        else:
            ports.add(f"{port['host_ip']}:{port['published']}->{port['target']}")
    return ports


def folders(service: dict[str, Any]) -> dict[str, str]:
    """Folder inside the container -> folder on the host, relative to the repository."""
    pairs = {}
    for volume in service.get("volumes", []):
        if isinstance(volume, str):
            outside, inside = volume.split(":")[:2]
        else:
            outside, inside = volume["source"], volume["target"]
        pairs[inside] = str(Path(outside).relative_to(REPOSITORY))
    return pairs


def test_services_are_published_on_this_machine_only(resolved: dict[str, Any]) -> None:
    services = resolved["services"]

    assert published(services["engine"]) == {"127.0.0.1:8003->8003"}
    assert published(services["neo4j"]) == {"127.0.0.1:7403->7474", "127.0.0.1:7433->7687"}
    assert published(services["redis"]) == {"127.0.0.1:6303->6379"}
    assert published(services["engine-folders"]) == set()


def test_the_engine_waits_for_healthy_servers_on_their_network(resolved: dict[str, Any]) -> None:
    services = resolved["services"]

    waits = {name: needed["condition"] for name, needed in services["engine"]["depends_on"].items()}
    assert waits == {
        "neo4j": "service_healthy",
        "redis": "service_healthy",
        "engine-folders": "service_completed_successfully",
    }
    assert resolved["networks"]["agent03_network"]["name"] == "agent03_network"
    for name in ("engine", "neo4j", "redis"):
        assert list(services[name]["networks"]) == ["agent03_network"]
        assert services[name]["healthcheck"]["test"][0] == "CMD", name


def test_the_engine_gets_the_file_with_three_values_of_its_own(resolved: dict[str, Any]) -> None:
    environment = resolved["services"]["engine"]["environment"]
    written = {name: value for name, value in dotenv_values(ENV_FILE).items() if value}

    own = {name: environment[name] for name in ("BACKEND_HOST", "NEO4J_URL", "REDIS_URL")}
    assert own == {
        "BACKEND_HOST": "0.0.0.0",
        "NEO4J_URL": "bolt://neo4j:7687",
        "REDIS_URL": "redis://redis:6379/0",
    }
    assert {name: str(environment[name]) for name in written if name not in own} == {
        name: value for name, value in written.items() if name not in own
    }


def test_workers_start_when_they_are_asked_for_and_know_redis_alone() -> None:
    worker = compose_config("--profile", "workers", "--env-file", str(ENV_FILE))["services"]["worker"]

    assert worker["profiles"] == ["workers", "scale"]
    assert (worker["command"], worker["deploy"]["replicas"]) == (["worker"], 2)
    assert (worker["environment"]["REDIS_URL"], worker["environment"]["NEO4J_URL"]) == ("redis://redis:6379/0", "")
    assert str(worker["environment"]["WORKER_PORT"]) in worker["healthcheck"]["test"][3]
    assert published(worker) == set()
    assert int(worker["stop_grace_period"].removesuffix("s")) > DEFAULTS.shutdown_grace_seconds


def test_neo4j_gets_settings_it_knows_limits_and_the_engines_password(resolved: dict[str, Any]) -> None:
    neo4j, engine = resolved["services"]["neo4j"], resolved["services"]["engine"]
    names = set(neo4j["environment"])

    assert neo4j["image"] == "neo4j:5.26-community"
    assert not names & {name.upper() for name in Settings.model_fields} - {"NEO4J_AUTH"}
    assert {name.split("_")[1] for name in names - {"NEO4J_AUTH"}} <= {"server", "db", "dbms", "client", "browser"}
    assert {"NEO4J_server_memory_heap_max__size", "NEO4J_server_memory_pagecache_size"} <= names
    assert neo4j["mem_limit"]
    assert neo4j["environment"]["NEO4J_AUTH"] == engine["environment"]["NEO4J_AUTH"]


def test_it_resolves_to_the_same_without_the_file_of_settings(resolved: dict[str, Any]) -> None:
    assert compose_config("--profile", "scale") == resolved


def test_more_engines_are_started_only_where_they_are_asked_for(resolved: dict[str, Any]) -> None:
    written = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    scaled = {name for name, service in written.items() if "scale" in service.get("profiles", ())}

    assert scaled == {"api", "engine-2", "engine-3", "worker"} <= set(resolved["services"])


def test_engines_of_the_profile_share_the_graph_and_the_outputs_and_nothing_else(resolved: dict[str, Any]) -> None:
    services = resolved["services"]
    engine = services["engine"]
    parts = {name: services[name] for name in ("api", "engine-2", "engine-3")}

    for name, part in parts.items():
        assert part["environment"]["NEO4J_URL"] == engine["environment"]["NEO4J_URL"], name
        assert part["environment"]["NEO4J_AUTH"] == engine["environment"]["NEO4J_AUTH"], name
        assert part["environment"]["BLOB_PATH"] == f"/app/{DEFAULTS.data_path}/blobs", "where the first engine has them"
        assert folders(part) == folders(engine), name
    assert len({part["environment"]["DATA_PATH"] for part in parts.values()}) == len(parts)
    assert published(services["api"]) == {"127.0.0.1:8013->8003"}
    assert published(services["engine-2"]) == published(services["engine-3"]) == published(services["worker"]) == set()
    assert services["api"]["command"] == ["serve", "--no-engine"]
    assert services["worker"]["environment"]["NEO4J_URL"] == ""


def test_data_lies_under_the_data_folder_and_not_where_a_local_server_keeps_its_own(resolved: dict[str, Any]) -> None:
    places = [place for service in resolved["services"].values() for place in folders(service).values()]

    assert places
    assert all(place.startswith("data/agent03/compose/") for place in places)
    engine = folders(resolved["services"]["engine"])
    assert engine == folders(resolved["services"]["engine-folders"])
    assert f"/app/{DEFAULTS.data_path}" in engine
    assert f"/app/{Path(DEFAULTS.file_roots[0])}" in engine


def test_force_comes_after_the_engines_own_grace(resolved: dict[str, Any]) -> None:
    grace = resolved["services"]["engine"]["stop_grace_period"]

    assert int(grace.removesuffix("s")) > DEFAULTS.shutdown_grace_seconds


def instructions() -> list[str]:
    text = re.sub(r"\\\n", " ", (REPOSITORY / "Dockerfile").read_text())
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_the_image_runs_the_command_itself_as_nobody_special() -> None:
    final = instructions()
    final = final[max(i for i, line in enumerate(final) if line.startswith("FROM")) :]

    entry = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in final}
    assert json.loads(entry["ENTRYPOINT"]) == ["agent03"]
    assert json.loads(entry["CMD"]) == ["serve"]
    assert entry["STOPSIGNAL"] == "SIGTERM"
    assert entry["USER"] == "10003:10003"
    assert "/health/live" in entry["HEALTHCHECK"]
    compile(json.loads(entry["HEALTHCHECK"].split("CMD ", 1)[1])[2], "health check", "exec")


def test_the_image_takes_only_locked_versions() -> None:
    installs = [line for line in instructions() if "requirements.lock" in line and "pip install" in line]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]


def env_lines() -> list[str]:
    return ENV_FILE.read_text().splitlines()


def test_every_setting_is_in_the_file_and_every_variable_is_known() -> None:
    names = [line.split("=", 1)[0] for line in env_lines() if line and not line.startswith("#")]

    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_what_this_version_does_not_read_is_commented_out() -> None:
    reserved = {match[1] for line in env_lines() if (match := re.match(r"#([A-Z0-9_]+)=", line))}

    assert not reserved & {name.upper() for name in Settings.model_fields}


def test_each_variable_has_one_line_that_explains_it() -> None:
    lines = env_lines()
    explained = re.compile(r"# [^-].+\.$")

    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#?[A-Z0-9_]+=", line):
            assert explained.match(before), line


def test_the_file_says_the_defaults_except_for_the_published_ports() -> None:
    written = {name: value for name, value in dotenv_values(ENV_FILE, interpolate=False).items() if value}

    assert {name: written.pop(name) for name in HOST_VALUES} == HOST_VALUES
    assert Settings.model_validate({name.lower(): value for name, value in written.items()}) == DEFAULTS
