"""The file of the embedded graph: how it is opened, with how large a page cache, and what a killed process leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import ladybug
import psutil
import structlog

from engine.folders import writable
from graph.ladybug import faults
from graph.ladybug.faults import MIB

_log = structlog.get_logger("graph")

MENDING_MB = 2048
"""Page cache while a torn log is read: a read that stopped for want of memory would look like the end of the log."""
MOST_OF_MEMORY = 2
"""A page cache that is too small grows to this part of the machine's memory at most."""


class DatabaseFile:
    """One file and its log.

    Args:
        path: where it is, or will be.
        buffer_mb: its page cache, in MiB.
    """

    def __init__(self, path: Path, buffer_mb: int) -> None:
        self.path = path
        self.buffer_bytes = buffer_mb * MIB
        self._log_path = path.with_name(path.name + ".wal")

    def open(self) -> Any:
        """Opens or creates it, with a larger page cache where its log does not fit into that; raises ``GraphLocked``,
        ``GraphUnavailable``, ``SettingsError``.
        """
        writable(self.path.parent, "DATA_PATH")
        faults.require_room(self.path.parent)
        while True:
            try:
                return self._opened()
            except (RuntimeError, MemoryError) as error:
                if faults.is_pool_full(error) and self.enlarge():
                    continue
                if not faults.is_torn_log(error):
                    raise faults.opening(self.path, error) from error
                return self._mended()

    def enlarge(self) -> bool:
        """Doubles the page cache for the next time it is opened; False where the machine has too little memory."""
        if 2 * self.buffer_bytes > psutil.virtual_memory().total // MOST_OF_MEMORY:
            return False
        self.buffer_bytes *= 2
        _log.warning(
            "what is stored needs a larger page cache than EMBEDDED_BUFFER_MB; it is doubled until the next start",
            mib=self.buffer_bytes // MIB,
        )
        return True

    def log_bytes(self) -> int:
        """Size of the log."""
        try:
            return self._log_path.stat().st_size
        except FileNotFoundError:
            return 0

    def _opened(self, strict: bool = True) -> Any:
        return ladybug.Database(
            str(self.path),
            buffer_pool_size=self.buffer_bytes if strict else max(self.buffer_bytes, MENDING_MB * MIB),
            max_num_threads=2,
            auto_checkpoint=False,
            compression=False,  # with it a column of text is one piece, however long, and a checkpoint writes it anew
            throw_on_wal_replay_failure=strict,
        )

    def _mended(self) -> Any:
        """Opens a file whose log ends in the middle of a transaction, as a killed process leaves it: without that
        transaction, which nobody was told of. The log is kept beside it as it was.
        """
        kept = self.path.with_name(self.path.name + ".wal.torn")
        try:
            shutil.copy(self._log_path, kept)
            self._opened(strict=False).close()
            opened = self._opened()
        except (RuntimeError, MemoryError, OSError) as error:
            raise faults.opening(self.path, error) from error
        _log.warning("the log of the embedded graph ended inside a transaction, which is dropped", kept=str(kept))
        return opened
