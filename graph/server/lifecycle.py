"""Start, stop and look at a local Neo4j Community server. Three functions, each safe against a second caller.

The server belongs to its folder: a second start finds the first one by the process that ``state.json`` names (number
and start time) and by asking it over Bolt. All three functions block; call them from a thread where a loop runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from graph.server.classes import keep
from graph.server.errors import LocalNeo4jError, StartFailed
from graph.server.lock import held
from graph.server.ping import Answer, await_bolt, ping
from graph.server.prepare import prepare
from graph.server.process import ProcessId, launch
from graph.server.spec import Server, ServerSpec
from graph.server.state import SavedState, read_password, read_state, write_state

LOCK_SECONDS = 300.0
LOG_LINES = 3


class State(StrEnum):
    """How a local server stands."""

    RUNNING = "running"
    SILENT = "silent"
    """Its process is there and Bolt does not answer: it starts, hangs, or has another password."""
    DEAD = "dead"
    """Its process is gone without a stop."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """``server`` is there while a process runs; ``detail`` is a sentence for people."""

    state: State
    server: Server | None
    detail: str


@dataclass(frozen=True, slots=True)
class Started:
    """A server that answers; ``already_running`` when an earlier start had brought it up."""

    server: Server
    already_running: bool


class Stopped(StrEnum):
    """How a stop went."""

    CLEAN = "clean"
    KILLED = "killed"
    """It did not end in time; the next start recovers from its log."""
    NOT_RUNNING = "not running"


def start(spec: ServerSpec) -> Started:
    """Brings the server up, or finds it running, and returns when Bolt answers.

    Raises:
        ToolsMissing: Java 17 or Maven is not installed.
        JarsUnavailable: the jars could not be fetched.
        StartFailed: a given port is taken, or the server did not come up.
        LocalNeo4jError: it runs but cannot be used as asked.
    """
    try:
        spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with held(spec.folder / "lock", LOCK_SECONDS):
            running = _find_running(spec)
            return Started(running or _bring_up(spec), already_running=running is not None)
    except OSError as error:
        raise LocalNeo4jError(f"{error.filename or spec.folder} cannot be used: {error.strerror}.") from error


def stop(spec: ServerSpec) -> Stopped:
    """Ends the server: a request first, force after ``spec.stop_seconds``. Its ports are kept for the next start."""
    if not spec.folder.is_dir():
        return Stopped.NOT_RUNNING
    with held(spec.folder / "lock", LOCK_SECONDS):
        saved = read_state(spec.folder)
        if saved is None or saved.process is None:
            return Stopped.NOT_RUNNING
        was_alive = saved.process.alive()
        clean = saved.process.end(spec.stop_seconds)
        if saved.recording:
            keep(Path(saved.recording), whole=was_alive and clean)
        write_state(spec.folder, SavedState(bolt_port=saved.bolt_port, http_port=saved.http_port))
        if not was_alive:
            return Stopped.NOT_RUNNING
        return Stopped.CLEAN if clean else Stopped.KILLED


def status(spec: ServerSpec) -> Status:
    """How the server stands now. Changes nothing; takes five seconds at most."""
    saved = read_state(spec.folder)
    if saved is None or saved.process is None:
        return Status(State.STOPPED, None, f"no local Neo4j runs in {spec.folder}; `agent03 neo4j start` starts one.")
    server = _live_server(spec)
    if server is None:
        gone = f"the server's process {saved.pid} is gone without a stop; `agent03 neo4j start` recovers its data."
        return Status(State.DEAD, None, gone)
    return _judge(server, ping(server.url, server.user, server.password))


def _live_server(spec: ServerSpec) -> Server | None:
    """The server whose process is there, whether it answers or not."""
    saved = read_state(spec.folder)
    process = saved.process if saved else None
    if saved is None or process is None or not process.alive():
        return None
    return _server(spec.folder, saved, process, read_password(spec.folder) or "")


def _judge(server: Server, answer: Answer) -> Status:
    match answer:
        case Answer.WELL:
            return Status(State.RUNNING, server, f"Neo4j runs at {server.url}, its Browser at {server.browser}")
        case Answer.REFUSED:
            return Status(State.SILENT, server, _refused(server))
        case Answer.SILENT:
            silent = f"process {server.pid} runs but {server.url} does not answer; wait, or stop it and start it again."
            return Status(State.SILENT, server, silent)


def _find_running(spec: ServerSpec) -> Server | None:
    """The server that runs already, if it is what was asked for; one that has just been started gets its time."""
    server = _live_server(spec)
    if server is None:
        return None
    time_left = server.started + spec.start_seconds - time.time()
    standing = _judge(server, await_bolt(server.url, server.user, server.password, time_left, lambda: True))
    if standing.state is not State.RUNNING:
        raise LocalNeo4jError(standing.detail)
    if spec.bolt_port not in (None, server.bolt_port) or spec.http_port not in (None, server.http_port):
        raise LocalNeo4jError(f"it already runs at {server.url} and {server.browser}; stop it to change its ports.")
    return server


def _bring_up(spec: ServerSpec) -> Server:
    launched = prepare(spec)
    log = spec.folder / "logs" / "console.log"
    process = launch(launched.command, spec.environ, spec.folder, log)
    saved = launched.state.model_copy(update={"pid": process.pid, "started": process.started})
    write_state(spec.folder, saved)
    server = _server(spec.folder, saved, process, launched.password)
    answer = await_bolt(server.url, server.user, server.password, spec.start_seconds, process.alive)
    if answer is Answer.WELL:
        return server
    ended = not process.alive()
    process.kill()
    write_state(spec.folder, SavedState(bolt_port=saved.bolt_port, http_port=saved.http_port))
    if answer is Answer.REFUSED:
        raise StartFailed(_refused(server))
    what = "ended at once" if ended else f"did not answer within {spec.start_seconds:.0f} s"
    raise StartFailed(f"Neo4j {what}: {_last_words(log)} (all of it in {log}).")


def _server(folder: Path, saved: SavedState, process: ProcessId, password: str) -> Server:
    return Server(saved.bolt_port, saved.http_port, password, process.pid, process.started, folder)


def _refused(server: Server) -> str:
    return f"Neo4j at {server.url} refuses the password in {server.folder / 'password'}; write the right one there."


def _last_words(log: Path) -> str:
    """The lines of a log that most likely say what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line or "Exception" in line or "Caused by" in line]
    return " / ".join((telling or lines)[-LOG_LINES:])[-600:] or "it said nothing"
