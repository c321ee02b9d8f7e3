"""The first thing to read of an archive: what is in it, how much, and by which checksums that can be proved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.archive.shape import ALL, FORMAT, TABLES
from engine.errors import EngineError
from engine.model import Value

NAME = "manifest.json"
Kind = Literal["archive", "backup"]


class ArchiveDamaged(EngineError):
    """The archive is not what was written. Fetch it again, or take another copy."""


class TableFile(Value, frozen=True):
    """One table of an archive: its file below the folder, rows, bytes, and SHA-256."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Value, frozen=True):
    """What an archive says of itself.

    ``made_at`` is in milliseconds since 1970 UTC, ``tasks`` are the ids in it, ``blobs`` the hashes of what is in its
    folder ``blobs`` (each file is named by its SHA-256), and ``lost`` of what the blob store could not give.
    """

    id: str
    kind: Kind
    namespace: str
    engine: str
    made_at: int
    tables: Mapping[str, TableFile]
    tasks: list[str]
    blobs: list[str]
    lost: list[str] = msgspec.field(default_factory=list)
    format: int = FORMAT

    def encode(self) -> bytes:
        """As JSON, for people too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def decode(data: bytes, place: str) -> Manifest:
    """A manifest; raises ``ArchiveDamaged`` when it is none, or of a newer engine."""
    try:
        known = msgspec.json.decode(data, type=dict[str, object])
        version = known.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise ArchiveDamaged(
                f"{place} has format {version}, and this engine reads up to {FORMAT}: take a newer one"
            )
        manifest = msgspec.convert(known, Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ArchiveDamaged(f"{place} is no manifest of an archive: {error}") from None
    missing = (TABLES if manifest.kind == "archive" else ALL).keys() - manifest.tables.keys()
    if missing:
        raise ArchiveDamaged(f"{place} has no table {', '.join(sorted(missing))}: take another copy")
    return manifest
