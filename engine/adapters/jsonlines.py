"""Tables as lines of JSON, compressed by gzip: nothing has to be installed to write or to read them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.archive.manifest import ArchiveDamaged
from engine.archive.shape import Row

ROWS = 1_000


class JsonFiles:
    """Files that end in ``.jsonl.gz``."""

    suffix = ".jsonl.gz"

    def check(self) -> None:
        """Nothing can be missing."""

    def writer(self, path: Path, table: str) -> JsonFile:  # noqa: ARG002
        """Begins a file."""
        return JsonFile(path)

    def read(self, path: Path, table: str) -> Iterator[list[Row]]:  # noqa: ARG002
        """The rows of a file, some at a time."""
        rows: list[Row] = []
        decoder = msgspec.json.Decoder(dict)
        try:
            with gzip.open(path, "rb") as file:
                for line in file:
                    rows.append(decoder.decode(line))
                    if len(rows) >= ROWS:
                        yield rows
                        rows = []
        except (OSError, EOFError, msgspec.DecodeError) as error:
            raise ArchiveDamaged(f"{path} cannot be read: {error}; take another copy of it") from None
        yield rows


class JsonFile:
    """A file that is being written."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.open(path, "wb", compresslevel=4)  # noqa: SIM115
        self._encoder = msgspec.json.Encoder()

    def write(self, rows: Sequence[Row]) -> None:
        """Adds rows, one a line."""
        self._file.write(b"".join(self._encoder.encode(row) + b"\n" for row in rows))

    def close(self) -> None:
        """Ends the file; a second time does nothing."""
        self._file.close()
