"""Everything before the server's process starts: jars, ports, configuration, and the password of a new database."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from graph.server.classes import archive_flags, archive_path, keep, new_recording
from graph.server.config import ADMIN_ENTRY_POINT, argument_file, java_arguments, neo4j_conf
from graph.server.errors import LocalNeo4jError, StartFailed
from graph.server.jars import ensure_jars
from graph.server.java import Java, find_java
from graph.server.ports import choose
from graph.server.spec import ServerSpec
from graph.server.state import SavedState, create_password, read_password, read_state

ADMIN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Launch:
    """A server that is ready to be launched."""

    command: list[str]
    password: str
    state: SavedState


def prepare(spec: ServerSpec) -> Launch:
    """Writes the configuration and returns the command to run.

    Raises:
        LocalNeo4jError: one of its kinds, saying what is missing.
    """
    java = find_java(spec.environ)
    jars = ensure_jars(spec.cache, spec.environ)
    last = read_state(spec.folder)
    if last and last.recording:
        keep(Path(last.recording), whole=False)
    bolt_port, http_port = _ports(spec, last)
    _write_configuration(spec, bolt_port, http_port)
    has_data = (spec.folder / "data" / "databases" / "system").is_dir()
    password = _password(spec.folder, has_data)
    if not has_data:
        _set_initial_password(spec, java, jars)
    archive = archive_path(spec.cache, java)
    wanted = spec.record_classes and has_data and not archive.is_file()
    recording = new_recording(archive) if wanted else None
    arguments = java_arguments(jars.glob("*.jar"), spec.folder, spec.heap_mb, archive_flags(archive, recording))
    argument_path = spec.folder / "conf" / "java.args"
    argument_path.write_text(argument_file(arguments))
    state = SavedState(bolt_port=bolt_port, http_port=http_port, recording=str(recording or ""))
    return Launch([java.program, f"@{argument_path}"], password, state)


def _ports(spec: ServerSpec, last: SavedState | None) -> tuple[int, int]:
    reserved = {port for port in (spec.http_port,) if port}
    bolt = choose(spec.bolt_port, last.bolt_port if last else None, reserved)
    return bolt, choose(spec.http_port, last.http_port if last else None, {bolt})


def _write_configuration(spec: ServerSpec, bolt_port: int, http_port: int) -> None:
    shutil.rmtree(spec.folder / "tmp", ignore_errors=True)
    for name in ("conf", "data", "logs", "run", "import", "tmp"):
        (spec.folder / name).mkdir(parents=True, exist_ok=True)
    text = neo4j_conf(spec.folder, bolt_port, http_port, spec.heap_mb, spec.page_cache_mb, spec.engine_url)
    (spec.folder / "conf" / "neo4j.conf").write_text(text)


def _password(folder: Path, has_data: bool) -> str:
    """The kept password; a new one for a new database."""
    password = read_password(folder)
    if password:
        return password
    if has_data:
        path = folder / "password"
        raise LocalNeo4jError(f"{folder} holds a database but {path} is gone; write its password there again.")
    return create_password(folder)


def _set_initial_password(spec: ServerSpec, java: Java, jars: Path) -> None:
    """Lets Neo4j's own tool set it, through a file: a command line is there for everybody to read."""
    command = [java.program, "-cp", f"{jars}/*", f"-Dbasedir={spec.folder}", ADMIN_ENTRY_POINT]
    command += ["dbms", "set-initial-password", f"@{spec.folder / 'password'}"]
    environ = {**spec.environ, "NEO4J_HOME": str(spec.folder), "NEO4J_CONF": str(spec.folder / "conf")}
    try:
        subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ADMIN_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        told = str(error.output or error)[-400:].strip()
        raise StartFailed(f"Neo4j's admin tool did not set the first password: {told}") from None
