"""What a server's folder keeps between two commands: ``state.json`` and ``password``, for their owner's eyes only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph.server.errors import LocalNeo4jError
from graph.server.process import ProcessId


class SavedState(BaseModel):
    """The ports of the last start, and its process unless it was stopped cleanly."""

    model_config = ConfigDict(frozen=True)

    bolt_port: int = Field(ge=1, le=65535)
    http_port: int = Field(ge=1, le=65535)
    pid: int | None = None
    started: float = 0.0
    recording: str = ""
    """The archive of classes that this process writes when it ends; empty when it writes none."""

    @property
    def process(self) -> ProcessId | None:
        """The process of the last start; None after a clean stop."""
        return ProcessId(self.pid, self.started) if self.pid else None


def read_state(folder: Path) -> SavedState | None:
    """The saved state; None when there never was a start.

    Raises:
        LocalNeo4jError: the file is damaged.
    """
    path = folder / "state.json"
    try:
        return SavedState.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError:
        raise LocalNeo4jError(f"{path} is damaged; end the server it belongs to and remove that file.") from None


def write_state(folder: Path, state: SavedState) -> None:
    """Replaces the saved state in one step."""
    _replace(folder / "state.json", state.model_dump_json(indent=2))


def read_password(folder: Path) -> str | None:
    """The password of the user ``neo4j``; None when there is none yet."""
    try:
        return (folder / "password").read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def create_password(folder: Path) -> str:
    """Makes up a password and keeps it in a file of mode 0600."""
    password = secrets.token_hex(16)
    _replace(folder / "password", password + "\n")
    return password


def _replace(path: Path, text: str) -> None:
    """Writes a file of mode 0600 that is whole or not there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
