"""An archive as a folder: a file for each table, the payloads of the blob store, and a manifest, written last.

All of it is file work, done in threads by whoever calls.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.archive import manifest as manifests
from engine.archive.manifest import ArchiveDamaged, Manifest, TableFile
from engine.archive.port import TableFiles, TableWriter
from engine.archive.shape import ALL, TABLES, Row, Rows, checked

BLOBS = "blobs"
READ_BYTES = 1 << 20


class Bundle:
    """An archive that is being written.

    Args:
        folder: empty.
        files: in which form.
        kind: a backup has more tables.
    """

    def __init__(self, folder: Path, files: TableFiles, kind: manifests.Kind) -> None:
        self._folder = folder
        self._files = files
        self._kind = kind
        self._tables = list(TABLES if kind == "archive" else ALL)
        self._writers: dict[str, TableWriter] = {}
        self._counts = dict.fromkeys(self._tables, 0)
        self._tasks: list[str] = []
        self._blobs: list[str] = []

    def begin(self) -> None:
        """Begins every file."""
        (self._folder / BLOBS).mkdir()
        for table in self._tables:
            self._writers[table] = self._files.writer(self._path(table), table)

    def add(self, rows: Rows) -> None:
        """Adds rows to their tables."""
        for table, found in rows.items():
            if found:
                self._writers[table].write(found)
                self._counts[table] += len(found)
        self._tasks += [row["id"] for row in rows.get("tasks", ())]

    def add_blob(self, digest: str, data: bytes) -> None:
        """Adds a payload of the blob store."""
        _write(self._folder / BLOBS / digest, data)
        self._blobs.append(digest)

    def abandon(self) -> None:
        """Closes every file; the folder is of no use any more."""
        for writer in self._writers.values():
            writer.close()

    def finish(self, *, id_: str, namespace: str, engine: str, at: int, lost: list[str]) -> Manifest:
        """Ends every file, waits for the disk, and writes the manifest."""
        self.abandon()
        tables = {}
        for table in self._tables:
            path = self._path(table)
            _sync(path)
            tables[table] = TableFile(path.name, self._counts[table], path.stat().st_size, digest_of(path))
        made = Manifest(id_, self._kind, namespace, engine, at, tables, self._tasks, self._blobs, lost)
        _write(self._folder / manifests.NAME, made.encode())
        _sync(self._folder / BLOBS)
        _sync(self._folder)
        return made

    def _path(self, table: str) -> Path:
        return self._folder / f"{table}{self._files.suffix}"


class Opened:
    """An archive that is there, in a folder of this machine.

    Args:
        folder: of it.
        forms: in which its tables may be.
    """

    def __init__(self, folder: Path, forms: list[TableFiles]) -> None:
        self._folder = folder
        self._forms = forms
        self.manifest = decode_folder(folder)

    def check(self) -> None:
        """Raises ``ArchiveDamaged`` unless every file is what the manifest says."""
        for table, file in self.manifest.tables.items():
            path = self._folder / Path(file.file).name
            if not path.is_file() or path.stat().st_size != file.bytes or digest_of(path) != file.sha256:
                raise ArchiveDamaged(f"{path} is not what {manifests.NAME} says of {table}: take another copy of it")
        for digest in self.manifest.blobs:
            if not (self._folder / BLOBS / Path(digest).name).is_file():
                raise ArchiveDamaged(f"{self._folder / BLOBS} lacks {digest}: take another copy of it")

    def rows(self, table: str) -> Iterator[list[Row]]:
        """The rows of a table, some at a time."""
        name = Path(self.manifest.tables[table].file).name
        form = next((form for form in self._forms if name.endswith(form.suffix)), None)
        if form is None:
            raise ArchiveDamaged(f"{name} is in a form that this engine does not read: take a newer one")
        for rows in form.read(self._folder / name, table):
            yield checked(table, rows)

    def blob(self, digest: str) -> bytes:
        """A payload; raises ``ArchiveDamaged`` when it is not what its name says."""
        path = self._folder / BLOBS / Path(digest).name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ArchiveDamaged(
                f"{path} cannot be read: {error.strerror}; take another copy of the archive"
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise ArchiveDamaged(f"{path} does not match its hash: take another copy of the archive")
        return data


def decode_folder(folder: Path) -> Manifest:
    """The manifest of an archive in a folder."""
    path = folder / manifests.NAME
    try:
        return manifests.decode(path.read_bytes(), str(path))
    except OSError as error:
        raise ArchiveDamaged(f"{folder} is no archive: {manifests.NAME} cannot be read ({error.strerror})") from None


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(READ_BYTES):
            found.update(part)
    return found.hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
