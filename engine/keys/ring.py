"""The keys of the namespace as this engine knows them: asked at every request, read from the graph when they change.

Whoever makes or revokes a key here knows of it at once. Of what others do the heartbeat tells: it counts the changes in
the graph, and when there are more than were known, all keys are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import NotFound
from engine.keys.key import ApiKey, Scope, check, digest, new_key
from engine.keys.store import KeyStore


class Keyring:
    """The keys of one namespace. ``load`` before use.

    Args:
        store: where they are kept.
        new_id: makes an id for a moment in milliseconds.
        now: the moment in milliseconds.
    """

    def __init__(self, store: KeyStore, new_id: Callable[[int], str], now: Callable[[], int]) -> None:
        self._store = store
        self._new_id = new_id
        self._now = now
        self._keys: list[ApiKey] = []
        self._by_hash: dict[str, ApiKey] = {}

    @property
    def active(self) -> bool:
        """Whether keys are asked for: from the first one on, also when all of them are revoked."""
        return bool(self._keys)

    @property
    def changes(self) -> int:
        """How often a key was made or revoked."""
        return sum(2 if key.revoked_at else 1 for key in self._keys)

    @property
    def keys(self) -> list[ApiKey]:
        """All of them, oldest first."""
        return list(self._keys)

    async def load(self) -> None:
        """Reads all of them."""
        keys = await self._store.api_keys()
        self._by_hash = {key.hash: key for key in keys if not key.revoked_at}
        self._keys = keys

    async def heard(self, changes: int | None) -> None:
        """Reads them again if there are other changes than those known; None where nobody else can make any."""
        if changes is not None and changes != self.changes:
            await self.load()

    def holder(self, key: str) -> ApiKey | None:
        """The key that somebody shows; None when there is none, or it is revoked. Looked up by its hash, so the time
        that it takes says nothing of any key.
        """
        return self._by_hash.get(digest(key))

    def holds(self, key: ApiKey) -> bool:
        """Whether a key that was shown earlier is still good."""
        return key.hash in self._by_hash

    async def create(self, subject: str, scopes: Sequence[str], user_id: str = "", by: str = "") -> tuple[ApiKey, str]:
        """Makes a key; the text in the answer is the only copy of it. Raises ``InvalidInput``."""
        granted = check(subject, list(scopes), first=not self.active)
        text, now = new_key(), self._now()
        key = ApiKey(self._new_id(now), digest(text), subject, granted, user_id, now, by)
        await self._store.put_key(key)
        await self.load()
        return key, text

    async def revoke(self, id_: str, by: str = "") -> ApiKey:
        """Makes a key of no use, for good. Raises ``NotFound``."""
        await self.load()
        if id_ not in {key.id for key in self._keys}:
            raise NotFound(f"there is no key {id_[:100]!r}: 'agent03 key list' lists them by id")
        await self._store.revoke_key(id_, self._now(), by)
        await self.load()
        return next(key for key in self._keys if key.id == id_)


def refused(scope: Scope, key: ApiKey) -> str:
    """What whoever holds a key is told that is not good for something."""
    has = ", ".join(key.scopes)
    return f"this needs the scope {scope.value}; the key of {key.subject} has {has}: take another key"
