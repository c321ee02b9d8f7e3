"""What archives need from outside: files of tables in some form, and places where whole archives are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from engine.archive.manifest import Manifest
from engine.archive.shape import Row


class TableWriter(Protocol):
    """A file that is being written."""

    def write(self, rows: Sequence[Row]) -> None:
        """Adds rows."""

    def close(self) -> None:
        """Ends the file; it is not on the disk for sure yet."""


class TableFiles(Protocol):
    """One form of files: ``suffix`` ends their names."""

    suffix: str

    def check(self) -> None:
        """Raises ``SettingsError`` when what it needs is not installed."""

    def writer(self, path: Path, table: str) -> TableWriter:
        """Begins a file; raises as ``check``."""

    def read(self, path: Path, table: str) -> Iterator[list[Row]]:
        """The rows of a file, some at a time."""


class ArchivePlace(Protocol):
    """Where archives are kept, each under its id. What is not whole is not there."""

    name: str

    async def check(self) -> None:
        """Raises ``EngineError`` when archives cannot be kept here."""

    async def staging(self, id_: str) -> Path:
        """An empty folder in which one is put together."""

    async def publish(self, id_: str, folder: Path) -> None:
        """Keeps what is in the folder, durably, all of it or nothing, and looks that it is what was written."""

    async def drop(self, folder: Path) -> None:
        """Throws a folder of ``staging`` or ``fetched`` away."""

    async def sweep(self) -> None:
        """Throws away what a crash has left half written."""

    async def manifests(self) -> list[Manifest]:
        """All archives, the oldest first."""

    async def fetched(self, id_: str) -> Path:
        """A folder of this machine that holds an archive; to be given to ``drop``."""
