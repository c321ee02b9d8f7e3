"""What every blob store asks of a digest, and of what is stored under it."""

from __future__ import annotations

import hashlib
import re

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(data: bytes) -> str:
    """The SHA-256 of a payload, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def checked(digest: str) -> str:
    """The digest itself; raises ``ValueError`` when it is not written as one."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is not a SHA-256 in lower-case hexadecimal")
    return digest


def check_payload(digest: str, data: bytes) -> None:
    """Raises ``ValueError`` unless ``digest`` is the hash of ``data``."""
    if digest_of(data) != checked(digest):
        raise ValueError(f"{digest} is not the SHA-256 of the {len(data)} bytes given")
