"""What a connection offers to the reader and the writer: named statements in, rows out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]


class Database(Protocol):
    """A graph database that runs statements of the catalogue by name.

    Both methods raise ``engine.errors.GraphUnavailable`` when the database does not answer.
    """

    async def read(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement that changes nothing."""

    async def write(self, name: str, /, **params: Any) -> list[Row]:
        """Runs a statement in a transaction of its own and waits for its commit."""
