"""How the operating system's answers about files become errors with a category."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import Category, ToolError
from engine.room import NoSpace

_KNOWN: dict[int, tuple[Category, str, str]] = {
    errno.ENOENT: (Category.CONFIGURATION, "there is no such file or folder", "list_files shows what there is."),
    errno.EISDIR: (Category.CONFIGURATION, "it is a folder", "Name a file."),
    errno.ENOTDIR: (Category.CONFIGURATION, "a part of the path is no folder", "Correct the path."),
    errno.ELOOP: (Category.CONFIGURATION, "it is a symbolic link", "Name the file itself."),
    errno.ENAMETOOLONG: (Category.CONFIGURATION, "the name is too long", "Shorten it."),
    errno.EACCES: (Category.PERMISSION, "the engine's user may not", "Change the owner or the mode."),
    errno.EPERM: (Category.PERMISSION, "the system does not permit it", "Change the owner or the mode."),
    errno.EROFS: (Category.PERMISSION, "the file system is read-only", "Choose another folder."),
    errno.ENOSPC: (Category.RESOURCE, "the disk is full", "Free some space."),
    errno.EDQUOT: (Category.RESOURCE, "the quota is used up", "Free some space."),
    errno.EMFILE: (Category.RESOURCE, "too many open files", "Lower MAX_PARALLEL_TASKS or raise ulimit -n."),
    errno.ENFILE: (Category.RESOURCE, "too many open files", "Lower MAX_PARALLEL_TASKS."),
}


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turns an ``OSError`` inside into a ``ToolError`` about ``path``. What is not known here is transient."""
    try:
        yield
    except OSError as error:
        category, text, suggestion = _KNOWN.get(
            error.errno or 0, (Category.TRANSIENT, error.strerror or str(error), "")
        )
        if isinstance(error, NoSpace):
            text = str(error.strerror)
        raise ToolError(f"{path}: {text}", category=category, suggestion=suggestion) from error


def no_file(path: str, what: str) -> ToolError:
    """``path`` is something that the tool does not work on."""
    return ToolError(f"{path}: it is {what}", category=Category.CONFIGURATION, suggestion="Name a regular file.")
