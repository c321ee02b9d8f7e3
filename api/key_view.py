"""How a key of the API is shown: by the server, and by the command line where it opens the graph itself."""

from __future__ import annotations

from api import schemas
from engine.keys.key import ApiKey
from engine.times import iso


def key_view(key: ApiKey) -> schemas.KeyView:
    """A key without what makes it one."""
    return schemas.KeyView(
        id=key.id,
        subject=key.subject,
        scopes=list(key.scopes),
        user_id=key.user_id,
        created_at=iso(key.created_at),
        created_by=key.created_by,
        revoked_at=iso(key.revoked_at) if key.revoked_at else None,
        revoked_by=key.revoked_by,
    )


def created_view(key: ApiKey, text: str) -> schemas.CreatedKey:
    """A fresh key with the text of it, this once."""
    return schemas.CreatedKey(key=text, **dict(key_view(key)))
