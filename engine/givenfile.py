"""Files that people give the engine: read whole, up to a size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def read_given(path: Path, most: int, refused: Callable[[str], Exception]) -> bytes:
    """The bytes of a file of at most ``most``; raises what ``refused`` makes of the reason why there are none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise refused(error.strerror or str(error)) from None
    if len(data) > most:
        raise refused(f"it is larger than {most:,} bytes")
    return data
