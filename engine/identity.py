"""The id of this engine, kept under the data folder with a lock.

Whoever holds the lock is the one living engine of that id, so a restarted engine may take its own tasks back at once,
without waiting for its earlier life to be declared dead.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.errors import GraphLocked
from engine.folders import writable
from engine.plan.ids import Ulids

FILE = "engine.id"


class Identity:
    """The engine's id and the lock on it. ``take`` before use, ``release`` at the end; the kernel frees it on death."""

    def __init__(self, folder: Path) -> None:
        self.id = ""
        """Empty until it is taken."""
        self._path = folder / FILE
        self._descriptor: int | None = None

    def take(self, now: int) -> str:
        """Locks and returns the id, made on first use; raises ``GraphLocked`` while another engine holds it,
        ``SettingsError`` where the folder cannot be used.
        """
        writable(self._path.parent, "DATA_PATH")
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode("ascii", "replace").split()
            os.close(descriptor)
            who = f"process {holder[1]}" if len(holder) > 1 else "another process"
            raise GraphLocked(
                f"the engine of {self._path.parent} runs already as {who}: hand the task to it with `agent03 submit`, "
                "stop it, or use another DATA_PATH"
            ) from None
        words = os.pread(descriptor, 100, 0).decode("ascii", "replace").split()
        engine_id = words[0] if words else Ulids().new(now)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{engine_id} {os.getpid()}\n".encode("ascii"), 0)
        os.fsync(descriptor)
        self._descriptor = descriptor
        self.id = engine_id
        return engine_id

    def release(self) -> None:
        """Lets another engine take the id."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
