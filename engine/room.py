"""Whether a disk has room: asked by everybody who is about to write more than a line, before the first byte.

What fails half-way leaves a file to be cleaned up, and takes the last of the room from the others meanwhile. Another
writer may still be quicker, so a full disk stays an error that has to be expected.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

SPARE_BYTES = 1024 * 1024
"""Left free, for the folder's own entries and for those who write at the same time."""


class NoSpace(OSError):
    """A disk without room for what was to be written; ``strerror`` says how much that was and how much there is."""

    def __init__(self, size: int, room: int) -> None:
        super().__init__(errno.ENOSPC, f"{size} bytes do not fit on the disk, which has {room} bytes left")


def free_bytes(place: Path | int) -> int:
    """The room for this user on the disk of a folder or file, by its path or descriptor. Raises ``OSError``."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def require_room(place: Path | int, size: int) -> None:
    """Raises ``NoSpace`` when ``size`` bytes do not fit on the disk of ``place``, or leave nothing for others."""
    room = free_bytes(place)
    if size + SPARE_BYTES > room:
        raise NoSpace(size, room)
