"""Putting a whole file in place at once.

The bytes go to a temporary file beside the target, reach the disk, and take the target's name in one step: a reader
sees the old file or the new one, also after a power cut.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from engine.tools.roots import Place

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def replacement(place: Place, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file to write to; it replaces what is at ``place`` when the block ends well, else it vanishes.

    Args:
        place: where it goes.
        mode: its permissions; None leaves them to the process's umask.
    """
    name = f".{secrets.token_hex(8)}.tmp"
    descriptor = os.open(name, _NEW, 0o666, dir_fd=place.folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(name, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        os.unlink(name, dir_fd=place.folder)
        raise
    os.fsync(place.folder)
