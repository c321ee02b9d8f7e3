"""Getting at what a SOURCE names: a file below the roots, what came from a URL, or a value in the input."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Category, ToolError
from engine.model import Json
from engine.room import require_room
from engine.tools.file_errors import explained, no_file
from engine.tools.roots import Roots
from engine.tools.rows.faults import bad_data, wrong
from engine.tools.rows.formats.guess import by_content, by_name
from engine.tools.rows.source import Origin

MOST_TEXT_BYTES = 64 * 1024 * 1024
"""Longest text that is read as a whole; CSV, NDJSON, Parquet and lists of JSON objects are not."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PEEK = 65_536


@dataclass(frozen=True, slots=True)
class Opened:
    """Data within reach. Either ``location`` is a file to read, or ``value`` is the data itself (rows or one value)."""

    label: str
    format: str
    location: str | None = None
    value: Json = None

    def text(self) -> str:
        """All of it as text; raises ``ToolError`` when it is too long or no UTF-8."""
        assert self.location is not None
        with open(self.location, "rb") as file:  # noqa: PTH123 (it may be a descriptor's path)
            data = file.read(MOST_TEXT_BYTES + 1)
        if len(data) > MOST_TEXT_BYTES:
            raise ToolError(
                f"{self.label}: {self.format} of more than {MOST_TEXT_BYTES} bytes is not read",
                category=Category.RESOURCE,
                suggestion="Use CSV, NDJSON or Parquet, which are read piece by piece.",
            )
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise bad_data(self.label, f"line {line} is no UTF-8 text", "Save it in UTF-8.") from None


@contextmanager
def opened(source: Origin, roots: Roots, folder: Path, downloaded: bytes | None) -> Iterator[Opened]:
    """The data of a source, as long as the block runs.

    Args:
        source: exactly one place.
        roots: where files may be.
        folder: for what must become a file first.
        downloaded: what the URL gave.
    """
    if source.path is not None:
        with _file(source, roots) as found:
            yield found
    elif downloaded is not None:
        yield _kept(downloaded, source, folder, by_name(source.url or ""))
    else:
        yield _by_value(source, folder)


@contextmanager
def _file(source: Origin, roots: Roots) -> Iterator[Opened]:
    """The file is kept open and read by its descriptor, so that nothing can be put in its place meanwhile."""
    path = source.path or ""
    with explained(path), roots.open(path) as place:
        descriptor = os.open(place.name, _READ, dir_fd=place.folder)
        real = place.path
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise no_file(path, "no regular file")
        by_descriptor = Path(f"/proc/self/fd/{descriptor}")
        location = str(by_descriptor if by_descriptor.exists() else real)
        start = os.pread(descriptor, _PEEK, 0)
        yield Opened(path, _format(source, start, by_name(path)), location)
    finally:
        os.close(descriptor)


def _kept(data: bytes, source: Origin, folder: Path, named: str | None) -> Opened:
    path = folder / f"data-{len(list(folder.iterdir()))}"
    with explained(source.label):
        require_room(folder, len(data))
        path.write_bytes(data)
    return Opened(source.label, _format(source, data[:_PEEK], named), str(path))


def _format(source: Origin, start: bytes, named: str | None) -> str:
    if not start.strip() and source.format != "text" and named != "text":
        raise bad_data(source.label, "it is empty", "Give at least one row, or a header.")
    return source.format or named or by_content(start)


def _by_value(source: Origin, folder: Path) -> Opened:
    value = unwrapped(source.data)
    if isinstance(value, str):
        return _kept(value.encode(), source, folder, None)
    if value is None:
        raise wrong("data: it is null", "Give rows or text, or correct the reference.")
    return Opened("data", source.format or "json", value=value)


def unwrapped(value: Json) -> Json:
    """What an earlier stage gave, without what is beside it; anything else as it is."""
    if isinstance(value, dict):
        if "partial" in value:
            raise wrong("data: it holds partial sums, not rows", 'Give it to aggregation as one of "parts".')
        if "data" in value:
            return value["data"]
        if isinstance(value.get("text"), str):
            return value["text"]
    return value
