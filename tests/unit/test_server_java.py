"""Finding Java and Maven, and the sentence that says what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.server.errors import ToolsMissing
from graph.server.java import find_java, find_maven, major_version


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def java_of(folder: Path, version: str) -> Path:
    return program(folder, "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.mark.parametrize(
    ("version", "major"), [("17.0.15", 17), ("21", 21), ("25-ea", 25), ("1.8.0_402", 8), ("", 0), ("none", 0)]
)
def test_major_version(version: str, major: int) -> None:
    assert major_version(version) == major


def test_no_java_on_the_path_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ToolsMissing, match=r"no java is on the PATH.*apt-get install openjdk-17-jre-headless maven"):
        find_java({"PATH": str(tmp_path)})


def test_no_path_at_all_finds_nothing_either() -> None:
    with pytest.raises(ToolsMissing, match="no java is on the PATH"):
        find_java({})


def test_an_old_java_is_named_with_its_version(tmp_path: Path) -> None:
    java_of(tmp_path, "11.0.2")

    with pytest.raises(ToolsMissing, match=r"java is 11\.0\.2; install a newer one"):
        find_java({"PATH": str(tmp_path)})


def test_something_called_java_that_is_none(tmp_path: Path) -> None:
    program(tmp_path, "java", "exit 1")

    with pytest.raises(ToolsMissing, match="no working Java"):
        find_java({"PATH": str(tmp_path)})


def test_java_of_the_path(tmp_path: Path) -> None:
    path = java_of(tmp_path, "17.0.15")

    java = find_java({"PATH": str(tmp_path)})

    assert (java.program, java.version) == (str(path), "17.0.15")


def test_java_home_wins_over_the_path(tmp_path: Path) -> None:
    java_of(tmp_path / "old", "11")
    newer = java_of(tmp_path / "jdk" / "bin", "21.0.1")

    java = find_java({"PATH": str(tmp_path / "old"), "JAVA_HOME": str(tmp_path / "jdk")})

    assert java.program == str(newer)


def test_a_java_home_without_java_is_named(tmp_path: Path) -> None:
    java_of(tmp_path, "17")

    with pytest.raises(ToolsMissing, match="nowhere/bin/java is no working Java"):
        find_java({"PATH": str(tmp_path), "JAVA_HOME": str(tmp_path / "nowhere")})


def test_no_maven_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ToolsMissing, match=r"no mvn is on the PATH; install it, for example"):
        find_maven({"PATH": str(tmp_path)})
