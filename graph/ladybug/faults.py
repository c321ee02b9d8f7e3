"""What the embedded database says when something fails, as our errors."""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import AlreadyStored, GraphExhausted, GraphLocked, GraphUnavailable
from engine.room import free_bytes

MIB = 1024 * 1024
LEAST_FREE = 16 * MIB
"""Below this the graph is not written. A log that ends in the middle of a transaction must not be appended to, so the
disk has to have room for the whole of any transaction."""


class PoolFull(GraphExhausted):
    """The buffer pool of the embedded graph is full. Raise EMBEDDED_BUFFER_MB and start again."""


class IndexSpoilt(GraphUnavailable):
    """An index in memory is not what the file bears out, which a transaction leaves that has run out of memory."""


def translated(error: RuntimeError) -> Exception:
    """The error of a statement; one that is not known here is handed back as it is."""
    text = str(error)
    if is_pool_full(error):
        return PoolFull(
            f"the embedded graph needs more memory for one transaction than it may take ({text}): "
            "raise EMBEDDED_BUFFER_MB and start again"
        )
    if "invalid node offset" in text:
        return IndexSpoilt(f"the embedded graph has to be opened anew: {text}")
    if taken := re.search(r"(?i)duplicated primary key value (.*?),", text):
        return AlreadyStored(f"{taken.group(1)} already exists in the graph; nothing was written")
    if re.search(r"(?i)\b(io exception|no space|disk)\b", text):
        return GraphUnavailable(f"the embedded graph cannot be written: {text}")
    return error


def opening(path: Path, error: Exception) -> Exception:
    """The error of opening the file at ``path``."""
    if "lock" in str(error).lower():
        pid = re.search(r"(?i)pid[^0-9]*([0-9]+)", str(error))
        holder = f"process {pid.group(1)}" if pid else "another process"
        return GraphLocked(
            f"the embedded graph {path} is held by {holder}: stop it, hand the task to it with `agent03 submit`, "
            "or use another DATA_PATH"
        )
    if is_pool_full(error):
        return GraphUnavailable(f"the embedded graph {path} cannot be opened: {error} Raise EMBEDDED_BUFFER_MB.")
    return GraphUnavailable(f"the embedded graph {path} cannot be opened: {error}")


def is_pool_full(error: Exception) -> bool:
    """Whether something failed because the buffer pool is full."""
    return "Buffer manager" in str(error)


def is_torn_log(error: Exception) -> bool:
    """Whether opening failed because the log does not end with a whole transaction."""
    torn = r"(?i)checksum verification|corrupted wal|past the end of the file .*\.wal|bad_alloc"
    return re.search(torn, str(error)) is not None


def has_room(folder: Path) -> bool:
    """Whether the disk of ``folder`` has room for a transaction."""
    return free_bytes(folder) >= LEAST_FREE


def require_room(folder: Path) -> None:
    """Raises ``GraphUnavailable`` when the disk of ``folder`` is as good as full."""
    free = free_bytes(folder)
    if free < LEAST_FREE:
        raise GraphUnavailable(
            f"the disk of {folder} is full: the embedded graph is written only while {LEAST_FREE // MIB} MiB are free, "
            f"and {free / MIB:.1f} are. Make room; the engine then goes on by itself"
        )
