"""Takes questions in Cypher: judges them, lets a few at a time through, and sees to it that each ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from engine.errors import Busy, Fault, InvalidInput, NotFound
from engine.model import Json
from engine.queries.asking import Asker, Bounds, SavedQuery, Table
from engine.queries.guard import Guarded, guarded
from engine.queries.tokens import Refused

AT_ONCE = 2
"""Queries that run at the same time."""
WAITING = 8
"""Queries that wait for that; more are sent away."""
FOLLOWED = Bounds(rows=100_000, bytes=64 * 1024 * 1024)
"""What a query may cost whose rows are followed: of all that it finds a few are meant."""
MOST_PARAMETERS = 1024 * 1024
"""Bytes of all parameters of a query, as JSON: what it makes of them may be 256 times as much."""
WHOLE = range(-(2**63), 2**63)
"""Whole numbers that both databases have."""


class GraphDesk:
    """Answers for one engine."""

    def __init__(self, asker: Asker, namespace: str, bounds: Bounds | None = None) -> None:
        self._asker = asker
        self._namespace = namespace
        self._bounds = bounds or Bounds()
        self._running = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def saved(self) -> list[SavedQuery]:
        """Our own queries, by name."""
        return self._asker.saved_queries()

    async def query(self, cypher: str, parameters: Mapping[str, Json]) -> Table:
        """Runs a query of the caller's, which sees the whole database.

        Raises:
            InvalidInput: it does more than read, its parameters are not those that it names, or the database finds
                fault with it.
            TooCostly: it takes more time or memory than it may.
            Busy: too many wait already.
        """
        query = self._judged(cypher)
        faults = _named(query.parameters, parameters) + _numbers(parameters) + _long(parameters)
        if faults:
            raise InvalidInput(faults)
        async with self._place():
            return await self._asker.ask(query.text, parameters, self._bounds)

    async def run(self, name: str, parameters: Mapping[str, Json]) -> Table:
        """Runs one of our own queries in this engine's namespace; raises ``NotFound``, and else as ``query`` does."""
        query = next((one for one in self.saved() if one.name == name), None)
        if query is None:
            names = ", ".join(one.name for one in self.saved())
            raise NotFound(f"there is no saved query {name!r}; there are {names}")
        faults = _fitting(query, parameters) + _numbers(parameters) + _long(parameters)
        if faults:
            raise InvalidInput(faults)
        given = {**query.defaults, **parameters, "namespace": self._namespace}
        async with self._place():
            table = await self._asker.ask(query.text, given, FOLLOWED if query.follows else self._bounds)
        return followed(table, query.follows) if query.follows else table

    def _judged(self, cypher: str) -> Guarded:
        try:
            return guarded(cypher, self._asker.unsafe_functions)
        except Refused as refusal:
            raise InvalidInput([Fault("/cypher", str(refusal))]) from None

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Waits for a place among those that run; raises ``Busy`` when too many wait."""
        if self._waiting >= WAITING:
            raise Busy(f"{AT_ONCE} queries run and {WAITING} wait; send it again in a moment", 1.0)
        self._waiting += 1
        try:
            await self._running.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._running.release()


def followed(table: Table, column: str) -> Table:
    """The rows on the way back from the first one, each of which names the one before by its first column."""
    place = table.columns.index(column)
    rows = {row[0]: row for row in table.rows}
    way: list[list[Json]] = []
    row = table.rows[0] if table.rows else None
    while row is not None:
        way.append(row)
        del rows[row[0]]
        row = rows.get(row[place])
    return Table(table.columns, way[::-1], table.cut)


def _named(wanted: frozenset[str], given: Mapping[str, Json]) -> list[Fault]:
    missing = [
        Fault(f"/parameters/{name}", "is named in the query and missing") for name in sorted(wanted - set(given))
    ]
    surplus = [Fault(f"/parameters/{name}", "is not named in the query") for name in sorted(set(given) - wanted)]
    return missing + surplus


def _fitting(query: SavedQuery, given: Mapping[str, Json]) -> list[Fault]:
    """What is wrong with the parameters of a saved query: one without a default is text, the others are as theirs."""
    kinds: dict[str, type] = dict.fromkeys(query.parameters, str)
    kinds |= {name: type(value) for name, value in query.defaults.items()}
    there = ", ".join(kinds) or "none"
    faults = [Fault(f"/parameters/{name}", "is missing") for name in query.parameters if name not in given]
    for name, value in given.items():
        if name not in kinds:
            faults.append(Fault(f"/parameters/{name}", f"is no parameter of {query.name}; it has {there}"))
        elif type(value) is not kinds[name]:
            wanted = "a text" if kinds[name] is str else "a whole number"
            faults.append(Fault(f"/parameters/{name}", f"should be {wanted}"))
    return faults


def _numbers(given: Mapping[str, Json]) -> list[Fault]:
    """Whole numbers that the databases do not have."""
    return [
        Fault(f"/parameters/{name}", "holds a whole number of more than 64 bits; send it as a text")
        for name, value in given.items()
        if not _fits(value)
    ]


def _long(given: Mapping[str, Json]) -> list[Fault]:
    """Whether the parameters are too much."""
    if len(msgspec.json.encode(given)) <= MOST_PARAMETERS:
        return []
    return [Fault("/parameters", f"have more than {MOST_PARAMETERS:,} bytes; ask in several queries")]


def _fits(value: Json) -> bool:
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    if isinstance(value, list):
        return all(map(_fits, value))
    return not isinstance(value, int) or value in WHOLE
