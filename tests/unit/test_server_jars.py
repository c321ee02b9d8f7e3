"""Fetching the jars once, whole or not at all. Maven is a script here; the integration tests run the real one."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graph.server import NEO4J_VERSION
from graph.server.errors import JarsUnavailable, ToolsMissing
from graph.server.jars import POM, ensure_jars

FIND_OUTPUT = 'for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done; mkdir -p "$out"'


def maven(folder: Path, script: str) -> dict[str, str]:
    """An environment whose ``mvn`` notes each call and then runs ``script`` with $out."""
    folder.mkdir(exist_ok=True)
    path = folder / "mvn"
    path.write_text(f"#!/bin/sh\necho called >> {folder}/calls\n{FIND_OUTPUT}\n{script}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


def test_the_pom_pins_the_version_that_the_cache_is_named_after() -> None:
    pom = ET.parse(POM)
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    pinned = {
        node.findtext("m:artifactId", "", space): node.findtext("m:version", "", space)
        for node in pom.iterfind(".//m:dependency", space)
    }

    assert pinned == {
        "netty-bom": "4.1.137.Final",
        "neo4j-bootcheck": NEO4J_VERSION,
        "neo4j-browser": "5.24.0",
    }


def test_a_second_call_takes_the_cache_and_needs_no_maven(tmp_path: Path) -> None:
    environ = maven(tmp_path / "bin", 'touch "$out/neo4j-server-1.jar"')

    first = ensure_jars(tmp_path / "cache", environ)
    second = ensure_jars(tmp_path / "cache", {"PATH": ""})

    assert first == second
    assert [jar.name for jar in first.iterdir()] == ["neo4j-server-1.jar"]
    assert calls(tmp_path / "bin") == 1


def test_starters_at_the_same_time_fetch_once(tmp_path: Path) -> None:
    environ = maven(tmp_path / "bin", 'sleep 0.2; touch "$out/neo4j-server-1.jar"')

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: ensure_jars(tmp_path / "cache", environ), range(4)))

    assert len(folders) == 1
    assert calls(tmp_path / "bin") == 1


def test_a_failed_maven_leaves_nothing_and_is_quoted(tmp_path: Path) -> None:
    environ = maven(tmp_path / "bin", 'touch "$out/half.jar"; echo "[ERROR] Could not resolve host"; exit 1')

    with pytest.raises(JarsUnavailable, match=r"Could not resolve host.*check the network"):
        ensure_jars(tmp_path / "cache", environ)

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_a_maven_that_brings_the_wrong_jars_is_not_believed(tmp_path: Path) -> None:
    environ = maven(tmp_path / "bin", 'touch "$out/other.jar"')

    with pytest.raises(JarsUnavailable, match="left no Neo4j server"):
        ensure_jars(tmp_path / "cache", environ)

    assert not (tmp_path / "cache" / "lib").exists()


def test_without_maven_the_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolsMissing, match="no mvn is on the PATH"):
        ensure_jars(tmp_path / "cache", {"PATH": str(tmp_path)})
