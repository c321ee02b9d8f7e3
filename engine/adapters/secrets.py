"""Where secrets are kept: in variables of the environment that are handed in, and in folders with a file for each.

A variable goes before a file, and an earlier folder before a later one. Files are read at each call, so that a secret
that is replaced counts from the next attempt on. One line break at the end of a file is not part of the secret.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine.secrets.vault import LONGEST, NAME

DOCKER = Path("/run/secrets")
"""Where Docker and Kubernetes put the secrets of a container."""
KEY_BYTES = 32


class SecretPlaces:
    """The places of one engine; see ``engine.secrets.vault.SecretSource``.

    Args:
        variables: secrets by name.
        folders: one file for each secret.
    """

    def __init__(self, variables: Mapping[str, str], folders: Sequence[Path]) -> None:
        self._variables = variables
        self._folders = folders

    def names(self) -> Iterable[str]:
        """The names of all secrets that there are."""
        found = dict.fromkeys(self._variables)
        for folder in self._folders:
            with contextlib.suppress(OSError):
                found |= dict.fromkeys(path.name for path in sorted(folder.iterdir()) if path.is_file())
        return [name for name in found if NAME.fullmatch(name)]

    def has(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        return name in self._variables or any((folder / name).is_file() for folder in self._folders)

    def read(self, name: str) -> str | None:
        """The secret; None when there is none. Raises ``OSError`` or ``ValueError`` when it cannot be read."""
        if name in self._variables:
            return self._variables[name]
        for folder in self._folders:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return _text_of(folder / name)
        return None


def kept_key(path: Path) -> bytes:
    """The key in a file that only its owner can read; made when there is none. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # whoever comes second takes that of the first
        fresh.unlink()
    return path.read_bytes()


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(4 * LONGEST + 1)
    text = data.decode()
    return text[: -2 if text.endswith("\r\n") else -1] if text.endswith("\n") else text
