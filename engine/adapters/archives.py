"""Where archives are kept: folders in a folder, or objects in a bucket. Whole archives only, each under its id.

In a folder one appears by a rename after all of it is on disk. In a bucket its manifest comes last, after each object
has been asked for again; what has no manifest is none, and is swept.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.adapters.s3 import Bucket
from engine.archive import manifest as manifests
from engine.archive.bundle import decode_folder, digest_of
from engine.archive.manifest import ArchiveDamaged, Manifest
from engine.archive.port import TableFiles
from engine.errors import EngineError, NoRoom
from engine.settings import BUCKETS

NEW = ".new-"


class ArchivesUnavailable(EngineError):
    """Archives cannot be kept there. Make room, or correct ARCHIVE_PATH."""


def place_of(name: str) -> FolderArchives | BucketArchives:
    """The place of that name: a folder, or ``s3://bucket/prefix``."""
    return BucketArchives(name) if name.startswith(BUCKETS) else FolderArchives(Path(name))


def form_of(name: str) -> TableFiles:
    """The form of that name: "parquet" or "json"."""
    from engine.adapters.jsonlines import JsonFiles
    from engine.adapters.parquet import ParquetFiles

    return JsonFiles() if name == "json" else ParquetFiles()


class FolderArchives:
    """Archives in a folder.

    Args:
        root: made by the first one.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    async def check(self) -> None:
        """Makes the folder; raises ``ArchivesUnavailable`` when it cannot be written."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=NEW, dir=self._root):
                pass
        except OSError as error:
            raise _told(self.name, error) from error

    async def staging(self, id_: str) -> Path:
        """An empty folder beside the archives, so that a rename is enough."""
        folder = self._root / f"{NEW}{id_}"
        try:
            await asyncio.to_thread(folder.mkdir, parents=True)
        except OSError as error:
            raise _told(self.name, error) from error
        return folder

    async def publish(self, id_: str, folder: Path) -> None:
        """Renames it, once every file has been read again."""
        await asyncio.to_thread(self._publish, id_, folder)

    def _publish(self, id_: str, folder: Path) -> None:
        from engine.archive.bundle import _sync

        _verify(folder)
        folder.rename(self._root / id_)
        _sync(self._root)

    async def drop(self, folder: Path) -> None:
        """Throws a folder away that was put together here; an archive stays."""
        if folder.name.startswith(NEW):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def manifests(self) -> list[Manifest]:
        """All archives, the oldest first; what a crash has left half written is swept."""
        return await asyncio.to_thread(self._manifests)

    def _manifests(self) -> list[Manifest]:
        if (self._root / manifests.NAME).is_file():
            return [decode_folder(self._root)]
        if not self._root.is_dir():
            return []
        folders = sorted(path for path in self._root.iterdir() if (path / manifests.NAME).is_file())
        return [decode_folder(folder) for folder in folders if not folder.name.startswith(NEW)]

    async def sweep(self) -> None:
        """Throws away what a crash has left half written."""
        if self._root.is_dir():
            for left in self._root.glob(f"{NEW}*"):
                await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)

    async def fetched(self, id_: str) -> Path:
        """The folder itself."""
        return self._root if (self._root / manifests.NAME).is_file() else self._root / id_


class BucketArchives:
    """Archives in a bucket.

    Args:
        place: ``s3://bucket/prefix``.
    """

    def __init__(self, place: str) -> None:
        self._bucket = Bucket(place, ("the archive", "ARCHIVE_PATH"))
        self.name = place

    async def check(self) -> None:
        """Raises ``BlobsUnavailable`` when the bucket cannot be listed."""
        await self._bucket.under(NEW)

    async def staging(self, id_: str) -> Path:
        """A folder among the temporary ones of this machine."""
        return Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{NEW}{id_}-"))

    async def publish(self, id_: str, folder: Path) -> None:
        """Sends every file, looks that all are there in their size, then sends the manifest."""
        await asyncio.to_thread(_verify, folder)
        sent = {}
        for path in _files(folder):
            key = f"{id_}/{path.relative_to(folder).as_posix()}"
            data = await asyncio.to_thread(path.read_bytes)
            await self._bucket.put(key, data, sha256=hashlib.sha256(data).hexdigest())
            sent[key] = len(data)
        there = {entry.key: entry.size for entry in (await self._bucket.under(f"{id_}/")).entries}
        if there != sent:
            wrong = sorted(key for key, size in sent.items() if there.get(key) != size)
            raise ArchivesUnavailable(f"{self.name} has not kept {', '.join(wrong[:3])} as sent; look at its server")
        manifest = await asyncio.to_thread((folder / manifests.NAME).read_bytes)
        await self._bucket.put(f"{id_}/{manifests.NAME}", manifest, sha256=hashlib.sha256(manifest).hexdigest())
        await self.drop(folder)

    async def drop(self, folder: Path) -> None:
        """Throws a folder of this machine away."""
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def manifests(self) -> list[Manifest]:
        """All archives, the oldest first."""
        entries = (await self._bucket.under()).entries
        keys = sorted(entry.key for entry in entries if entry.key.endswith(f"/{manifests.NAME}"))
        return [manifests.decode(await self._bucket.get(key), f"{self.name}/{key}") for key in keys]

    async def sweep(self) -> None:
        """Nothing: what was sent without a manifest is left to the rules of the bucket."""

    async def fetched(self, id_: str) -> Path:
        """A copy in a folder among the temporary ones."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{NEW}{id_}-"))
        try:
            for entry in (await self._bucket.under(f"{id_}/")).entries:
                path = folder / entry.key.removeprefix(f"{id_}/")
                if folder not in path.resolve().parents:
                    raise ArchiveDamaged(f"{self.name} holds {entry.key}, which is no part of an archive: remove it")
                path.parent.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(path.write_bytes, await self._bucket.get(entry.key))
        except BaseException:
            await self.drop(folder)
            raise
        return folder


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and path.name != manifests.NAME)


def _verify(folder: Path) -> None:
    """Reads all of it again: what is deleted from the graph must be there."""
    manifest = decode_folder(folder)
    for file in manifest.tables.values():
        if digest_of(folder / file.file) != file.sha256:
            raise ArchiveDamaged(f"{folder / file.file} is not what was written: look at the disk")
    for digest in manifest.blobs:
        if digest_of(folder / "blobs" / digest) != digest:
            raise ArchiveDamaged(f"{folder / 'blobs' / digest} is not what was written: look at the disk")


def _told(name: str, error: OSError) -> EngineError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoom(f"the disk of the archive {name} is full: make room; it then goes on by itself")
    return ArchivesUnavailable(f"the archive {name} cannot be written: {error.strerror}; correct ARCHIVE_PATH")
