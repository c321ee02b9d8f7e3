"""A key of the API: what it looks like, how it is kept, what its holder may do. Pure.

A key is 256 random bits, so its SHA-256 says nothing of it and is kept instead of it. A slow hash is for passwords,
which can be guessed; nobody guesses this.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from enum import StrEnum

from engine.errors import Fault, InvalidInput
from engine.model import Value

PREFIX = "a3_"
"""Begins every key, so that it is known for one wherever it is found."""
BYTES = 32
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:+ -]{0,98}[A-Za-z0-9]|[A-Za-z0-9]")


class Scope(StrEnum):
    """What the holder of a key may do. ``admin`` may do everything; of the others none includes another."""

    READ = "read"
    SUBMIT = "submit"
    OPERATE = "operate"
    APPROVE = "approve"
    ADMIN = "admin"


class ApiKey(Value, frozen=True):
    """A key without what makes it one. ``user_id`` is the only user for whom its holder submits, "" for any; times are
    milliseconds, ``revoked_at`` 0 while it may be used; ``created_by`` and ``revoked_by`` are subjects.
    """

    id: str
    hash: str
    subject: str
    scopes: tuple[Scope, ...]
    user_id: str = ""
    created_at: int = 0
    created_by: str = ""
    revoked_at: int = 0
    revoked_by: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether its holder may do what needs a scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def new_key() -> str:
    """A fresh key; whoever made it sees it once."""
    return PREFIX + secrets.token_urlsafe(BYTES)


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def check(subject: str, scopes: list[str], *, first: bool) -> tuple[Scope, ...]:
    """The scopes of a key that is to be made, each once.

    Raises ``InvalidInput`` with every fault: the name of the subject, an unknown scope, none at all; and where it is
    the ``first`` one, that it has to be able to make others.
    """
    faults = []
    if not _SUBJECT.fullmatch(subject):
        text = "should be a name of up to 100 letters, digits, blanks and _.@:+-, with a letter or digit at both ends"
        faults.append(Fault("/subject", text))
    known = [scope.value for scope in Scope]
    faults += [
        Fault(f"/scopes/{number}", f"should be one of {', '.join(known)}")
        for number, scope in enumerate(scopes)
        if scope not in known
    ]
    if not scopes:
        faults.append(Fault("/scopes", f"should name at least one of {', '.join(known)}"))
    elif first and not faults and Scope.ADMIN not in scopes:
        faults.append(Fault("/scopes", "should name admin: from the first key on only an admin makes others"))
    if faults:
        raise InvalidInput(faults)
    return tuple(Scope(scope) for scope in dict.fromkeys(scopes))
