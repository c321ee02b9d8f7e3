"""The server's jars: fetched once by Maven from ``pom.xml`` beside this file, kept in the user's cache.

The folder appears by one rename, so it is whole or not there; a lock lets one of several starters do the work.
The jars stay where Maven put them: they are GPL and run as their own process, and are never shipped with this code.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from graph.server.errors import JarsUnavailable
from graph.server.java import find_maven
from graph.server.lock import held

POM = Path(__file__).with_name("pom.xml")
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAVEN_SECONDS = 900


def ensure_jars(cache: Path, environ: Mapping[str, str]) -> Path:
    """The folder with all jars, flat; fetches them when they are not in the cache yet.

    Args:
        cache: folder of this Neo4j version, see ``spec.jar_cache``.
        environ: environment for Maven.

    Raises:
        ToolsMissing: they have to be fetched and Maven is not installed.
        JarsUnavailable: Maven failed.
    """
    folder = cache / "lib"
    if folder.is_dir():
        return folder
    maven = find_maven(environ)
    with held(cache / "lock", MAVEN_SECONDS):
        if not folder.is_dir():
            _fetch(maven, folder, environ)
    return folder


def _fetch(maven: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Lets Maven fill a folder beside ``folder``, then renames it."""
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as work:
        # Maven may write beside the pom, and the package's own folder may be read-only.
        pom = Path(shutil.copy(POM, work))
        fetched = Path(work) / "lib"
        _run_maven(maven, pom, fetched, environ)
        if not any(fetched.glob("neo4j-server-*.jar")):
            raise JarsUnavailable(f"Maven ended well but left no Neo4j server in {fetched}; is {POM} changed?")
        fetched.rename(folder)


def _run_maven(maven: str, pom: Path, fetched: Path, environ: Mapping[str, str]) -> None:
    command = [maven, "--batch-mode", "--quiet", "-Dstyle.color=never", "--file", str(pom), GOAL]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={fetched}"]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            cwd=pom.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=MAVEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise JarsUnavailable(f"Maven took longer than {MAVEN_SECONDS} s; check the network, start again.") from None
    if done.returncode != 0:
        first = next((line for line in done.stdout.splitlines() if line.strip()), "it said nothing")
        raise JarsUnavailable(
            f"Maven could not fetch the Neo4j jars ({first.strip()[:300]}); check the network and ~/.m2/settings.xml,"
            " then start again."
        )
