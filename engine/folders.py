"""A folder of the settings, made where it is missing: an unusable one ends the start with one line that names it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import SettingsError


def writable(folder: Path, setting: str) -> None:
    """Makes a folder unless it is there; raises ``SettingsError`` where nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return
        why = "this user may not write there, or its disk is read-only"
    except FileExistsError:
        why = "it is a file"
    except OSError as error:
        why = error.strerror or str(error)
    raise SettingsError(f"{setting} {folder} cannot be used: {why}; name a folder that this user may write to")
