"""What the file tools changed, kept per task so that it can be put back.

Before a file is replaced or deleted its previous self is kept under ``FOLDER/TASK_ID``: as a hard link where that is
possible, which costs nothing, because the tools never write into an existing file; else as a copy. A journal beside
it has one line per change. Both are on the disk before the change is made, so a crash loses neither.

Whoever changes a file holds the task's lock for as long as that takes, shared with others; who puts back holds it
alone. A task that is rolled back is closed first: a thread that comes late changes nothing any more.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import Category, ToolError
from engine.room import require_room
from engine.tools.atomic import replacement
from engine.tools.roots import Place, Roots

_JOURNAL, _LOCK, _CLOSED, _RESTORED = "journal.jsonl", "lock", "closed", "restored"
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Undone:
    """The paths that were put back, and by path why others were not."""

    restored: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Before:
    """What a path was before the task: ``previous`` is the name that it is kept under, None where there was nothing;
    ``temporary`` the names of files that may have been left beside it.
    """

    previous: str | None
    temporary: set[str] = field(default_factory=set)


class UndoLog:
    """Keeps previous files and puts them back.

    Args:
        folder: where to keep them; made when needed.
        roots: where files may be put back.
    """

    def __init__(self, folder: Path, roots: Roots) -> None:
        self.folder, self._roots = folder, roots

    @contextmanager
    def changing(self, task_id: str) -> Iterator[None]:
        """Around ``keep`` and the change that follows: nothing is put back meanwhile.

        Raises:
            ToolError: the task has been rolled back.
        """
        folder = self._made(task_id)
        with _locked(folder, fcntl.LOCK_SH):
            if (folder / _CLOSED).exists():
                raise ToolError(
                    "what this task has changed is being put back, so it may change no more files",
                    category=Category.CANCELLED,
                )
            yield

    def keep(self, task_id: str, subtask_id: str, place: Place, exists: bool, temporary: str = "") -> None:
        """Keeps what is at ``place`` (nothing, when it does not exist) before a change. Durable when it returns.

        ``temporary`` is the name of a file beside it that the change makes on its way.
        """
        folder = self._made(task_id)
        kept = _keep_file(place, folder) if exists else None
        change = {"subtask": subtask_id, "path": str(place.path), "previous": kept}
        if temporary:
            change["temporary"] = temporary
        _append(folder / _JOURNAL, change)
        _sync(folder)

    def keep_folders(self, task_id: str, folders: list[str]) -> None:
        """Notes folders that are about to be made, the outermost first. Durable when it returns."""
        if folders:
            folder = self._made(task_id)
            _append(folder / _JOURNAL, {"made": folders})
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
        if not folder.is_dir():
            return []
        with _locked(folder, fcntl.LOCK_EX):
            before = self._before(folder)
            for path, found in before.items():
                self._put_back(folder, path, found)
            self._remove_folders(folder)
        return list(before)

    def roll_back(self, task_id: str) -> Undone:
        """The same for a task that has ended: nothing of it may change a file any more, and what cannot be put back
        keeps nothing else from it. Safe to repeat, also after it was cut off.
        """
        folder, undone = self._made(task_id), Undone()
        (folder / _CLOSED).touch()
        _sync(folder)
        with _locked(folder, fcntl.LOCK_EX):
            for path, found in self._before(folder).items():
                try:
                    self._put_back(folder, path, found)
                except (ToolError, OSError) as error:
                    undone.failed[path] = error.strerror or str(error) if isinstance(error, OSError) else str(error)
                else:
                    undone.restored.append(path)
            self._remove_folders(folder)
            if not undone.failed:
                (folder / _RESTORED).touch()
                _sync(folder)
        return undone

    def rolled_back(self, task_id: str) -> bool:
        """Whether ``roll_back`` has put everything back."""
        return (self._of(task_id) / _RESTORED).exists()

    def tasks(self) -> list[str]:
        """The ids of the tasks that something is kept for."""
        return tasks(self.folder)

    def _before(self, folder: Path) -> dict[str, _Before]:
        """By path what was there at first."""
        first: dict[str, _Before] = {}
        for change in _changes(folder / _JOURNAL):
            if "path" not in change:
                continue
            found = first.setdefault(change["path"], _Before(change["previous"]))
            if name := change.get("temporary"):
                found.temporary.add(name)
        return first

    def _put_back(self, folder: Path, path: str, before: _Before) -> None:
        try:
            with self._roots.open(path, create=before.previous is not None) as place:
                for name in before.temporary:
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=place.folder)
                _put_back(place, folder / before.previous if before.previous else None)
        except FileNotFoundError:
            if before.previous is not None:
                raise  # else its folder is gone, and the file with it

    def _remove_folders(self, folder: Path) -> None:
        """Removes the folders that the task made, unless others have put something into them."""
        made = {path for change in _changes(folder / _JOURNAL) for path in change.get("made", [])}
        for path in sorted(made, key=len, reverse=True):
            with suppress(OSError, ToolError), self._roots.open(path, follow=False) as place:
                os.rmdir(place.name, dir_fd=place.folder)

    def _made(self, task_id: str) -> Path:
        folder = self._of(task_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

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


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Holds the lock of a task's folder, among threads and processes."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _keep_file(place: Place, folder: Path) -> str:
    name = f"{secrets.token_hex(8)}.previous"
    try:
        os.link(place.name, folder / name, src_dir_fd=place.folder, follow_symlinks=False)
    except OSError:  # another disk, or a file system without hard links
        descriptor = os.open(place.name, _READ, dir_fd=place.folder)
        with os.fdopen(descriptor, "rb") as source:
            require_room(folder, os.fstat(descriptor).st_size)
            _copy(source, folder / name)
    return name


def _copy(source: BinaryIO, target: Path) -> None:
    """A copy that is on the disk when this returns."""
    with target.open("xb") as kept:
        shutil.copyfileobj(source, kept)
        os.fchmod(kept.fileno(), _mode(source))
        kept.flush()
        os.fsync(kept.fileno())


def _append(journal: Path, change: dict[str, Any]) -> None:
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        # One write, so that lines of two threads cannot mix; a line that a crash cut short is ended first.
        os.write(descriptor, b"\n" + json.dumps(change).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _changes(journal: Path) -> list[dict[str, Any]]:
    """Every whole line: a crash may have cut one short, before its change was made."""
    try:
        lines = journal.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [change for line in lines if (change := _read(line)) is not None]


def _read(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _put_back(place: Place, previous: Path | None) -> None:
    if previous is not None:
        with previous.open("rb") as source:
            require_room(place.folder, os.fstat(source.fileno()).st_size)
            with replacement(place, _mode(source)) as file:
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
