"""One process with limits, run to its end or killed for real.

Every process runs below a guardian (``guardian.py``), so that neither a cancellation nor the death of the engine
leaves anything running: not the process group, not a grandchild in a session of its own. Output is read to the end
and kept only up to its limit, so a flood fills neither memory nor a pipe that the process would then wait on. Input
is handed over as a file that is already there, so there is nothing to feed.

Memory is limited as *data* (``RLIMIT_DATA``) and not as address space: runtimes such as Node, Java and Go reserve
many times what they use. The limit holds for each process, not for their sum.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from engine.room import require_room
from engine.toolport import Resources
from engine.tools.crowding import Crowding, Held
from engine.tools.file_errors import explained
from engine.tools.guardians import Control, Guardians, Outcome
from engine.tools.threads import to_the_end

MIB = 1024 * 1024
INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP", "TZ"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MESSAGES"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Variables that a process inherits. The others stay away from it: they hold the engine's own passwords and keys."""
OPEN_FILES = 4096
"""Files and connections that each process of a tool may have open unless its subtask says otherwise."""
NICE = 5
"""How far a tool's processes stand back where processor time is short: the engine itself has to stay quick."""
_CHUNK = 65_536
_LEAST_MEMORY_MB, _LEAST_OUTPUT_BYTES = 64, 65_536
_LAST_RESORT_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may use.

    ``memory_mb`` MiB of data, ``cpu_seconds`` of processor time, ``output_bytes`` of each of stdout and stderr, so many
    ``open_files`` at the same time; None is no limit. All processes and threads together are fewer than ``processes``,
    and write no more than ``disk_mb`` MiB to disk; None is what the engine lets every tool have.
    """

    memory_mb: int | None
    cpu_seconds: float | None
    output_bytes: int
    open_files: int | None = None
    processes: int | None = None
    disk_mb: int | None = None

    @staticmethod
    def of(resources: Resources) -> Limits:
        """What a tool says that its processes take."""
        return Limits(resources.memory_mb, resources.cpu_seconds, resources.output_bytes or MIB, OPEN_FILES)

    def reduced(self, times: int) -> Limits:
        """Half of it, so many times: for a repeat after resources ran short. Never less than what a start needs."""
        return Limits(
            self.memory_mb and max(_LEAST_MEMORY_MB, self.memory_mb >> times),
            self.cpu_seconds and max(1.0, self.cpu_seconds / 2**times),
            max(_LEAST_OUTPUT_BYTES, self.output_bytes >> times),
            self.open_files,
            self.processes,
            self.disk_mb,
        )

    def as_resources(self) -> list[tuple[str, int, int]]:
        """(name in ``resource``, soft, hard). At the soft limit of time comes SIGXCPU, at the hard one SIGKILL."""
        found = [("RLIMIT_CORE", 0, 0)]
        if self.memory_mb is not None:
            found.append(("RLIMIT_DATA", self.memory_mb * MIB, self.memory_mb * MIB))
        if self.cpu_seconds is not None:
            whole = max(1, int(-(-self.cpu_seconds // 1)))
            found.append(("RLIMIT_CPU", whole, whole + 1))
        if self.open_files is not None:
            found.append(("RLIMIT_NOFILE", self.open_files, self.open_files))
        return found


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: an argument list, never a shell's text. ``cwd`` "" is the engine's own folder."""

    argv: Sequence[str]
    limits: Limits
    stdin: bytes = b""
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    def packed(self, held: Held) -> bytes:
        """As the guardian reads it; ``held`` says how the number of processes is."""
        cwd = self.cwd or str(Path.cwd())
        bound = held.packed(self.limits.processes, self.limits.disk_mb)
        packed = [list(self.argv), cwd, dict(self.env), INHERITED, self.limits.as_resources(), NICE, bound]
        return json.dumps(packed).encode()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. ``exit_code`` is minus the signal's number where a signal ended it.

    ``cpu_seconds`` is the processor time of the process and of those of its children that it waited for;
    ``all_cpu_seconds`` that of everything it left behind too, ``memory_bytes`` the most that any one process held.
    ``crowded`` is the number of processes that it may have, 0 unless it was killed for having more, ``flooded`` that of
    the bytes that it may write to disk.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    cpu_seconds: float = 0.0
    all_cpu_seconds: float = 0.0
    memory_bytes: int = 0
    crowded: int = 0
    flooded: int = 0


class TooMuchOutput(Exception):
    """The process wrote more than it may and was killed; ``partial`` is what was kept."""

    def __init__(self, stream: str, partial: Ended) -> None:
        self.stream, self.partial = stream, partial
        super().__init__(stream)


class Processes:
    """Runs processes for the tools of one engine.

    Args:
        grace: seconds between asking a cancelled process to end and killing it.
        crowding: how many processes each may have; None for any number.
    """

    def __init__(self, grace: float, crowding: Crowding | None = None) -> None:
        self._grace = grace
        self._crowding = crowding or Crowding()
        self._guardians = Guardians()

    async def run(self, command: Command, alive: Callable[[], None]) -> Ended:
        """Runs ``command`` and returns how it ended; whatever it started is gone by then.

        Every output, on stdout or stderr, is a sign of life: ``alive`` is called.

        When cancelled it sends SIGTERM to the process group, after the grace SIGKILL to every descendant, and only
        then lets the cancellation go on.

        Raises:
            NotStarted: the program is missing or may not be run, or the machine can start no process.
            TooMuchOutput: stdout or stderr passed its limit.
        """
        full: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        out, err = (_Kept(name, command.limits.output_bytes, full, alive) for name in ("stdout", "stderr"))
        with _stdin(command.stdin) as stdin, ExitStack() as ours:
            with ExitStack() as theirs:
                streams = (stdin, await out.open(ours, theirs), await err.open(ours, theirs))
                control = await self.begin(command, streams)
            grace = self._grace
            try:
                ending = asyncio.create_task(control.outcome())
                await _first(ending, full)
                if full.done():
                    grace = 0.0
                    raise TooMuchOutput(full.result(), Ended(-9, bytes(out.data), bytes(err.data)))
                await asyncio.gather(out.ended(), err.ended())
                how = ending.result()
                used = (how.cpu_seconds, how.all_cpu_seconds, how.memory_bytes, how.crowded, how.flooded)
                exit_code = -9 if how.crowded else how.exit_code
                return Ended(exit_code, bytes(out.data), bytes(err.data), *used)
            finally:
                await to_the_end(stop(control, grace))

    async def begin(self, command: Command, streams: tuple[int, int, int]) -> Control:
        """Starts ``command`` on these streams, for whoever talks with it while it runs, and ends it by ``stop``.

        Raises:
            NotStarted: the machine can start no process; that a program cannot be run the outcome says.
        """
        return await self._guardians.start(streams, command.packed(self._crowding.held))

    async def close(self) -> None:
        """Ends the helper process."""
        await self._guardians.close()


class _Kept:
    """Reads one stream to its end and keeps its first bytes."""

    def __init__(self, name: str, limit: int, full: asyncio.Future[str], alive: Callable[[], None]) -> None:
        self._name, self._limit, self._full, self._alive = name, limit, full, alive
        self._reading: asyncio.Task[None] | None = None
        self.data = bytearray()

    async def open(self, ours: ExitStack, theirs: ExitStack) -> int:
        """Opens a pipe, starts to read it, and returns the end to write to."""
        read, write = os.pipe()
        theirs.callback(os.close, write)
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read, "rb", buffering=0)
        )
        ours.callback(transport.close)
        self._reading = asyncio.create_task(self._read(stream))
        ours.callback(self._reading.cancel)
        return write

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_CHUNK):
            self._alive()
            room = self._limit - len(self.data)
            self.data += chunk[:room]
            if len(chunk) > room and not self._full.done():
                self._full.set_result(self._name)

    async def ended(self) -> None:
        """Returns when everything was read."""
        if self._reading is not None:
            await asyncio.shield(self._reading)


@contextmanager
def _stdin(data: bytes) -> Iterator[int]:
    """A descriptor that reads ``data``."""
    if not data:
        with Path(os.devnull).open("rb") as null:
            yield null.fileno()
        return
    with tempfile.TemporaryFile() as file:
        with explained("stdin"):
            require_room(file.fileno(), len(data))
            file.write(data)
            file.seek(0)
        yield file.fileno()


async def _first(task: asyncio.Future[Outcome], full: asyncio.Future[str]) -> None:
    """Waits for the end or for too much output; the task is not left behind."""
    try:
        either: list[asyncio.Future[Any]] = [task, full]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


async def stop(control: Control, grace: float) -> None:
    """Ends whatever still runs: asks, waits, kills. Returns at once when all is over."""
    gone = asyncio.create_task(control.gone())
    try:
        await asyncio.wait([gone], timeout=0)
        if grace > 0 and not gone.done():
            control.ask_to_end()
            await asyncio.wait([gone], timeout=grace)
        if sys.platform != "linux" and not gone.done():
            _from_outside(control.pid)
        control.kill()
        await asyncio.wait([gone], timeout=_LAST_RESORT_SECONDS)
        if not gone.done():
            _log.warning("guardian_unresponsive", pid=control.pid)
            _from_outside(control.pid)
            await asyncio.wait([gone], timeout=_LAST_RESORT_SECONDS)
    finally:
        gone.cancel()
        control.close()


def _from_outside(pid: int) -> None:
    from engine.tools.sweep import kill_tree  # psutil takes long to import and is needed in rare cases only

    kill_tree(pid)
