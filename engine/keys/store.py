"""Where the graph keeps the keys of the API, as a Protocol."""

from __future__ import annotations

from typing import Protocol

from engine.keys.key import ApiKey


class KeyStore(Protocol):
    """The keys of a namespace. None is ever removed: one that is revoked says who had it."""

    async def put_key(self, key: ApiKey) -> None:
        """Keeps a new key. Not fenced: no engine is needed for it."""

    async def api_keys(self) -> list[ApiKey]:
        """All of them, oldest first, those that are revoked too."""

    async def revoke_key(self, id_: str, at: int, by: str) -> None:
        """From now on it is of no use; one that is revoked already stays as it is."""
