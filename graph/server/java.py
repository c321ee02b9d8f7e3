"""Finds Java and Maven, and says in one sentence what to install when they are not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graph.server.errors import ToolsMissing

OLDEST_JAVA = 17
HINT = "for example with `apt-get install openjdk-17-jre-headless maven`"
PROBE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that can run the server."""

    program: str
    version: str
    """As Java tells it, such as "17.0.15"."""


def major_version(version: str) -> int:
    """17 for "17.0.15", 8 for "1.8.0_402", 0 for what is no version."""
    found = re.match(r"(?:1\.)?(\d+)", version)
    return int(found.group(1)) if found else 0


def find_java(environ: Mapping[str, str]) -> Java:
    """The Java of JAVA_HOME, else of PATH.

    Raises:
        ToolsMissing: there is none, it does not run, or it is older than 17.
    """
    home = environ.get("JAVA_HOME", "")
    program = str(Path(home) / "bin" / "java") if home else _on_path("java", environ)
    if program is None:
        raise ToolsMissing(f"Neo4j runs on Java {OLDEST_JAVA} or later and no java is on the PATH; install it, {HINT}.")
    version = _version_of(program, environ)
    if major_version(version) < OLDEST_JAVA:
        raise ToolsMissing(
            f"Neo4j runs on Java {OLDEST_JAVA} or later and {program} is {version or 'no working Java'};"
            f" install a newer one, {HINT}, and put it first on the PATH or into JAVA_HOME."
        )
    return Java(program, version)


def find_maven(environ: Mapping[str, str]) -> str:
    """The path of ``mvn``.

    Raises:
        ToolsMissing: there is none.
    """
    program = _on_path("mvn", environ)
    if program is None:
        raise ToolsMissing(f"Maven fetches the Neo4j jars once and no mvn is on the PATH; install it, {HINT}.")
    return program


def _on_path(name: str, environ: Mapping[str, str]) -> str | None:
    return shutil.which(name, path=environ.get("PATH", ""))


def _version_of(program: str, environ: Mapping[str, str]) -> str:
    """What ``java -version`` says between its quotes; empty when it says nothing of the kind."""
    try:
        told = subprocess.run(
            [program, "-version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r'version "([^"]+)"', told.stderr + told.stdout)
    return found.group(1) if found else ""
