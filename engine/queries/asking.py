"""What is asked of a graph database for a person, what it may cost, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from engine.model import Json, Value

FIRST_ROWS = "only the first {rows:,} rows; narrow the query, or page with ORDER BY, SKIP and LIMIT"
FIRST_BYTES = "only the first {rows:,} rows, because the next one would exceed {bytes:,} bytes; return fewer properties"


class Bounds(Value, frozen=True):
    """What one query may cost."""

    seconds: float = 5.0
    rows: int = 1_000
    bytes: int = 4 * 1024 * 1024
    """Of the rows as JSON."""


class SavedQuery(Value, frozen=True):
    """A query of ours under ``cypher/saved``: it sees one namespace only."""

    name: str
    purpose: str
    parameters: tuple[str, ...]
    """Those that have to be given."""
    defaults: Mapping[str, Json]
    """Those that may be."""
    returns: str
    text: str
    follows: str = ""
    """A column that names another row by its first column: only the rows on the way from the first one are meant."""


class Table(Value, frozen=True):
    """Columns and rows, all of it JSON; ``cut`` says why there are no more rows, empty when these are all."""

    columns: list[str]
    rows: list[list[Json]]
    cut: str = ""


class Gathering:
    """Takes rows until there are enough."""

    def __init__(self, columns: Sequence[str], bounds: Bounds) -> None:
        self._columns = list(columns)
        self._rows: list[list[Json]] = []
        self._cut = ""
        self._bounds = bounds
        self._bytes = 0

    def add(self, row: list[Json]) -> bool:
        """Takes a row; False when this one has no room any more, and nothing after it is wanted."""
        bounds = self._bounds
        self._bytes += len(msgspec.json.encode(row))
        if len(self._rows) >= bounds.rows:
            self._cut = FIRST_ROWS.format(rows=bounds.rows)
        elif self._bytes > bounds.bytes:
            self._cut = FIRST_BYTES.format(rows=len(self._rows), bytes=bounds.bytes)
        else:
            self._rows.append(row)
        return not self._cut

    def table(self) -> Table:
        """What was taken."""
        return Table(self._columns, self._rows, self._cut)


class Asker(Protocol):
    """A graph database that answers people beside its work. What is asked slows no turn and changes nothing."""

    unsafe_functions: frozenset[str]
    """Functions, in capitals, that would break the bounds in this database."""

    def saved_queries(self) -> list[SavedQuery]:
        """Our own queries, by name."""

    async def ask(self, text: str, parameters: Mapping[str, Json], bounds: Bounds) -> Table:
        """Runs a query that has been judged, in read mode. The database sees everything that it holds.

        Raises:
            InvalidInput: the database finds fault with the query.
            TooCostly: it takes more time or memory than it may.
            GraphUnavailable: the database does not answer.
        """
