"""What the file tools changed, kept per task so that it can be put back.

Before a file is replaced or deleted its previous self is kept under ``FOLDER/TASK_ID``: as a hard link where that is
possible, which costs nothing, because the tools never write into an existing file; else as a copy. A journal beside
it has one line per change. Both are on the disk before the change is made, so a crash loses neither.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any, BinaryIO

from engine.tools.atomic import replacement
from engine.tools.roots import Place, Roots

_JOURNAL = "journal.jsonl"
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class UndoLog:
    """Keeps previous files and puts them back.

    Args:
        folder: where to keep them; made when needed.
        roots: where files may be put back.
    """

    def __init__(self, folder: Path, roots: Roots) -> None:
        self.folder, self._roots = folder, roots

    def keep(self, task_id: str, subtask_id: str, place: Place, exists: bool) -> None:
        """Keeps what is at ``place`` (nothing, when it does not exist) before a change. Durable when it returns."""
        folder = self._of(task_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _keep_file(place, folder) if exists else None
        _append(folder / _JOURNAL, {"subtask": subtask_id, "path": str(place.path), "previous": kept})
        _sync(folder)

    def changed(self, task_id: str) -> list[str]:
        """The paths of the files that the task has changed, in the order of their first change."""
        return list(self._before(self._of(task_id)))

    def restore(self, task_id: str) -> list[str]:
        """Puts every file that the task changed back to what it was before; returns their paths.

        Later changes by others are lost too. Restoring again changes nothing more.

        Raises:
            ToolError: a path lies no longer below the roots.
            OSError: a file cannot be written.
        """
        folder = self._of(task_id)
        before = self._before(folder)
        for path, previous in before.items():
            with self._roots.open(path, create=True) as place:
                _put_back(place, folder / previous if previous else None)
        return list(before)

    def _before(self, folder: Path) -> dict[str, str | None]:
        """By path the name of what was there at first, None where there was nothing."""
        first: dict[str, str | None] = {}
        for change in _changes(folder / _JOURNAL):
            first.setdefault(change["path"], change["previous"])
        return first

    def _of(self, task_id: str) -> Path:
        if not _ID.fullmatch(task_id):
            raise ValueError(f"{task_id!r} is no task id")
        return self.folder / task_id


def tasks(folder: Path) -> list[str]:
    """The ids of the tasks that something is kept for in ``folder``."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def drop(folder: Path, task_id: str) -> None:
    """Forgets what is kept for a task in ``folder``; nothing of it can be put back any more. Raises ``OSError``."""
    if _ID.fullmatch(task_id) and (folder / task_id).is_dir():
        shutil.rmtree(folder / task_id)


def _keep_file(place: Place, folder: Path) -> str:
    name = f"{secrets.token_hex(8)}.previous"
    try:
        os.link(place.name, folder / name, src_dir_fd=place.folder, follow_symlinks=False)
    except OSError:  # another disk, or a file system without hard links
        descriptor = os.open(place.name, _READ, dir_fd=place.folder)
        with os.fdopen(descriptor, "rb") as source, (folder / name).open("xb") as kept:
            shutil.copyfileobj(source, kept)
            os.fchmod(kept.fileno(), _mode(source))
            kept.flush()
            os.fsync(kept.fileno())
    return name


def _append(journal: Path, change: dict[str, str | None]) -> None:
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(change).encode() + b"\n")  # one write: lines of two threads cannot mix
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _changes(journal: Path) -> list[dict[str, Any]]:
    try:
        lines = journal.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith("}")]  # a crash may have cut the last one


def _put_back(place: Place, previous: Path | None) -> None:
    if previous is not None:
        with previous.open("rb") as source, replacement(place, _mode(source)) as file:
            shutil.copyfileobj(source, file)
        return
    try:
        os.unlink(place.name, dir_fd=place.folder)
    except FileNotFoundError:
        return
    os.fsync(place.folder)


def _mode(file: BinaryIO) -> int:
    return stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def _sync(folder: Path) -> None:
    """Makes names that were added to a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
