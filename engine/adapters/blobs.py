"""Payloads in a folder, each under its own SHA-256: ``ab/cd/abcd...``.

A file appears by one rename after its bytes are on disk, so a crash leaves all of it or nothing, and several engines
may write the same payload at once. Every read checks the hash: a damaged disk gives a clear error, not a wrong result.
File work runs in threads, off the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import tempfile
import uuid
from pathlib import Path

from engine.adapters.digests import check_payload, checked, digest_of
from engine.errors import BlobDamaged, BlobsUnavailable, NoRoom
from engine.room import require_room

IDENTITY = "store.id"
"""The file that tells one blob store from another."""
FULL = (errno.ENOSPC, errno.EDQUOT)
COARSE_MS = 20
"""How much a file's time may lag behind the clock: kernels take it from their last tick."""


class FolderBlobs:
    """The blob store in one folder, shared by all engines of a namespace.

    Args:
        root: the folder; made by the first write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def identity(self) -> str:
        """The id of this store, kept in a file of it.

        Raises:
            BlobsUnavailable: the folder cannot be read or written.
        """
        return await asyncio.to_thread(self._identity)

    async def put(self, digest: str, data: bytes) -> None:
        """Stores ``data`` durably under its hash; storing it again is no fault and mends a damaged file.

        Args:
            digest: SHA-256 of ``data``, in lower-case hexadecimal.
            data: the payload.

        Raises:
            ValueError: ``digest`` is not the hash of ``data``.
            NoRoom: its disk is full.
            BlobsUnavailable: the folder cannot be written.
        """
        await asyncio.to_thread(self._put, digest, data)

    async def get(self, digest: str) -> bytes:
        """The stored bytes.

        Raises:
            KeyError: there are none.
            BlobDamaged: they are not what was stored.
            BlobsUnavailable: the folder cannot be read.
        """
        return await asyncio.to_thread(self._get, digest)

    async def has(self, digest: str) -> bool:
        """Whether there is such a payload; it is not read."""
        return await asyncio.to_thread(self._path(digest).is_file)

    async def renew(self, digest: str) -> bool:
        """Makes a payload young, as if it were put again; False when there is none, or not all of it."""
        return await asyncio.to_thread(self._renew, digest)

    async def remove(self, digest: str, before: int) -> bool:
        """Removes the payload unless it was put again meanwhile.

        Args:
            digest: its hash.
            before: milliseconds since 1970 UTC; what was put then or later stays.

        Returns:
            Whether there is none now.

        Raises:
            BlobsUnavailable: the folder cannot be written.
        """
        return await asyncio.to_thread(self._remove, digest, before)

    def _identity(self) -> str:
        path = self._root / IDENTITY
        try:
            if not path.exists():
                _make_folder(self._root, self._root)
                _write(path, uuid.uuid4().hex.encode(), replace=False)
            return path.read_text("ascii").strip()
        except OSError as error:
            raise BlobsUnavailable(self._cannot("write", error)) from error

    def _put(self, digest: str, data: bytes) -> None:
        check_payload(digest, data)
        path = self._path(digest)
        try:
            if not (_holds(path, digest) and _touch(path)):
                _make_folder(path.parent, self._root)
                require_room(path.parent, len(data))
                _write(path, data)
        except OSError as error:
            if error.errno in FULL:
                raise NoRoom(
                    f"the disk of the blob store {self._root} is full, and {len(data)} bytes are to be stored: "
                    "make room; the engine then goes on by itself"
                ) from error
            raise BlobsUnavailable(self._cannot("write", error)) from error

    def _renew(self, digest: str) -> bool:
        try:
            path = self._path(digest)
            return _holds(path, digest) and _touch(path)
        except OSError as error:
            raise BlobsUnavailable(self._cannot("write", error)) from error

    def _get(self, digest: str) -> bytes:
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None
        except OSError as error:
            raise BlobsUnavailable(self._cannot("read", error)) from error
        if digest_of(data) != digest:
            raise BlobDamaged(f"{path} does not match its hash; restore it from a backup, or run its task again.")
        return data

    def _remove(self, digest: str, before: int) -> bool:
        """Sets the file aside before it looks for the last time: whoever puts it at this moment writes a new one."""
        path = self._path(digest)
        aside = path.with_name(f".gone-{uuid.uuid4().hex}")
        try:
            if _put_at(path) >= before:
                return False
            path.rename(aside)
            if wanted := _put_at(aside) >= before:
                with contextlib.suppress(FileExistsError):
                    path.hardlink_to(aside)
            aside.unlink()
            _sync_folder(path.parent)
        except FileNotFoundError:
            return True
        except OSError as error:
            raise BlobsUnavailable(self._cannot("write", error)) from error
        return not wanted

    def _path(self, digest: str) -> Path:
        checked(digest)
        return self._root / digest[:2] / digest[2:4] / digest

    def _cannot(self, verb: str, error: OSError) -> str:
        return f"the blob store {self._root} cannot {verb}: {error.strerror}; make room or correct BLOB_PATH."


def _holds(path: Path, digest: str) -> bool:
    """True when the payload is stored already, and whole."""
    try:
        return digest_of(path.read_bytes()) == digest
    except FileNotFoundError:
        return False


def _touch(path: Path) -> bool:
    """Makes a file young; False when it is gone by now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _put_at(path: Path) -> int:
    """When a file was put for the last time at the latest, milliseconds."""
    return path.stat().st_mtime_ns // 1_000_000 + COARSE_MS


def _make_folder(folder: Path, root: Path) -> None:
    """Makes ``folder`` so that its entry, and each missing one above it, survives a crash."""
    if folder.is_dir():
        return
    if folder == root:
        folder.mkdir(parents=True, exist_ok=True)
    else:
        _make_folder(folder.parent, root)
        folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _write(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Writes beside ``path``, waits for the disk, renames; without ``replace`` whoever comes first wins."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
