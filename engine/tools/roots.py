"""The folders that file tools may touch, and the only way to a file below them.

A path is resolved first (symbolic links, ``..``) and must then lie below a resolved root. The file is reached from
the root's descriptor, one folder after the other, without following links: so a link that someone puts in place
between the check and the use is refused and leads nowhere. Relative paths start at the first root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Category, ToolError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Place:
    """One file or folder: the open folder that holds it, its name there, and its resolved path.

    ``name`` is "." for a root itself.
    """

    folder: int
    name: str
    path: Path


class Roots:
    """Opens files below the given folders and nowhere else."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = list(folders)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders as they were given."""
        return tuple(self._folders)

    def fault(self, path: str) -> str | None:
        """What is wrong with ``path`` as far as its text shows; None when nothing is."""
        if not path or "\0" in path:
            return "must be a path: not empty, without NUL"
        if not Path(path).is_absolute() and Path(os.path.normpath(path)).parts[:1] == (os.pardir,):
            return f"leaves the folder it starts from; allowed are paths below {self._listed()}"
        return None

    def resolve(self, path: str, *, follow: bool = True) -> tuple[Path, Path]:
        """The resolved root and the resolved path below it; without ``follow`` a link at its end stays one.

        Raises:
            ToolError: the path lies below no root (configuration).
        """
        if fault := self.fault(path):
            raise _refused(f"{path!r} {fault}")
        resolved = [Path(os.path.realpath(folder)) for folder in self._folders]
        target = _resolved(resolved[0] / path, follow) if resolved else Path(path)
        for root in resolved:
            if target.is_relative_to(root):
                return root, target
        raise _refused(f"{path!r} lies outside the allowed folders ({self._listed()})")

    def missing(self, path: str) -> list[str]:
        """The folders that ``open`` would make on the way to ``path``, the outermost first. Raises ``ToolError``."""
        root, target = self.resolve(path)
        folders = [folder for folder in reversed(target.parents) if folder.is_relative_to(root)]
        return [str(folder) for folder in folders if not folder.exists()]

    def real(self, path: str) -> str:
        """A path as it really is: absolute, without links, wherever it leads; relative ones begin at the first root."""
        return os.path.realpath(Path(*self._folders[:1], path.replace("\0", "")))

    def size(self, path: str) -> int | None:
        """The bytes of a file; None when it cannot be looked at."""
        try:
            return self.resolve(path)[1].stat().st_size
        except (ToolError, OSError):
            return None

    def stamp(self, path: str) -> str | None:
        """Size and time of a file as text, another one once it was written; None when it cannot be looked at."""
        try:
            found = self.resolve(path)[1].stat()
        except (ToolError, OSError, ValueError):
            return None
        return f"{found.st_size} bytes, {found.st_mtime_ns}"

    @contextmanager
    def open(self, path: str, *, create: bool = False, follow: bool = True) -> Iterator[Place]:
        """Opens the folder that holds ``path``.

        Args:
            path: relative to the first root, or absolute.
            create: make the missing folders on the way, the root included.
            follow: where the path ends in a symbolic link, take what it points to.

        Raises:
            ToolError: the path lies below no root, or a link got in the way (configuration).
            OSError: a folder on the way is missing or may not be read.
        """
        root, target = self.resolve(path, follow=follow)
        if create:
            root.mkdir(parents=True, exist_ok=True)
        parts = target.relative_to(root).parts
        folder = _walk(root, parts[:-1], create)
        try:
            yield Place(folder, parts[-1] if parts else ".", target)
        finally:
            os.close(folder)

    def _listed(self) -> str:
        return ", ".join(self._folders) or "none: set FILE_ROOTS"


def _resolved(path: Path, follow: bool) -> Path:
    if follow or path.name in ("", os.pardir):
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent)) / path.name


def _walk(root: Path, parts: Sequence[str], create: bool) -> int:
    """Descends from ``root``; the caller closes the descriptor."""
    here = os.open(root, _FOLDER)
    for part in parts:
        try:
            if create:
                _make(part, here)
            below = os.open(part, _FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _make(name: str, folder: int) -> None:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        return
    os.fsync(folder)


def _refused(message: str) -> ToolError:
    return ToolError(
        message,
        category=Category.CONFIGURATION,
        suggestion="Name a path below one of FILE_ROOTS, or add its folder to FILE_ROOTS.",
    )
