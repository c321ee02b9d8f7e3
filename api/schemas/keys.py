"""Keys of the API."""

from __future__ import annotations

from api.schemas.base import Time, Wire
from engine.keys.key import Scope


class KeyView(Wire):
    """A key without what makes it one."""

    id: str
    subject: str
    """Who has it."""
    scopes: list[Scope]
    user_id: str
    """The only user whose tasks its holder submits and runs again; empty for any."""
    created_at: Time
    created_by: str
    revoked_at: Time | None
    """Null while it may be used."""
    revoked_by: str


class CreatedKey(KeyView):
    """A fresh key."""

    key: str
    """The key itself, this once."""


class Keys(Wire):
    """The keys of the namespace, oldest first."""

    keys: list[KeyView]
