"""Tables as Parquet, which every tool for data reads; compressed by zstd, each column in its type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.archive.shape import ALL, Row
from engine.errors import SettingsError

ROWS = 5_000
"""Rows in one group: what a reader holds at a time."""
TOGETHER = 50
"""Rows that are put into columns in one go: a millisecond or two."""


class ParquetFiles:
    """Files that end in ``.parquet``; needs the extra ``archive``."""

    suffix = ".parquet"

    def check(self) -> None:
        """Looks for pyarrow."""
        _library()

    def writer(self, path: Path, table: str) -> ParquetFile:
        """Begins a file."""
        return ParquetFile(path, table)

    def read(self, path: Path, table: str) -> Iterator[list[Row]]:  # noqa: ARG002
        """The rows of a file, a group at a time."""
        _, parquet = _library()
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield batch.to_pylist()


class ParquetFile:
    """A file that is being written."""

    def __init__(self, path: Path, table: str) -> None:
        self._arrow, parquet = _library()
        arrow = self._arrow
        kinds = {
            "text": arrow.string(),
            "int": arrow.int64(),
            "float": arrow.float64(),
            "bool": arrow.bool_(),
            "texts": arrow.list_(arrow.string()),
        }
        self._schema = arrow.schema([(column.name, kinds[column.kind]) for column in ALL[table]])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Adds rows; they are written a group at a time, but put into columns a few at a time, because nothing else
        of this process runs meanwhile.
        """
        for at in range(0, len(rows), TOGETHER):
            batch = self._arrow.RecordBatch.from_pylist(rows[at : at + TOGETHER], schema=self._schema)
            self._waiting.append(batch)
            self._rows += len(batch)
        if self._rows >= ROWS:
            self._flush()

    def close(self) -> None:
        """Ends the file; a second time does nothing."""
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.Table.from_batches(self._waiting).combine_chunks())
            self._waiting, self._rows = [], 0


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise SettingsError(
            "archives in Parquet need pyarrow: pip install 'agent03-core-engine[archive]', or set ARCHIVE_FORMAT=json"
        ) from error
    return pyarrow, pyarrow.parquet
