"""Putting a whole file in place at once.

The bytes go to a temporary file in the target's folder, reach the disk, and take the target's name in one step: a
reader sees the old file or the new one, also after a power cut. Where the system can, the temporary file has no name
while it is written, so that a process that is killed meanwhile leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from engine.tools.roots import Place

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNNAMED = os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_TMPFILE", 0)
_NO_UNNAMED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT}
"""What a system or a file system answers that has no files without a name."""


def temporary_name() -> str:
    """A name for a temporary file that nobody else has."""
    return f".{secrets.token_hex(8)}.tmp"


@contextmanager
def replacement(place: Place, mode: int | None = None, name: str = "") -> Iterator[BinaryIO]:
    """A file to write to; it replaces what is at ``place`` when the block ends well, else it vanishes.

    Args:
        place: where it goes.
        mode: its permissions; None leaves them to the process's umask.
        name: of the temporary file, where somebody wants to know it.
    """
    name = name or temporary_name()
    descriptor, named = _opened(place.folder, name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            if not named:
                named = True
                _give_name(descriptor, place.folder, name)
        os.replace(name, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        if named:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place.folder)
        raise
    os.fsync(place.folder)


def _opened(folder: int, name: str) -> tuple[int, bool]:
    """A new file to write to, and whether it has its name already."""
    if _UNNAMED & getattr(os, "O_TMPFILE", 0):
        try:
            return os.open(".", _UNNAMED, 0o666, dir_fd=folder), False
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
    return os.open(name, _NEW, 0o666, dir_fd=folder), True


def _give_name(descriptor: int, folder: int, name: str) -> None:
    """Names a file that has none; where that cannot be, by a copy."""
    try:
        os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=folder)
    except OSError:  # no /proc, or a file system without links
        found = os.fstat(descriptor)
        copy = os.open(name, _NEW, 0o666, dir_fd=folder)
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(os.dup(descriptor), "rb") as source, os.fdopen(os.dup(copy), "wb") as target:
                shutil.copyfileobj(source, target)
            os.fchmod(copy, stat.S_IMODE(found.st_mode))
            os.fsync(copy)
        finally:
            os.close(copy)
