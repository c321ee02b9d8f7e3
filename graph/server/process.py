"""The server's process: told apart from a later one with the same number, started on its own, ended for real."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# The system's clock may be set between two looks, and the start time is counted from it.
START_TIME_TOLERANCE_SECONDS = 5.0
KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process for good: its number together with the second it started."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has this number now."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """True while it runs; a zombie, or another process with its number, does not count."""
        return self._process() is not None

    def end(self, seconds: float) -> bool:
        """Ends the whole process group: SIGTERM, and SIGKILL to what is left after ``seconds``.

        Returns:
            True when it ended by itself.
        """
        process = self._process()
        if process is None:
            return True
        self._signal(signal.SIGTERM)
        # A process that was stopped (SIGSTOP) takes the request only when it goes on.
        self._signal(signal.SIGCONT)
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """Ends the whole process group at once and waits until it is gone."""
        process = self._process()
        if process is not None:
            self._signal(signal.SIGKILL)
            process.wait(KILL_SECONDS)

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return


def launch(command: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path) -> ProcessId:
    """Starts ``command`` in a session of its own, so that it outlives the caller and its terminal.

    Args:
        command: program and arguments.
        environ: its whole environment.
        folder: its working folder.
        log: file that takes its output; an older one is replaced.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    identity = ProcessId.of(process.pid)
    # It is not ours to wait for: without this, Python warns that a child is left behind.
    process.returncode = 0
    return identity
