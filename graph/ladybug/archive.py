"""Archives on the embedded graph: many rows of one table are texts in a list, the others go one by one.

The database takes a list of rows only when each has the same type, and nothing has none; so nothing is a text too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.archive.shape import ALL, Column
from graph.archive import Archive
from graph.ladybug.connection import LadybugDatabase, Session

NOTHING = "\x00nothing"
"""Stands for nothing among texts."""
BATCH = 500
"""Rows in one transaction."""
TOGETHER = ("subtasks", "attempts")
"""Tables whose rows go together."""


class LadybugArchive(Archive):
    """The archive of one namespace of an embedded graph."""

    _ladybug: LadybugDatabase

    async def load_tasks(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes tasks that nobody sees yet."""
        await self.load_rows("tasks", rows)

    async def load_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes rows of a table, a batch at a time."""
        for at in range(0, len(rows), BATCH):
            batch = rows[at : at + BATCH]
            await self._ladybug.transaction(lambda session, batch=batch: self._put_archived(session, table, batch))  # type: ignore[misc]

    def _put_archived(self, session: Session, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if table in TOGETHER:
            texts = [[_text(column, row[column.name]) for column in ALL[table]] for row in rows]
            session.run(f"archive/put_{table}", rows=texts, namespace=self._namespace, absent=NOTHING)
            return
        for row in rows:
            node = self._node(table, row)
            node |= {column.name: column.rest for column in ALL[table] if column.fill and node[column.name] is None}
            if table == "tasks":
                node["open_owner"] = ""
            session.run(f"archive/put_{table}", **node)


def _text(column: Column, value: Any) -> str:
    if value is None or value == []:
        if not column.fill:
            return NOTHING
        value = column.rest
    if column.kind == "texts":
        return ",".join(value)
    if column.kind == "bool":
        return "true" if value else "false"
    return repr(value) if column.kind == "float" else str(value)
