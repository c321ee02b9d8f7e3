"""Rows inside the database: a table or view with its columns, and a hidden column that keeps their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.model import Json
from engine.tools.rows.census import quoted
from engine.tools.rows.database import Database
from engine.tools.rows.values import objects

ROW = "__row"
"""The hidden column: the number of the row in its source, from 1."""
KINDS = {"BOOLEAN": "boolean", "DOUBLE": "number", "FLOAT": "number", "VARCHAR": "string", "JSON": "any"}


@dataclass(frozen=True, slots=True)
class Table:
    """``name`` in the database; ``columns`` are the visible ones with the type that the database gives them.

    ``kinds`` says more where JSON alone would not: array, object, a wide integer.
    """

    database: Database
    name: str
    columns: dict[str, str]
    kinds: dict[str, str] = field(default_factory=dict)

    def kind(self, column: str) -> str:
        """integer, number, boolean, string, array, object, any or null."""
        return self.kinds.get(column) or kind_of(self.columns[column])

    def count(self) -> int:
        """How many rows there are."""
        return int(self.database.row(f"SELECT count(*) FROM {quoted(self.name)}")[0])

    def rows(self) -> Iterator[dict[str, Json]]:
        """The rows in order, as JSON objects. The database can do nothing else meanwhile."""
        names, types = list(self.columns), list(self.columns.values())
        for batch in self.database.batches(self._select("")):
            yield from objects(names, types, [values[: len(names)] for values in batch] if not names else batch)

    def numbered(self) -> Iterator[tuple[int, dict[str, Json]]]:
        """The rows in order with their numbers."""
        names, types = list(self.columns), list(self.columns.values())
        for batch in self.database.batches(self._select(f"{quoted(ROW)}, ")):
            found = objects(names, types, [values[1 : len(names) + 1] for values in batch])
            yield from zip((values[0] for values in batch), found, strict=True)

    def _select(self, first: str) -> str:
        names = ", ".join(map(quoted, self.columns)) or "1"
        return f"SELECT {first}{names} FROM {quoted(self.name)} ORDER BY {quoted(ROW)}"


def view(table: Table, name: str, sql: str, kinds: Mapping[str, str] | None = None) -> Table:
    """A view over ``table`` by a query that keeps the hidden column; ``kinds`` are those of its columns."""
    table.database.run(f"CREATE OR REPLACE VIEW {quoted(name)} AS {sql}")
    return described(table.database, name, table.kinds if kinds is None else kinds)


def described(database: Database, name: str, kinds: Mapping[str, str] | None = None) -> Table:
    """What is called ``name`` in the database. Known kinds stay only with columns that are still JSON."""
    types = dict(database.types(f"SELECT * FROM {quoted(name)}"))
    types.pop(ROW, None)
    kept = {column: kind for column, kind in (kinds or {}).items() if types.get(column) in ("JSON", "VARCHAR")}
    return Table(database, name, types, kept)


def kind_of(sql: str) -> str:
    """The kind of a type of the database."""
    if sql.endswith("INT") or sql == "INTEGER":
        return "integer"
    if sql.startswith("DECIMAL"):
        return "integer" if sql.endswith(",0)") else "number"
    if sql.endswith("]"):
        return "array"
    if sql.startswith(("STRUCT", "MAP")):
        return "object"
    return KINDS.get(sql, "string")
