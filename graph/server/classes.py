"""An archive of loaded classes: the Java virtual machine maps it instead of reading two hundred jars (half the start).

Writing one costs a slower start and some ten seconds at the stop, so a server does it when it starts for the second
time: whoever only looks at the product does not pay for it. Java checks jars and version itself and ignores an archive
that does not fit.
"""

from __future__ import annotations

import os
from pathlib import Path

from graph.server.java import Java


def archive_path(cache: Path, java: Java) -> Path:
    """Where the archive for this Java lies."""
    return cache / f"classes-{java.version}.jsa"


def new_recording(archive: Path) -> Path:
    """A place for an archive that is being written, so that two servers never write to one file."""
    return archive.with_name(f"{archive.name}.{os.getpid()}.new")


def archive_flags(archive: Path, recording: Path | None) -> list[str]:
    """The flags that use the archive, or that write one into ``recording`` when the server ends."""
    # Java warns of each of a thousand classes that it leaves out.
    quiet = "-Xlog:cds=error"
    if archive.is_file():
        return [f"-XX:SharedArchiveFile={archive}", quiet]
    return [f"-XX:ArchiveClassesAtExit={recording}", quiet] if recording else []


def keep(recording: Path, whole: bool) -> None:
    """Puts a recording in place, or throws it away when its writer was killed.

    Args:
        recording: what ``new_recording`` gave.
        whole: the server ended by itself, so the file is complete.
    """
    if not whole:
        recording.unlink(missing_ok=True)
    elif recording.is_file():
        recording.replace(recording.with_name(recording.name.rpartition(".jsa")[0] + ".jsa"))
