"""A lock between processes, for the jar cache and for a server's folder. The system frees it when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.server.errors import LocalNeo4jError

POLL_SECONDS = 0.1


@contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Holds the lock file ``path`` while the block runs.

    Args:
        path: the lock file; it is created and never removed.
        seconds: longest wait for another holder.

    Raises:
        LocalNeo4jError: another process held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, seconds)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"another process has held {path} for {seconds:.0f} s; wait for its start or stop to end."
                raise LocalNeo4jError(message) from None
            time.sleep(POLL_SECONDS)
        else:
            return
