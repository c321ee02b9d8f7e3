"""The keys of the API, once for both dialects: one node for each, with the hash of the key and never the key."""

from __future__ import annotations

from engine.keys.key import ApiKey, Scope
from graph.database import Database

STATEMENTS = frozenset({"key/create", "key/list", "key/revoke"})


class ApiKeys:
    """The keys of one namespace."""

    _database: Database
    _namespace: str

    async def put_key(self, key: ApiKey) -> None:
        """Keeps a new key."""
        await self._database.write(
            "key/create",
            id=key.id,
            namespace=self._namespace,
            hash=key.hash,
            subject=key.subject,
            scopes=" ".join(key.scopes),
            user_id=key.user_id,
            at=key.created_at,
            by=key.created_by,
        )

    async def api_keys(self) -> list[ApiKey]:
        """All of them, oldest first."""
        rows = await self._database.read("key/list", namespace=self._namespace)
        return [ApiKey(**{**row, "scopes": tuple(map(Scope, row["scopes"].split()))}) for row in rows]

    async def revoke_key(self, id_: str, at: int, by: str) -> None:
        """From now on it is of no use."""
        await self._database.write("key/revoke", id=id_, namespace=self._namespace, at=at, by=by)
